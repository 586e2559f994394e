/* starter: runs one ccvmctl at a time, that starts a session. */
#ifndef CCVM_UI_STARTER_H
#define CCVM_UI_STARTER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

struct loop;
struct starter;

/* good: the text is the new session's id; else why there is none, on one line. The text lives until
 * the next starter_run. */
typedef void starter_end_fn(void *ctx, bool good, const char *text);

/* Never NULL. The loop is borrowed. */
struct starter *starter_new(struct loop *loop, starter_end_fn *on_end, void *ctx);
/* A ccvmctl that runs is left alone; on_end does not come any more. */
void starter_free(struct starter *s);
bool starter_is_busy(const struct starter *s);

/* ccvmctl with these arguments, the first of which is its command, in that directory, with the
 * variables of env in front of our own and that fd (borrowed; -1: nothing) as its stdin. Not while
 * it is busy. on_end comes from the loop, unless this fails. */
int starter_run(struct starter *s, const char *directory, const struct strv *args,
		const struct strv *env, int input, struct err *e);

#endif
