#include "session/children.h"
#include "base/mem.h"
#include "loop/child.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct named_child {
	struct children *all;
	enum children_name name;
	struct child *child; /* NULL: none, or already reaped */
};

struct children {
	void (*on_exit)(void *ctx, enum children_name name, int status);
	void *ctx;
	struct loop *loop;
	struct named_child named[CHILDREN_NAMES];
};

static void children_on_end(void *ctx, int status)
{
	struct named_child *c = ctx;

	child_free(mem_steal_ptr(&c->child));
	c->all->on_exit(c->all->ctx, c->name, status);
}

void children_add(struct children *all, enum children_name name, pid_t pid, int pidfd)
{
	struct named_child *c = &all->named[name];

	child_free(c->child);
	c->child = child_new(all->loop, pid, pidfd, children_on_end, c);
}

void children_watch(struct children *all)
{
	for (size_t i = 0; i < CHILDREN_NAMES; i++)
		if (all->named[i].child)
			child_watch(all->named[i].child);
}

bool children_is_alive(const struct children *all, enum children_name name)
{
	return all->named[name].child != NULL;
}

pid_t children_pid(const struct children *all, enum children_name name)
{
	return child_pid(all->named[name].child);
}

bool children_kill(struct children *all, bool spare_files)
{
	static const enum children_name ours[] = {CHILDREN_QEMU, CHILDREN_NET, CHILDREN_FS};
	bool gone = true;

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		if (!children_is_alive(all, ours[i]))
			continue;
		if (ours[i] != CHILDREN_FS || !spare_files)
			(void)child_signal(all->named[ours[i]].child, SIGKILL);
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

struct children *children_new(struct loop *loop,
			      void (*on_exit)(void *ctx, enum children_name name, int status),
			      void *ctx)
{
	struct children *all = mem_alloc(sizeof(*all));

	all->on_exit = on_exit;
	all->ctx = ctx;
	all->loop = loop;
	for (size_t i = 0; i < CHILDREN_NAMES; i++)
		all->named[i] = (struct named_child){.all = all, .name = (enum children_name)i};
	return all;
}

void children_free(struct children *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < CHILDREN_NAMES; i++)
		child_free(all->named[i].child);
	free(all);
}
