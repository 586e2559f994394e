/* Theory of operation. Runs as root in the guest, after the random number generator was reseeded;
 * fails open.
 *
 * 1. The seed says that there is a disk (pool_look); it is found by its serial. The rest runs
 *    beside the boot and does not use the seed. A guest from a template was saved with a disk of
 *    another size, so the driver is bound again, which makes it read the size.
 * 2. ccvm-pool makes key and mapping, mkfs.ext4 the file system: without a journal and without
 *    writing inode tables ahead, since nothing of it outlives the guest.
 * 3. It is mounted where only root can look. /scratch is a folder of it that belongs to the agent;
 *    other parts of the guest (the Nix store) have folders beside it.
 * 4. Before a template is saved all of this is done once, on a disk that is thrown away, and
 *    undone: what it takes (modules, programs, the kernel's ciphers) is in memory then. The key of
 *    that disk is discarded.
 * 5. Whatever fails, /scratch is still there, in memory, and the reason is reported.
 * 6. The host says how large its file may become before the host's disk is full. The rest is marked
 *    as reserved in the file system, so that writers get ENOSPC here and no write is lost there. */
#include "init/boot.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define POOL_DEVICE   "/dev/mapper/" NAME_POOL_MAPPING
#define POOL_SCRATCH  NAME_SCRATCH
#define POOL_SAID_MAX 512
/* The header of LUKS, and what the file system does not count as its own. */
#define POOL_OVERHEAD_KIB 2048

static int64_t pool_limit_kib = -1; /* of the host's file; -1: unknown */

static char *const pool_env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};

/* Runs a program to its end; what it prints says why it failed. */
static int pool_run(char *const *argv, struct err *e)
{
	AUTO_BUF struct buf said = {0};
	int status = spawn_output(argv, pool_env, POOL_SAID_MAX, &said, e);

	if (status < 0)
		return -1;
	if (status == 0)
		return 0;
	(void)buf_text(&said);
	said.bytes[strcspn((char *)said.bytes, "\n")] = '\0';
	return err_set(e, "%s ended with code %d%s%s", basename(argv[0]), spawn_exit_code(status),
		       said.bytes[0] ? ": " : "", (const char *)said.bytes);
}

/* Starting modprobe costs more than looking. */
static int pool_load_modules(struct err *e)
{
	char *const argv[] = {"/sbin/modprobe", "-a", "dm_crypt", "ext4", NULL};

	if (access("/sys/module/dm_crypt", F_OK) == 0 && access("/sys/module/ext4", F_OK) == 0)
		return 0;
	return pool_run(argv, e);
}

/* disk: /dev/NAME; the driver's device is a directory named virtioN. */
static int pool_ask_for_size(const char *disk, struct err *e)
{
	AUTO_FREE char *link = mem_format("/sys/block/%s/device", strrchr(disk, '/') + 1);
	char target[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "read %s", link);
	target[n] = '\0';
	return file_set("/sys/bus/virtio/drivers/virtio_blk/unbind", basename(target), e) < 0 ||
			       file_set("/sys/bus/virtio/drivers/virtio_blk/bind", basename(target),
					e) < 0
		       ? -1
		       : 0;
}

static int pool_find_disk(char *disk, size_t size, struct err *e)
{
	if (rootfs_find_disk(NAME_DISK_SCRATCH, disk, size, e) < 0 ||
	    pool_ask_for_size(disk, e) < 0)
		return -1;
	/* it may have another name now */
	return rootfs_find_disk(NAME_DISK_SCRATCH, disk, size, e);
}

static int pool_make(struct err *e)
{
	char disk[300];
	char *const luks[] = {NAME_GUEST_DIR "/bin/ccvm-pool", disk, NULL};
	/* clang-format off */
	char *const mkfs[] = {
		"/sbin/mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal,^resize_inode", "-E",
		"nodiscard,lazy_itable_init=1", POOL_DEVICE, NULL,
	};
	/* clang-format on */

	if (pool_load_modules(e) < 0 || pool_find_disk(disk, sizeof(disk), e) < 0 ||
	    pool_run(luks, e) < 0 || pool_run(mkfs, e) < 0)
		return -1;
	mkdir(NAME_POOL_DIR, 0700);
	if (mount(POOL_DEVICE, NAME_POOL_DIR, "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME,
		  "discard,noinit_itable") < 0)
		return err_sys(e, "mount " POOL_DEVICE);
	return chmod(NAME_POOL_DIR, 0700) < 0 ? err_sys(e, "chmod " NAME_POOL_DIR) : 0;
}

static int pool_share_scratch(const struct boot *b, struct err *e)
{
	static const char dir[] = NAME_POOL_DIR "/scratch";

	if (mkdir(dir, 0755) < 0 || chown(dir, b->uid, b->gid) < 0)
		return err_sys(e, "make %s", dir);
	if (mount(dir, POOL_SCRATCH, NULL, MS_BIND, NULL) < 0)
		return err_sys(e, "mount " POOL_SCRATCH);
	/* A bind mount has its own flags. */
	return mount(NULL, POOL_SCRATCH, NULL,
		     MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOATIME, NULL) < 0
		       ? err_sys(e, "protect " POOL_SCRATCH)
		       : 0;
}

/* A workspace below /scratch is to be mounted over the disk, not under it: such a session waits. */
int pool_look(struct boot *b, struct err *e)
{
	AUTO_BUF struct buf workdir = {0};

	b->pool_wanted = access(BOOT_SEED_FILE(NAME_SEED_DISK), F_OK) == 0;
	if (file_read(AT_FDCWD, BOOT_SEED_FILE(NAME_SEED_WORKDIR), BOOT_PATH_MAX, &workdir, e) < 0)
		return -1;
	b->pool_first = strncmp(buf_text(&workdir), POOL_SCRATCH "/", sizeof(POOL_SCRATCH)) == 0;
	return 0;
}

int pool_set_up(struct boot *b, struct err *e)
{
	if (!b->pool_wanted)
		return 0;
	mkdir(POOL_SCRATCH, 0755);
	(void)!chown(POOL_SCRATCH, b->uid, b->gid);
	if (pool_make(e) < 0 || pool_share_scratch(b, e) < 0) {
		(void)umount2(NAME_POOL_DIR, MNT_DETACH);
		return err_wrap(e, "no encrypted disk, /scratch is in memory");
	}
	pool_apply_limit();
	return 0;
}

int pool_rehearse(struct err *e)
{
	char *const close_it[] = {NAME_GUEST_DIR "/bin/ccvm-pool", "--close", NULL};
	struct err ignored;
	int rc = pool_make(e);

	if (umount2(NAME_POOL_DIR, 0) < 0 && rc == 0)
		rc = err_sys(e, "unmount " NAME_POOL_DIR);
	rmdir(NAME_POOL_DIR);
	return pool_run(close_it, rc < 0 ? &ignored : e) < 0 ? -1 : rc;
}

/* Asked of the kernel: the process that mounted it may have been another one. */
bool pool_is_mounted(void)
{
	struct stat pool, parent;

	return stat(NAME_POOL_DIR, &pool) == 0 && stat(NAME_GUEST_DIR, &parent) == 0 &&
	       pool.st_dev != parent.st_dev;
}

/* Name of the mapping's block device, as sysfs knows it. */
static bool pool_device_name(char *name, size_t size)
{
	struct stat st;

	if (stat(POOL_DEVICE, &st) < 0)
		return false;
	snprintf(name, size, "dm-%u", (unsigned)(st.st_rdev & 0xff));
	return true;
}

void pool_set_limit(int64_t kib)
{
	pool_limit_kib = kib;
	pool_apply_limit();
}

void pool_apply_limit(void)
{
	const int64_t kib = pool_limit_kib;
	struct statvfs fs;
	struct err ignored;
	char device[32], path[96], text[32];
	int64_t total, reserved;

	if (kib < 0 || !pool_is_mounted() || statvfs(NAME_POOL_DIR, &fs) < 0 ||
	    !pool_device_name(device, sizeof(device)))
		return;
	total = (int64_t)(fs.f_blocks * (fs.f_frsize / 1024));
	reserved = total + POOL_OVERHEAD_KIB - kib;
	if (reserved < 0)
		reserved = 0;
	if (reserved >= total)
		reserved = total - 1024;
	snprintf(path, sizeof(path), "/sys/fs/ext4/%s/reserved_clusters", device);
	snprintf(text, sizeof(text), "%lld", (long long)reserved * 1024 / (long long)fs.f_frsize);
	(void)file_set(path, text, &ignored);
}
