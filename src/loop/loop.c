#include "loop/loop.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/handle.h"

struct loop *loop_new(void)
{
	struct loop *l = mem_alloc(sizeof(*l));

	if (uv_loop_init(&l->uv) < 0)
		mem_die("make an event loop");
	l->uv.data = l;
	uv_prepare_init(&l->uv, &l->prepare);
	uv_unref((uv_handle_t *)&l->prepare);
	return l;
}

static void loop_complain(uv_handle_t *uv, void *left)
{
	const struct handle *h = uv->data;

	if (!h || uv_is_closing(uv))
		return;
	log_error("loop: a %s of %s is still registered", h->kind, h->maker);
	(*(size_t *)left)++;
}

size_t loop_free(struct loop *l)
{
	size_t left = 0;

	if (!l)
		return 0;
	uv_walk(&l->uv, loop_complain, &left);
	if (left)
		return left;
	uv_close((uv_handle_t *)&l->prepare, NULL);
	/* What was freed in the last turn takes one more. */
	while (uv_loop_close(&l->uv) == UV_EBUSY)
		uv_run(&l->uv, UV_RUN_NOWAIT);
	free(l);
	return 0;
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_turn(struct loop *l, bool wait)
{
	uv_run(&l->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

static void loop_on_prepare(uv_prepare_t *prepare)
{
	struct loop *l = prepare->loop->data;

	l->before_wait(l->ctx);
}

void loop_before_wait(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	l->before_wait = fn;
	l->ctx = ctx;
	uv_prepare_start(&l->prepare, loop_on_prepare);
}
