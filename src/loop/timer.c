#include "loop/timer.h"
#include "base/mem.h"

struct timer {
	uv_timer_t handle;
	void (*on_due)(void *ctx);
	void *ctx;
};

static void timer_on_due(uv_timer_t *handle)
{
	struct timer *t = handle->data;

	t->on_due(t->ctx);
}

struct timer *timer_new(uv_loop_t *loop, void (*on_due)(void *ctx), void *ctx)
{
	struct timer *t = mem_alloc(sizeof(*t));

	uv_timer_init(loop, &t->handle);
	t->handle.data = t;
	t->on_due = on_due;
	t->ctx = ctx;
	return t;
}

static void timer_on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void timer_free(struct timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->handle, timer_on_closed);
}

void timer_start(struct timer *t, unsigned ms, unsigned period_ms)
{
	uv_timer_start(&t->handle, timer_on_due, ms, period_ms);
}

void timer_stop(struct timer *t)
{
	uv_timer_stop(&t->handle);
}

bool timer_is_active(const struct timer *t)
{
	return uv_is_active((const uv_handle_t *)&t->handle);
}
