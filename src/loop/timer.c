#include "loop/timer.h"
#include "base/mem.h"
#include "loop/handle.h"

struct timer {
	struct handle handle;
	void (*on_due)(void *ctx);
	void *ctx;
};

static void timer_on_due(uv_timer_t *uv)
{
	struct timer *t = uv->data;

	t->on_due(t->ctx);
}

struct timer *timer_new_by(const char *maker, struct loop *loop, void (*on_due)(void *ctx),
			   void *ctx)
{
	struct timer *t = mem_alloc(sizeof(*t));

	uv_timer_init(&loop->uv, &t->handle.uv.timer);
	handle_init(&t->handle, "timer", maker, handle_release);
	t->on_due = on_due;
	t->ctx = ctx;
	return t;
}

void timer_free(struct timer *t)
{
	if (t)
		handle_close(&t->handle);
}

void timer_start(struct timer *t, unsigned ms, unsigned period_ms)
{
	uv_timer_start(&t->handle.uv.timer, timer_on_due, ms, period_ms);
}

void timer_stop(struct timer *t)
{
	uv_timer_stop(&t->handle.uv.timer);
}

bool timer_is_active(const struct timer *t)
{
	return uv_is_active(&t->handle.uv.any);
}
