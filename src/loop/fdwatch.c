#include "loop/fdwatch.h"
#include "base/mem.h"
#include "loop/handle.h"

#include <fcntl.h>
#include <stdbool.h>

struct fdwatch {
	struct handle handle; /* an idle handle where the fd is always ready */
	bool always;
	void (*on_ready)(void *ctx);
	void *ctx;
};

static void fdwatch_on_poll(uv_poll_t *uv, int status, int events)
{
	struct fdwatch *w = uv->data;

	(void)status; /* reading or writing tells the same */
	(void)events;
	w->on_ready(w->ctx);
}

static void fdwatch_on_idle(uv_idle_t *uv)
{
	struct fdwatch *w = uv->data;

	w->on_ready(w->ctx);
}

struct fdwatch *fdwatch_new_by(const char *maker, struct loop *loop, int fd,
			       void (*on_ready)(void *ctx), void *ctx)
{
	struct fdwatch *w = mem_alloc(sizeof(*w));
	const int flags = fcntl(fd, F_GETFL);
	const int rc = uv_poll_init(&loop->uv, &w->handle.uv.poll, fd);

	if (rc == UV_EEXIST)
		mem_die("watch an fd twice");
	if (rc == 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags); /* libuv sets it */
	w->always = rc < 0;
	if (w->always)
		uv_idle_init(&loop->uv, &w->handle.uv.idle);
	handle_init(&w->handle, "fdwatch", maker, handle_release);
	w->on_ready = on_ready;
	w->ctx = ctx;
	return w;
}

void fdwatch_free(struct fdwatch *w)
{
	if (w)
		handle_close(&w->handle);
}

static void fdwatch_set_always(struct fdwatch *w, int events)
{
	if (events)
		uv_idle_start(&w->handle.uv.idle, fdwatch_on_idle);
	else
		uv_idle_stop(&w->handle.uv.idle);
}

void fdwatch_set(struct fdwatch *w, int events)
{
	const int wanted = (events & FDWATCH_READ ? UV_READABLE : 0) |
			   (events & FDWATCH_WRITE ? UV_WRITABLE : 0);

	if (w->always)
		fdwatch_set_always(w, events);
	else if (wanted)
		uv_poll_start(&w->handle.uv.poll, wanted, fdwatch_on_poll);
	else
		uv_poll_stop(&w->handle.uv.poll);
}
