#include "loop/sigwatch.h"
#include "base/mem.h"
#include "loop/handle.h"

struct sigwatch {
	struct handle handle;
	void (*on_signal)(void *ctx, int number);
	void *ctx;
};

static void sigwatch_on_signal(uv_signal_t *uv, int number)
{
	struct sigwatch *w = uv->data;

	w->on_signal(w->ctx, number);
}

struct sigwatch *sigwatch_new_by(const char *maker, struct loop *loop, int number,
				 void (*on_signal)(void *ctx, int number), void *ctx)
{
	struct sigwatch *w = mem_alloc(sizeof(*w));

	w->on_signal = on_signal;
	w->ctx = ctx;
	uv_signal_init(&loop->uv, &w->handle.uv.signal);
	handle_init(&w->handle, "sigwatch", maker, handle_release);
	if (uv_signal_start(&w->handle.uv.signal, sigwatch_on_signal, number) < 0)
		mem_die("watch for a signal");
	return w;
}

void sigwatch_free(struct sigwatch *w)
{
	if (w)
		handle_close(&w->handle);
}
