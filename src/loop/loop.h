/* loop: one thread's event loop. What is registered with it (timer.h, fdwatch.h, stream.h,
 * frames.h, child.h, sigwatch.h) calls back from loop_run and loop_turn alone. This folder is the
 * only user of libuv. */
#ifndef CCVM_LOOP_LOOP_H
#define CCVM_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>

struct loop;

/* Never NULL. */
struct loop *loop_new(void);
/* All that was registered is to be freed by then. What is not is logged, a line each, and its
 * number returned; the loop then stays as it is, and may be freed again later. No callback comes
 * from here. NULL is fine. */
size_t loop_free(struct loop *l);

/* Turns until loop_stop, or until nothing is left that could call back. */
void loop_run(struct loop *l);
/* One turn. wait: for the first thing to happen; else only what is due now. */
void loop_turn(struct loop *l, bool wait);
/* Ends loop_run after the turn that is under way. */
void loop_stop(struct loop *l);

/* Called in each turn before it waits. There is one such function. */
void loop_before_wait(struct loop *l, void (*fn)(void *ctx), void *ctx);

#endif
