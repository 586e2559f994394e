#include "loop/fdwatch.h"
#include "base/mem.h"

struct fdwatch {
	uv_poll_t handle;
	void (*on_ready)(void *ctx);
	void *ctx;
};

static void fdwatch_on_ready(uv_poll_t *handle, int status, int events)
{
	struct fdwatch *w = handle->data;

	(void)status; /* reading or writing tells the same */
	(void)events;
	w->on_ready(w->ctx);
}

struct fdwatch *fdwatch_new(uv_loop_t *loop, int fd, void (*on_ready)(void *ctx), void *ctx)
{
	struct fdwatch *w = mem_alloc(sizeof(*w));

	if (uv_poll_init(loop, &w->handle, fd) < 0)
		mem_die("watch an fd");
	w->handle.data = w;
	w->on_ready = on_ready;
	w->ctx = ctx;
	return w;
}

static void fdwatch_on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void fdwatch_free(struct fdwatch *w)
{
	if (!w)
		return;
	uv_poll_stop(&w->handle);
	uv_close((uv_handle_t *)&w->handle, fdwatch_on_closed);
}

void fdwatch_set(struct fdwatch *w, int events)
{
	const int wanted =
	    (events & FDWATCH_READ ? UV_READABLE : 0) | (events & FDWATCH_WRITE ? UV_WRITABLE : 0);

	if (wanted)
		uv_poll_start(&w->handle, wanted, fdwatch_on_ready);
	else
		uv_poll_stop(&w->handle);
}
