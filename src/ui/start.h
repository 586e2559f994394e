/* start: the sessions that the user starts, from the form or in place of another one, and the spare
 * that is ready for that. Each is a ccvmctl; what it says when it fails is shown. */
#ifndef CCVM_UI_START_H
#define CCVM_UI_START_H

#include <stdbool.h>

#include "ui/model.h"

struct loop;
struct start;

struct start_callbacks {
	/* The list of sessions is to be read anew. */
	void (*refresh)(void *ctx);
	void (*rename)(void *ctx, const char *id, const char *name);
	void *ctx;
};

/* Never NULL. Loop and model are borrowed. */
struct start *start_new(struct loop *loop, struct model *m, const struct start_callbacks *cb);
void start_free(struct start *s);

/* As the form of the model says. */
void start_session(struct start *s);
/* One like it, in its place. */
void start_again(struct start *s, const struct model_session *session);
/* Once in a while: sees to the spare. */
void start_tick(struct start *s);
/* A session has another name. */
void start_on_renamed(struct start *s, const char *id);

#endif
