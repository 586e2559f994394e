/* Theory of operation.
 *
 * ccvm-fs reads what a guest's kernel writes, and holds the user's project. Whoever takes it
 * over has what the guest has anyway, and nothing else:
 *
 * 1. descriptors: the port, the exported directories, /proc/self/fd, the watch of directories; stderr for its log. No
 *    socket, no other file, nothing to start.
 * 2. limits: no core, not traceable; as many descriptors as the guest may hold open; memory
 *    bounded, so that a guest that makes nodes ends its own server before it hurts the host.
 * 3. no new privileges; Landlock: below the exports, reading or everything, and below the upper
 *    layer of an overlay, and in the journal's directory; nothing else is opened, made or removed. Without Landlock in the kernel the server refuses to run.
 * 4. seccomp: the calls of the table; those that only an attacker makes end the process.
 *
 * What Landlock does not cover and the table has to allow: modes, owners, times and user
 * attributes of files that are named by a path. A server that was taken over could change those
 * of the user's other files, not their contents. */
#include "fs/fs_confine.h"
#include "base/mem.h"
#include "sandbox/calls.h"
#include "sandbox/jail.h"
#include "sandbox/limits.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/resource.h>
#include <unistd.h>

#define CONFINE_DATA_MAX (1024UL << 20) /* 2 million nodes with names, and answers */
#define CONFINE_RESERVED 64		/* descriptors that are no handles */

/* clang-format off */
static const char *const confine_allowed[] = {
	/* the port */
	"recvfrom", "sendto", "poll", "ppoll", "ppoll_time64", "close", "write", "writev",
	/* names */
	"openat2", "openat", "readlinkat", "symlinkat", "mknodat", "mkdirat", "unlinkat", "renameat", "renameat2", "linkat",
	/* attributes */
	"statx", "fstat", "newfstatat", "fchmodat", "fchownat", "utimensat", "fstatfs", "statfs",
	"setxattr", "getxattr", "listxattr", "removexattr",
	/* contents */
	"pread64", "pwrite64", "pwritev2", "lseek", "ftruncate", "fallocate", "copy_file_range", "fsync", "fdatasync",
	"getdents64", "flock", "dup3",
	/* changes of the host */
	"inotify_add_watch", "inotify_rm_watch", "read",
	/* memory, time, the end; mmap and mprotect are added */
	"brk", "munmap", "mremap", "madvise", "futex", "getrandom", "sched_yield", "clock_gettime", "restart_syscall",
	"exit", "exit_group", "rt_sigreturn", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "getpid", "gettid", "sched_getattr",
	"sched_setattr",
};

static const char *const confine_fatal[] = {
	"execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_readv", "process_vm_writev",
	"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "io_uring_setup", "memfd_create", "bpf",
	"userfaultfd", "perf_event_open", "pidfd_open", "pidfd_getfd", "unshare", "setns", "mount", "umount2", "pivot_root",
	"chroot", "open_by_handle_at", "name_to_handle_at", "kill", "tkill", "setuid", "setresuid", "setgid", "setresgid",
};

/* Not F_SETOWN, which sends signals. */
static const struct calls_when confine_when[] = {
	CALLS_WHEN("fcntl", 1, F_GETFL), CALLS_WHEN("fcntl", 1, F_SETFL), CALLS_WHEN("fcntl", 1, F_DUPFD_CLOEXEC),
	CALLS_WHEN("fcntl", 1, F_SETFD),
	CALLS_WHEN("fcntl", 1, F_OFD_SETLK), CALLS_WHEN("fcntl", 1, F_OFD_GETLK),
	CALLS_WHEN("ioctl", 1, FICLONE), /* the journal's copies */
};
/* clang-format on */

static int confine_files(const struct fs_confine_export *exports, size_t n, struct err *e)
{
	struct jail j;
	int rc = 0;

	jail_init(&j);
	if (j.abi == 0)
		rc = err_set(e,
			     "the kernel has no Landlock, or one that cannot let files be renamed");
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = jail_allow_fd(&j, exports[i].fd, exports[i].writable ? JAIL_TREE : JAIL_READ,
				   e);
		if (rc == 0 && exports[i].layer >= 0)
			rc = jail_allow_fd(&j, exports[i].layer, JAIL_LAYER, e);
	}
	if (rc == 0 && jail_enter(&j) < 0)
		rc = err_sys(e, "Landlock");
	jail_fini(&j);
	return rc;
}

/* As many descriptors as the user's limit allows. */
static int confine_descriptors(size_t *most_open, struct err *e)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return err_sys(e, "limit of open files");
	if (limit.rlim_max > *most_open + CONFINE_RESERVED)
		limit.rlim_max = *most_open + CONFINE_RESERVED;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < 4 * CONFINE_RESERVED)
		return err_set(e, "the limit of open files is too low: %lu",
			       (unsigned long)limit.rlim_max);
	*most_open = limit.rlim_max - CONFINE_RESERVED;
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? err_sys(e, "limit of open files") : 0;
}

int fs_confine_self(const int *kept, size_t nkept, const struct fs_confine_export *exports,
		    size_t n, size_t *most_open, struct err *e)
{
	const struct calls table = {
		.allowed = confine_allowed,
		.nallowed = ARRAY_LEN(confine_allowed),
		.when = confine_when,
		.nwhen = ARRAY_LEN(confine_when),
		.fatal = confine_fatal,
		.nfatal = ARRAY_LEN(confine_fatal),
	};
	int keep[JAIL_RULES_MAX + 4];
	size_t nkeep = nkept;

	if (2 * n > JAIL_RULES_MAX || nkept > 4)
		return err_set(e, "too many exported directories");
	for (size_t i = 0; i < nkept; i++)
		keep[i] = kept[i];
	for (size_t i = 0; i < n; i++) {
		keep[nkeep++] = exports[i].fd;
		if (exports[i].layer >= 0)
			keep[nkeep++] = exports[i].layer;
	}
	if (limits_close_all_but(3, keep, nkeep, e) < 0 || confine_descriptors(most_open, e) < 0 ||
	    limits_hide_memory(e) < 0 ||
	    limits_lower(RLIMIT_DATA, "data", CONFINE_DATA_MAX, e) < 0 ||
	    limits_no_new_privs(e) < 0)
		return -1;
	return confine_files(exports, n, e) < 0 ? -1 : calls_restrict(&table, 1, e);
}
