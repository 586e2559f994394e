/* child: a process that spawn_start (base/spawn.h) started, waited for in the event loop. */
#ifndef CCVM_LOOP_CHILD_H
#define CCVM_LOOP_CHILD_H

#include <sys/types.h>

struct loop;
struct child;

/* Takes over the pidfd. on_end is called from the loop only, after child_watch: the process has
 * ended and was reaped; status is waitpid(2)'s. It may free the child. Never NULL. */
#define child_new(loop, pid, pidfd, on_end, ctx)                                                   \
	child_new_by(__func__, loop, pid, pidfd, on_end, ctx)
struct child *child_new_by(const char *maker, struct loop *loop, pid_t pid, int pidfd,
			   void (*on_end)(void *ctx, int status), void *ctx);
/* Waits for its end from now on; a second time changes nothing. The loop looks at fds in the order
 * in which they were watched: after a child's streams, its last words are read before its end is
 * seen. */
void child_watch(struct child *c);
/* A process that still runs is left alone. NULL is fine. */
void child_free(struct child *c);

/* 0: it has ended, or c is NULL. */
pid_t child_pid(const struct child *c);
/* To a process that has not been reaped; -1 with errno. */
int child_signal(const struct child *c, int number);

#endif
