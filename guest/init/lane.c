/* Theory of operation. Runs as root in the guest, after the agent's identity is known.
 *
 * 1. A child of ccvm-init runs the rows. Mounts are shared with all; it shares no other state with
 *    its parent, and reads nothing of the seed, which is unmounted meanwhile.
 * 2. From before it begins until it is gone, however it ends, it shares the lock on a file that
 *    ccvm-launch waits for: no agent sees a /scratch or a Nix store that is about to be replaced.
 *    ccvm-init keeps it until the seed is unmounted. The kernel releases the lock; no message is
 *    needed. What an agent does with the lock later has no effect.
 * 3. It has a time limit; then it is killed, and the agent starts with what there is. */
#include "init/lane.h"
#include "base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

static _Noreturn void lane_be(const struct lane *l, struct boot *b, stage_listener *listener,
			      void *ctx)
{
	struct err ignored;
	sigset_t one;

	signal(SIGALRM, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	alarm(l->seconds);
	(void)stage_run_all(l->table, l->n, b, listener, ctx, &ignored);
	_exit(0);
}

/* The lock belongs to the open file, which parent and child share. */
int lane_lock(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	return fd >= 0 && flock(fd, LOCK_EX) == 0 ? mem_steal_fd(&fd) : -1;
}

pid_t lane_start(const struct lane *l, struct boot *b, stage_listener *listener, void *ctx)
{
	pid_t pid = fork();
	struct err ignored;

	if (pid == 0)
		lane_be(l, b, listener, ctx);
	if (pid > 0)
		return pid;
	(void)stage_run_all(l->table, l->n, b, listener, ctx, &ignored);
	return 0;
}
