/* children: QEMU, ccvm-net, ccvm-fs and the maker of a template as processes: watched by their pidfds,
 * reaped, ended. */
#ifndef CCVM_SESSION_CHILDREN_H
#define CCVM_SESSION_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum children_name {
	CHILDREN_QEMU,
	CHILDREN_NET,
	CHILDREN_FS,
	CHILDREN_MAKER, /* of a template; outlives this process */
};
#define CHILDREN_NAMES (CHILDREN_MAKER + 1)

struct loop;
struct children;

/* on_exit: it has ended and was reaped; status is waitpid(2)'s. */
struct children *children_new(struct loop *loop,
			      void (*on_exit)(void *ctx, enum children_name name, int status),
			      void *ctx);
void children_free(struct children *c); /* ends nothing; NULL is fine */

/* Takes over the pidfd. There is one of each name at a time. */
void children_add(struct children *c, enum children_name name, pid_t pid, int pidfd);
/* Watches those that were added, from now on: after the streams were opened (loop/child.h). */
void children_watch(struct children *c);
bool children_is_alive(const struct children *c, enum children_name name);
pid_t children_pid(const struct children *c, enum children_name name); /* 0: none */
/* SIGKILL to QEMU, ccvm-net and ccvm-fs; true when there is nothing left to wait for. spare_files:
 * ccvm-fs ends by itself once QEMU is gone. */
bool children_kill(struct children *c, bool spare_files);

/* "ended with code 1", "was killed by signal 9 (Killed)". */
void children_describe_end(char *text, size_t size, int status);

#endif
