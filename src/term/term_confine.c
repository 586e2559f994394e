/* Theory of operation.
 *
 * libvterm reads whatever a guest prints. Assume that a guest takes over this process one day. It
 * then holds one socket to its own session, over which it can say what any program in the guest can
 * say anyway: text for a screen and bytes for the agent. Everything else is taken away:
 *
 * 1. fds: everything but stderr and the socket is closed.
 * 2. limits: no core, not traceable, memory bounded.
 * 3. time: a turn that computes for seconds is ended by a timer, whose signal is left at its
 *    default.
 * 4. no new privileges; seccomp: the calls of the table, mmap and mprotect without PROT_EXEC. No
 *    file can be opened, no socket made, no process started, no signal sent but to itself
 *    (abort(3)). Any other call answers ENOSYS, so that a libc of the future falls back to an older
 *    one; those that only an attacker makes end the process. */
#include "term/term_confine.h"
#include "base/mem.h"
#include "proto/view.h"
#include "sandbox/calls.h"
#include "sandbox/limits.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#define CONFINE_DATA_BASE (256UL << 20)
#define CONFINE_LINE_MORE 128

/* clang-format off */
static const char *const confine_allowed[] = {
	"read", "write", "close", "poll", "ppoll", "ppoll_time64", "clock_gettime",
	"clock_gettime64", "gettimeofday", "time", "restart_syscall", "brk", "munmap", "mremap",
	"madvise", "futex", "futex_time64", "getrandom", "sched_yield", "exit", "exit_group",
	"rt_sigreturn", "sigreturn", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "getpid",
	"gettid", "fstat", "fstat64", "newfstatat", "setitimer",
};
/* clang-format on */

/* clang-format off */
static const char *const confine_fatal[] = {
	"execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_readv",
	"process_vm_writev", "open", "openat", "openat2", "creat", "socket", "socketpair",
	"connect", "bind", "io_uring_setup", "memfd_create", "bpf", "userfaultfd",
	"perf_event_open", "pidfd_open", "pidfd_getfd", "unshare", "setns", "mount", "kill",
	"tkill",
};
/* clang-format on */

void term_confine_begin_turn(void)
{
	(void)setitimer(ITIMER_VIRTUAL, &(struct itimerval){.it_value = {TERM_TURN_S, 0}}, NULL);
}

/* Every line of the history and of both screens as wide as can be, with what the allocator takes
 * for it. */
static rlim_t confine_data_max(size_t history)
{
	return CONFINE_DATA_BASE +
	       (rlim_t)history * (VIEW_COLS_MAX * sizeof(struct view_cell) + CONFINE_LINE_MORE);
}

int term_confine(int keep, size_t history, struct err *e)
{
	const struct calls table = {
		.allowed = confine_allowed,
		.nallowed = ARRAY_LEN(confine_allowed),
		.fatal = confine_fatal,
		.nfatal = ARRAY_LEN(confine_fatal),
	};

	close(0);
	close(1);
	if (limits_close_all_but(3, &keep, 1, e) < 0 || limits_hide_memory(e) < 0 ||
	    limits_lower(RLIMIT_DATA, "data", confine_data_max(history), e) < 0 ||
	    limits_no_new_privs(e) < 0)
		return -1;
	return calls_restrict(&table, 1, e);
}
