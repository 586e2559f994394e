#include "session/nudge.h"
#include "base/mem.h"
#include "loop/timer.h"

#define NUDGE_MS 200

struct nudge {
	struct nudge_callbacks cb;
	void *ctx;
	struct timer *timer;
	bool under_way; /* QEMU has not answered yet */
};

static void nudge_on_due(void *ctx)
{
	struct nudge *n = ctx;

	nudge_now(n);
	n->cb.look(n->ctx);
}

struct nudge *nudge_new(struct loop *loop, const struct nudge_callbacks *callbacks, void *ctx)
{
	struct nudge *n = mem_alloc(sizeof(*n));

	*n = (struct nudge){.cb = *callbacks, .ctx = ctx};
	n->timer = timer_new(loop, nudge_on_due, n);
	return n;
}

void nudge_free(struct nudge *n)
{
	if (!n)
		return;
	timer_free(n->timer);
	free(n);
}

void nudge_start(struct nudge *n)
{
	timer_start(n->timer, 0, NUDGE_MS);
}

void nudge_stop(struct nudge *n)
{
	timer_stop(n->timer);
	n->under_way = false;
}

void nudge_now(struct nudge *n)
{
	if (!n->under_way)
		n->under_way = n->cb.wake(n->ctx);
}

void nudge_answered(struct nudge *n)
{
	n->under_way = false;
}
