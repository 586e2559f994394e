#include "session/children.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "loop/fdwatch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	struct children *all;
	enum children_name name;
	pid_t pid; /* 0: none, or already reaped */
	int pidfd;
	struct fdwatch *watch;
};

struct children {
	void (*on_exit)(void *ctx, enum children_name name, int status);
	void *ctx;
	uv_loop_t *loop;
	struct child child[CHILDREN_NAMES];
};

static void children_forget(struct child *c)
{
	c->pid = 0;
	fdwatch_free(mem_steal_ptr(&c->watch));
	if (c->pidfd >= 0)
		close(mem_steal_fd(&c->pidfd));
}

static void children_on_end(void *ctx)
{
	struct child *c = ctx;
	int status;

	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	children_forget(c);
	c->all->on_exit(c->all->ctx, c->name, status);
}

void children_add(struct children *all, enum children_name name, pid_t pid, int pidfd)
{
	struct child *c = &all->child[name];

	children_forget(c);
	c->pid = pid;
	c->pidfd = pidfd;
}

void children_watch(struct children *all)
{
	for (size_t i = 0; i < CHILDREN_NAMES; i++) {
		struct child *c = &all->child[i];

		if (!c->pid || c->watch)
			continue;
		c->watch = fdwatch_new(all->loop, c->pidfd, children_on_end, c);
		fdwatch_set(c->watch, FDWATCH_READ);
	}
}

bool children_is_alive(const struct children *all, enum children_name name)
{
	return all->child[name].pid > 0;
}

pid_t children_pid(const struct children *all, enum children_name name)
{
	return all->child[name].pid;
}

bool children_kill(struct children *all)
{
	static const enum children_name ours[] = {CHILDREN_QEMU, CHILDREN_NET};
	bool gone = true;

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		if (!children_is_alive(all, ours[i]))
			continue;
		(void)spawn_signal(all->child[ours[i]].pidfd, SIGKILL);
		gone = false;
	}
	return gone;
}

void children_describe_end(char *text, size_t size, int status)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "ended with code %d", WEXITSTATUS(status));
}

struct children *children_new(uv_loop_t *loop,
			      void (*on_exit)(void *ctx, enum children_name name, int status),
			      void *ctx)
{
	struct children *all = mem_alloc(sizeof(*all));

	all->on_exit = on_exit;
	all->ctx = ctx;
	all->loop = loop;
	for (size_t i = 0; i < CHILDREN_NAMES; i++)
		all->child[i] =
		    (struct child){.all = all, .name = (enum children_name)i, .pidfd = -1};
	return all;
}

void children_free(struct children *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < CHILDREN_NAMES; i++)
		children_forget(&all->child[i]);
	free(all);
}
