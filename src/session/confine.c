/* Theory of operation.
 *
 * libssh, the JSON reader and the line parsers of ccvm-session read what a guest sends. It is assumed that a guest takes over this process some
 * day. It then holds the sockets to its own guest, to its clients and helpers, and its session's keys. Nothing else is left:
 *
 * 1. files: Landlock leaves it its own run directory. Of the directory above it may remove what is empty, since its own
 *    directory goes last; that one's fd is O_PATH, so that it cannot be locked against other sessions. Clean-up after sessions
 *    that died is done by whoever starts next, before it confines itself.
 * 2. stderr may be the user's terminal, from which it could read keys: it becomes a file of the run directory.
 * 3. no new privileges; seccomp: the calls of the table. No socket is made, bound or connected (Landlock does not judge named Unix
 *    sockets before its tenth version), no process or thread started, no file's mode or owner changed by its path, no io_uring, no
 *    memory made executable.
 * 4. signals: only by pidfd, and pidfds can neither be opened nor fetched: those it has are its children's. fcntl and ioctl cannot have
 *    the kernel send one (F_SETOWN, FIOSETOWN).
 * Any other call answers ENOSYS, so that a libc of the future falls back to an older one. */
#include "session/confine.h"
#include "base/mem.h"
#include "vm/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const confine_allowed[] = {
	/* what is open */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "close", "lseek", "dup", "dup3", "fsync", "fdatasync", "ftruncate",
	"flock", "fchmod", "fstat", "fstatfs", "newfstatat", "statx", "getdents64",
	/* of the run directory: Landlock judges them */
	"openat", "mkdirat", "unlinkat", "rmdir", "unlink", "renameat", "renameat2", "rename",
	/* sockets that are there */
	"accept", "accept4", "recvfrom", "recvmsg", "sendto", "sendmsg", "shutdown", "getsockopt", "setsockopt", "getsockname", "getpeername",
	/* waiting */
	"poll", "ppoll", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "pipe2", "timerfd_create",
	"timerfd_settime", "timerfd_gettime", "restart_syscall", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres",
	"gettimeofday", "time", "futex", "sched_yield",
	/* memory */
	"brk", "munmap", "mremap", "madvise",
	/* itself and its children */
	"exit", "exit_group", "rt_sigreturn", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "getpid", "gettid", "getppid", "getuid",
	"geteuid", "getgid", "getegid", "getrandom", "uname", "sysinfo", "wait4", "waitid", "pidfd_send_signal", "setitimer",
};

/* Calls that are allowed with some values of one argument. */
static const struct {
	const char *call;
	struct scmp_arg_cmp when;
} confine_with[] = {
	{"mmap", {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
	{"mprotect", {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
	{"fcntl", {1, SCMP_CMP_EQ, F_GETFD, 0}},
	{"fcntl", {1, SCMP_CMP_EQ, F_SETFD, 0}},
	{"fcntl", {1, SCMP_CMP_EQ, F_GETFL, 0}},
	{"fcntl", {1, SCMP_CMP_EQ, F_SETFL, 0}},
	{"fcntl", {1, SCMP_CMP_EQ, F_DUPFD, 0}},
	{"fcntl", {1, SCMP_CMP_EQ, F_DUPFD_CLOEXEC, 0}},
	{"ioctl", {1, SCMP_CMP_EQ, FIONBIO, 0}},
	{"ioctl", {1, SCMP_CMP_EQ, FIOCLEX, 0}},
	{"ioctl", {1, SCMP_CMP_EQ, FIONREAD, 0}},
	{"ioctl", {1, SCMP_CMP_EQ, SIOCOUTQ, 0}},
	{"ioctl", {1, SCMP_CMP_EQ, TCGETS, 0}},
};

static int confine_rule(scmp_filter_ctx ctx, const char *call, unsigned n, const struct scmp_arg_cmp *when, struct err *e)
{
	const int number = seccomp_syscall_resolve_name(call);
	const int rc = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, number, n, when);

	return rc < 0 && rc != -EDOM ? err_set(e, "seccomp rule for %s: %s", call, strerror(-rc)) : 0;
}

static int confine_fill(scmp_filter_ctx ctx, struct err *e)
{
	const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, (unsigned)getpid()); /* abort(3) */
	int rc = confine_rule(ctx, "tgkill", 1, &self, e);

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(confine_allowed); i++)
		rc = confine_rule(ctx, confine_allowed[i], 0, NULL, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(confine_with); i++)
		rc = confine_rule(ctx, confine_with[i].call, 1, &confine_with[i].when, e);
	return rc;
}

static int confine_seccomp(struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc;

	if (!ctx)
		return err_set(e, "seccomp_init failed");
	rc = confine_fill(ctx, e);
	if (rc == 0 && (rc = seccomp_load(ctx)) < 0)
		rc = err_set(e, "seccomp_load: %s", strerror(-rc));
	seccomp_release(ctx);
	return rc;
}

static int confine_landlock(const struct rundir *run, struct err *e)
{
	struct jail jail;
	int rc;

	jail_init(&jail);
	jail.keep_signals = true; /* its children were started outside of this jail; the filter sees to signals */
	rc = jail_allow_fd(&jail, run->fd, JAIL_TREE, e);
	if (rc == 0)
		rc = jail_allow_fd(&jail, run->base_fd, JAIL_REMOVE_EMPTY, e);
	if (rc == 0 && jail_enter(&jail) < 0)
		rc = err_sys(e, "Landlock");
	jail_fini(&jail);
	return rc;
}

static int confine_stderr(const struct rundir *run, struct err *e)
{
	AUTO_CLOSE int log = openat(run->fd, RUNDIR_LOG, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	return log < 0 || dup2(log, STDERR_FILENO) < 0 ? err_sys(e, "open " RUNDIR_LOG) : 0;
}

int confine_session(const struct rundir *run, struct err *e)
{
	if (confine_stderr(run, e) < 0 || confine_landlock(run, e) < 0 || confine_seccomp(e) < 0)
		return err_wrap(e, "confine ccvm-session");
	return 0;
}
