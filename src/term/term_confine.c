/* Theory of operation.
 *
 * libvterm reads whatever a guest prints. It is assumed that a guest takes over this process some day. It then holds one
 * socket to its own session, over which it can say what any program in the guest can say anyway: text for a screen and
 * bytes for the agent. Nothing else is left:
 *
 * 1. fds: everything but stderr and the socket is closed.
 * 2. limits: no core, not traceable, memory bounded.
 * 3. time: a turn that computes for seconds is ended by a timer, whose signal is left at its default.
 * 4. no new privileges; seccomp: the calls of the table, mmap and mprotect without PROT_EXEC. No file can be opened, no
 *    socket made, no process started, no signal sent but to itself (abort(3)). Any other call answers ENOSYS, so that a
 *    libc of the future falls back to an older one; those that only an attacker makes end the process. */
#include "term/term_confine.h"
#include "base/mem.h"
#include "proto/view.h"

#include <errno.h>
#include <limits.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define CONFINE_DATA_BASE (256UL << 20)
#define CONFINE_LINE_MORE 128

static const char *const confine_allowed[] = {
	"read", "write", "close", "poll", "ppoll", "ppoll_time64", "clock_gettime", "clock_gettime64", "gettimeofday", "time",
	"restart_syscall", "brk", "munmap", "mremap", "madvise", "futex", "futex_time64", "getrandom", "sched_yield", "exit",
	"exit_group", "rt_sigreturn", "sigreturn", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "getpid", "gettid", "fstat",
	"fstat64", "newfstatat", "setitimer",
};

static const char *const confine_fatal[] = {
	"execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_readv", "process_vm_writev", "open",
	"openat", "openat2", "creat", "socket", "socketpair", "connect", "bind", "io_uring_setup", "memfd_create", "bpf",
	"userfaultfd", "perf_event_open", "pidfd_open", "pidfd_getfd", "unshare", "setns", "mount", "kill", "tkill",
};

static int confine_rule(scmp_filter_ctx ctx, uint32_t action, const char *name, unsigned n, const struct scmp_arg_cmp *when,
			struct err *e)
{
	int number = seccomp_syscall_resolve_name(name), rc;

	if (number == __NR_SCMP_ERROR)
		return 0;
	rc = seccomp_rule_add_array(ctx, action, number, n, when);
	return rc < 0 && rc != -EDOM ? err_set(e, "seccomp rule for %s: %s", name, strerror(-rc)) : 0;
}

static int confine_fill(scmp_filter_ctx ctx, struct err *e)
{
	static const char *const no_exec[] = {"mmap", "mmap2", "mprotect"};
	const struct scmp_arg_cmp plain = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, (unsigned)getpid());
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(confine_allowed); i++)
		rc = confine_rule(ctx, SCMP_ACT_ALLOW, confine_allowed[i], 0, NULL, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(confine_fatal); i++)
		rc = confine_rule(ctx, SCMP_ACT_KILL_PROCESS, confine_fatal[i], 0, NULL, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(no_exec); i++)
		rc = confine_rule(ctx, SCMP_ACT_ALLOW, no_exec[i], 1, &plain, e);
	return rc == 0 ? confine_rule(ctx, SCMP_ACT_ALLOW, "tgkill", 1, &self, e) : rc;
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

static int confine_limit(int resource, rlim_t most, struct err *e)
{
	return setrlimit(resource, &(struct rlimit){most, most}) < 0 ? err_sys(e, "setrlimit") : 0;
}

static int confine_close(unsigned first, unsigned last)
{
	return first > last ? 0 : (int)syscall(SYS_close_range, first, last, 0);
}

void term_confine_begin_turn(void)
{
	(void)setitimer(ITIMER_VIRTUAL, &(struct itimerval){.it_value = {TERM_TURN_S, 0}}, NULL);
}

/* Every line of the history and of both screens as wide as can be, with what the allocator takes for it. */
static rlim_t confine_data_max(size_t history)
{
	return CONFINE_DATA_BASE + (rlim_t)history * (VIEW_COLS_MAX * sizeof(struct view_cell) + CONFINE_LINE_MORE);
}

int term_confine(int keep, size_t history, struct err *e)
{
	close(0);
	close(1);
	if (confine_close(3, (unsigned)keep - 1) < 0 || confine_close((unsigned)keep + 1, UINT_MAX) < 0)
		return err_sys(e, "close inherited descriptors");
	if (confine_limit(RLIMIT_CORE, 0, e) < 0 || confine_limit(RLIMIT_DATA, confine_data_max(history), e) < 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "prctl");
	return confine_seccomp(e);
}
