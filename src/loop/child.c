#include "loop/child.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "loop/fdwatch.h"

#include <errno.h>
#include <sys/wait.h>

struct child {
	pid_t pid; /* 0: reaped */
	int pidfd;
	struct loop *loop; /* borrowed */
	const char *maker; /* a literal */
	struct fdwatch *watch;
	void (*on_end)(void *ctx, int status);
	void *ctx;
};

struct child *child_new_by(const char *maker, struct loop *loop, pid_t pid, int pidfd,
			   void (*on_end)(void *ctx, int status), void *ctx)
{
	struct child *c = mem_alloc(sizeof(*c));

	*c = (struct child){.pid = pid,
			    .pidfd = pidfd,
			    .loop = loop,
			    .maker = maker,
			    .on_end = on_end,
			    .ctx = ctx};
	return c;
}

static void child_on_ready(void *ctx)
{
	struct child *c = ctx;
	int status;

	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	c->pid = 0;
	fdwatch_set(c->watch, FDWATCH_NONE);
	c->on_end(c->ctx, status);
}

void child_watch(struct child *c)
{
	if (c->watch)
		return;
	c->watch = fdwatch_new_by(c->maker, c->loop, c->pidfd, child_on_ready, c);
	fdwatch_set(c->watch, FDWATCH_READ);
}

void child_free(struct child *c)
{
	if (!c)
		return;
	fdwatch_free(c->watch);
	close(c->pidfd);
	free(c);
}

pid_t child_pid(const struct child *c)
{
	return c ? c->pid : 0;
}

int child_signal(const struct child *c, int number)
{
	if (c->pid)
		return spawn_signal(c->pidfd, number);
	errno = ESRCH;
	return -1;
}
