/* Theory of operation.
 *
 * libssh, the JSON reader and the line parsers of ccvm-session read what a guest sends. It is
 * assumed that a guest takes over this process some day. It then holds the sockets to its own
 * guest, to its clients and helpers, and its session's keys. Nothing else is left:
 *
 * 1. files: Landlock leaves it its own run directory. Of the directory above it may remove what
 *    is empty, since its own directory goes last; that one's fd is O_PATH, so that it cannot be
 *    locked against other sessions. Clean-up after sessions that died is done by whoever starts
 *    next, before it confines itself.
 * 2. stderr may be the user's terminal, from which it could read keys: it becomes a file of the
 *    run directory.
 * 3. no new privileges; seccomp: the calls of the table. No socket is made, bound or connected
 *    (Landlock does not judge named Unix sockets before its tenth version), no process or thread
 *    started, no file's mode or owner changed by its path, no io_uring, no memory made
 *    executable.
 * 4. signals: only by pidfd, and pidfds can neither be opened nor fetched: those it has are its
 *    children's. fcntl and ioctl cannot have the kernel send one (F_SETOWN, FIOSETOWN).
 * Any other call answers ENOSYS, so that a libc of the future falls back to an older one. */
#include "session/confine.h"
#include "base/mem.h"
#include "sandbox/calls.h"
#include "sandbox/jail.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const confine_allowed[] = {
	/* what is open */
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"close",
	"lseek",
	"dup",
	"dup3",
	"fsync",
	"fdatasync",
	"ftruncate",
	"flock",
	"fchmod",
	"fstat",
	"fstatfs",
	"newfstatat",
	"statx",
	"getdents64",
	/* of the run directory: Landlock judges them */
	"openat",
	"mkdirat",
	"unlinkat",
	"rmdir",
	"unlink",
	"renameat",
	"renameat2",
	"rename",
	/* sockets that are there */
	"accept",
	"accept4",
	"recvfrom",
	"recvmsg",
	"sendto",
	"sendmsg",
	"shutdown",
	"getsockopt",
	"setsockopt",
	"getsockname",
	"getpeername",
	/* waiting */
	"poll",
	"ppoll",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd2",
	"pipe2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
	"restart_syscall",
	"nanosleep",
	"clock_nanosleep",
	"clock_gettime",
	"clock_getres",
	"gettimeofday",
	"time",
	"futex",
	"sched_yield",
	/* memory */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	/* itself and its children */
	"exit",
	"exit_group",
	"rt_sigreturn",
	"rt_sigaction",
	"rt_sigprocmask",
	"sigaltstack",
	"getpid",
	"gettid",
	"getppid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getrandom",
	"uname",
	"sysinfo",
	"wait4",
	"waitid",
	"pidfd_send_signal",
	"setitimer",
};

static const struct calls_when confine_when[] = {
	CALLS_WHEN("fcntl", 1, F_GETFD),  CALLS_WHEN("fcntl", 1, F_SETFD),
	CALLS_WHEN("fcntl", 1, F_GETFL),  CALLS_WHEN("fcntl", 1, F_SETFL),
	CALLS_WHEN("fcntl", 1, F_DUPFD),  CALLS_WHEN("fcntl", 1, F_DUPFD_CLOEXEC),
	CALLS_WHEN("ioctl", 1, FIONBIO),  CALLS_WHEN("ioctl", 1, FIOCLEX),
	CALLS_WHEN("ioctl", 1, FIONREAD), CALLS_WHEN("ioctl", 1, SIOCOUTQ),
	CALLS_WHEN("ioctl", 1, TCGETS),
};

static int confine_calls(struct err *e)
{
	const struct calls table = {
		.allowed = confine_allowed,
		.nallowed = ARRAY_LEN(confine_allowed),
		.when = confine_when,
		.nwhen = ARRAY_LEN(confine_when),
	};

	return calls_restrict(&table, 1, e);
}

static int confine_landlock(const struct rundir *run, const struct confine_also *also,
			    struct err *e)
{
	struct jail jail;
	int rc;

	jail_init(&jail);
	/* its children were started outside of this jail; the filter sees to signals */
	jail.keep_signals = true;
	rc = jail_allow_fd(&jail, run->fd, JAIL_TREE, e);
	if (rc == 0)
		rc = jail_allow_fd(&jail, run->base_fd, JAIL_REMOVE_EMPTY, e);
	if (rc == 0 && also->outer_fd >= 0 && also->fd >= 0)
		rc = jail_allow_fd(&jail, also->fd, JAIL_TREE, e);
	if (rc == 0 && also->outer_fd >= 0 && also->undo_fd >= 0)
		rc = jail_allow_fd(&jail, also->undo_fd, JAIL_TREE, e);
	if (rc == 0 && also->outer_fd >= 0)
		rc = jail_allow_fd(&jail, also->outer_fd, JAIL_REMOVE_EMPTY, e);
	if (rc == 0 && jail_enter(&jail) < 0)
		rc = err_sys(e, "Landlock");
	jail_fini(&jail);
	return rc;
}

static int confine_stderr(const struct rundir *run, struct err *e)
{
	AUTO_CLOSE int log = openat(run->fd, RUNDIR_LOG,
				    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	return log < 0 || dup2(log, STDERR_FILENO) < 0 ? err_sys(e, "open " RUNDIR_LOG) : 0;
}

int confine_session(const struct rundir *run, const struct confine_also *also, struct err *e)
{
	if (confine_stderr(run, e) < 0 || confine_landlock(run, also, e) < 0 ||
	    confine_calls(e) < 0)
		return err_wrap(e, "confine ccvm-session");
	return 0;
}
