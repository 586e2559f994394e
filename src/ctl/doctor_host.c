#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "ctl/doctor.h"
#include "proto/rundir.h"
#include "vm/accel.h"
#include "vm/image.h"
#include "sandbox/jail.h"
#include "conf/env.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#define MIB ((int64_t)1 << 20)
/* A seed is small, but may carry the user's skills and plugins. */
#define RUNDIR_SPACE_MIN  (4 * MIB)
#define RUNDIR_SPACE_GOOD (64 * MIB)
/* An image takes about 300 MB, its download 175 MB. */
#define CACHE_SPACE_GOOD (600 * MIB)
/* ccvm-session and ccvm-net need some dozens; a connection of the guest's is one more. */
#define FDS_MIN	 128
#define FDS_GOOD 1024

/* What there is, against what a start needs and what is comfortable. */
static enum doctor_level host_level(int64_t have, int64_t needed, int64_t good)
{
	return have < needed ? DOCTOR_PROBLEM : have < good ? DOCTOR_NOTE : DOCTOR_OK;
}

void doctor_user(const struct doctor *d, struct finding *f)
{
	(void)d;
	if (geteuid() != 0) {
		doctor_say(f, DOCTOR_OK, "an ordinary user (uid %u)", (unsigned)geteuid());
	} else if (env_is(ENV_ALLOW_ROOT, "1")) {
		doctor_say(f, DOCTOR_NOTE, "root, allowed by CCVM_ALLOW_ROOT");
		doctor_remedy(f, "outside of a container, run ccvm as an ordinary user");
	} else {
		doctor_say(f, DOCTOR_PROBLEM, "root: ccvm refuses to run");
		doctor_remedy(
			f,
			"run it as an ordinary user, or set CCVM_ALLOW_ROOT=1 inside a container");
	}
}

/* ---- acceleration ---- */

static bool host_cpu_virtualizes(void)
{
	AUTO_BUF struct buf text = {0};
	struct err none;

	if (file_read(AT_FDCWD, "/proc/cpuinfo", 16u << 20, &text, &none) < 0)
		return true; /* not known */
	return strstr(buf_text(&text), " vmx") || strstr(buf_text(&text), " svm");
}

void doctor_kvm(const struct doctor *d, struct finding *f)
{
	const char *device = env_host()->kvm_device;
	AUTO_FREE char *record = accel_record_path(env_host());
	AUTO_FREE char *failed = accel_recorded(record);
	struct accel accel;
	struct err e = {0};
	bool hopeless;
	static const char nested[] = "in a virtual machine, turn on nested virtualization on its "
				     "host (modprobe kvm_intel "
				     "or kvm_amd then makes the device); else nothing can be done";

	if (d->conf.acceleration == CONF_ACCEL_TCG) {
		doctor_say(f, DOCTOR_OK, "not used: acceleration is tcg");
		return;
	}
	if (accel_resolve(ACCEL_KVM, device, NULL, &accel, &e) == 0) {
		if (!failed) {
			doctor_say(f, DOCTOR_OK, "%s can be used", device);
			return;
		}
		doctor_say(f, DOCTOR_NOTE,
			   "%s does not run guests here: %s; they are emulated, which is slow",
			   device, failed);
		doctor_remedy(f,
			      "in a virtual machine, look at its host's nested virtualization; to "
			      "try again, remove %s",
			      record);
		return;
	}
	if (d->conf.acceleration == CONF_ACCEL_KVM) {
		doctor_say_err(f, DOCTOR_PROBLEM, &e);
		return;
	}
	hopeless = e.sys == ENOENT && !host_cpu_virtualizes();
	doctor_say(f, DOCTOR_NOTE, "%s: %s: guests are emulated, which is slow%s", device,
		   strerror(e.sys), hopeless ? " (this processor offers no virtualization)" : "");
	doctor_remedy(f, "%s", hopeless ? nested : e.remedy);
}

void doctor_landlock(const struct doctor *d, struct finding *f)
{
	struct jail jail;

	(void)d;
	jail_init(&jail);
	if (jail.abi) {
		doctor_say(f, DOCTOR_OK, "Landlock ABI %d", jail.abi);
	} else {
		doctor_say(f, DOCTOR_NOTE,
			   "this kernel has no usable Landlock: QEMU is confined by seccomp alone");
		doctor_remedy(
			f,
			"a kernel from 5.19 on, with landlock among its security modules (lsm=)");
	}
	jail_fini(&jail);
}

/* ---- space ---- */

void doctor_rundir(const struct doctor *d, struct finding *f)
{
	struct err e = {0};
	AUTO_FREE char *base = rundir_base(env_host()->runtime, &e);
	struct statfs fs;

	(void)d;
	if (!base) {
		doctor_say_err(f, DOCTOR_PROBLEM, &e);
	} else if (strlen(base) + sizeof("/bababa/" RUNDIR_SOCKET) >
		   sizeof(((struct sockaddr_un *)0)->sun_path)) {
		doctor_say(f, DOCTOR_PROBLEM, "%s is too long for a socket's path", base);
		doctor_remedy(f, "set XDG_RUNTIME_DIR to a shorter path");
	} else if (statfs(base, &fs) == 0 && fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC) {
		doctor_say(f, DOCTOR_NOTE,
			   "%s is not on tmpfs: the keys of sessions are written to a disk", base);
		doctor_remedy(
			f,
			"point XDG_RUNTIME_DIR at a directory on tmpfs, as a login session does");
	} else {
		doctor_say(f, DOCTOR_OK, "%s", base);
	}
}

/* Free bytes for this user at path, or at the nearest directory above that exists; -1 when that
 * cannot be told. */
static int64_t host_free_bytes(const char *path)
{
	AUTO_FREE char *at = mem_strdup(path);
	struct statvfs fs;

	while (statvfs(at, &fs) < 0) {
		char *slash = strrchr(at, '/');

		if (errno != ENOENT || !slash || !at[1])
			return -1;
		slash[slash == at] = '\0';
	}
	return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

void doctor_rundir_space(const struct doctor *d, struct finding *f)
{
	struct err none;
	AUTO_FREE char *base = rundir_base(env_host()->runtime, &none);
	int64_t bytes = base ? host_free_bytes(base) : -1;

	(void)d;
	if (bytes < 0) {
		doctor_say(f, DOCTOR_NOTE, "unknown: no run directory");
		return;
	}
	doctor_say(f, host_level(bytes, RUNDIR_SPACE_MIN, RUNDIR_SPACE_GOOD),
		   "%" PRId64 " MiB free in %s", bytes >> 20, base);
	if (f->level != DOCTOR_OK)
		doctor_remedy(f,
			      "free space on its file system, or point XDG_RUNTIME_DIR elsewhere");
}

void doctor_cache_space(const struct doctor *d, struct finding *f)
{
	AUTO_FREE char *cache = image_cache_dir(env_host());
	int64_t bytes = host_free_bytes(cache);

	(void)d;
	if (bytes < 0) {
		doctor_say(f, DOCTOR_NOTE, "%s: %s", cache, strerror(errno));
		doctor_remedy(f, "set XDG_CACHE_HOME to a directory that you own");
		return;
	}
	doctor_say(f, host_level(bytes, 0, CACHE_SPACE_GOOD), "%" PRId64 " MiB free for %s",
		   bytes >> 20, cache);
	if (f->level != DOCTOR_OK)
		doctor_remedy(f, "too little to build an image: free space, remove old images "
				 "(ccvmctl image list, rm), or "
				 "set XDG_CACHE_HOME to another place");
}

/* ---- limits ---- */

void doctor_memlock(const struct doctor *d, struct finding *f)
{
	struct err e = {0};

	if (!d->conf.lock_guest_memory)
		doctor_say(f, DOCTOR_OK, "not needed: lockGuestMemory is off");
	else if (conf_check_memlock(&d->conf, &e) < 0)
		doctor_say_err(f, DOCTOR_PROBLEM, &e);
	else
		doctor_say(f, DOCTOR_OK, "enough for a guest of %ld MiB", d->conf.memory);
}

void doctor_fds(const struct doctor *d, struct finding *f)
{
	struct rlimit r = {0};

	(void)d;
	getrlimit(RLIMIT_NOFILE, &r);
	doctor_say(f,
		   r.rlim_cur > FDS_GOOD ? DOCTOR_OK
					 : host_level((int64_t)r.rlim_cur, FDS_MIN, FDS_GOOD),
		   "a process may have %llu files open", (unsigned long long)r.rlim_cur);
	if (f->level != DOCTOR_OK)
		doctor_remedy(
			f,
			"raise the limit: ulimit -n %d (a line \"USER - nofile %d\" in a file of "
			"/etc/security/limits.d for good)",
			FDS_GOOD, FDS_GOOD);
}
