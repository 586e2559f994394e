/* timer: a deadline or a period in the event loop, owned by one component. */
#ifndef CCVM_LOOP_TIMER_H
#define CCVM_LOOP_TIMER_H

#include <stdbool.h>

struct loop;
struct timer;

/* on_due is called from the loop only, and may free the timer. */
#define timer_new(loop, on_due, ctx) timer_new_by(__func__, loop, on_due, ctx)
struct timer *timer_new_by(const char *maker, struct loop *loop, void (*on_due)(void *ctx),
			   void *ctx);
/* Stops it; its memory goes when the loop has let go of it. NULL is fine. */
void timer_free(struct timer *t);

/* Due in `ms` milliseconds, then every `period_ms` (0: once). A timer that runs starts anew. */
void timer_start(struct timer *t, unsigned ms, unsigned period_ms);
void timer_stop(struct timer *t);
bool timer_is_active(const struct timer *t);

#endif
