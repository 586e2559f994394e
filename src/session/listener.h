/* listener: the socket in the run directory, for clients other than the one that started the
 * session. Only programs of the session's user get in. */
#ifndef CCVM_SESSION_LISTENER_H
#define CCVM_SESSION_LISTENER_H

#include "base/err.h"

struct listener;
struct loop;

/* on_connection takes over fd. Never NULL. */
struct listener *listener_new(struct loop *loop, void (*on_connection)(void *ctx, int fd),
			      void *ctx);
void listener_free(struct listener *l); /* NULL is fine */

/* Once: clients may connect from now on. The error says what to do about a path that is too long. */
int listener_open(struct listener *l, const char *path, struct err *e);

#endif
