#include "loop/frames.h"
#include "base/buf.h"
#include "base/mem.h"
#include "loop/stream.h"

struct frames {
	struct frames_callbacks cb;
	struct stream *stream;
	struct buf in;
	bool busy;	/* a frame in the buffer is being handled */
	bool closed;	/* meanwhile */
	bool malformed; /* what comes is dropped */
};

static void frames_release(struct frames *f)
{
	buf_fini(&f->in);
	free(f);
}

static void frames_on_bytes(void *ctx, const void *bytes, size_t n)
{
	struct frames *f = ctx;
	struct wire_frame frame;
	bool good = true;
	int rc = 0;

	if (f->malformed)
		return;
	buf_add(&f->in, bytes, n);
	f->busy = true;
	while (good && !f->closed && (rc = wire_next(&f->in, &frame)) == 1) {
		good = f->cb.on_frame(f->cb.ctx, &frame);
		buf_drop(&f->in, frame.n + WIRE_HEADER_SIZE);
	}
	f->busy = false;
	if (f->closed) {
		frames_release(f);
	} else if (!good || rc < 0) {
		f->malformed = true;
		f->cb.on_end(f->cb.ctx, true);
	}
}

static void frames_on_end(void *ctx)
{
	struct frames *f = ctx;

	f->cb.on_end(f->cb.ctx, false);
}

static void frames_on_drained(void *ctx)
{
	struct frames *f = ctx;

	if (f->cb.on_drained)
		f->cb.on_drained(f->cb.ctx);
}

struct frames *frames_open_by(const char *maker, struct loop *loop, int fd,
			      const struct frames_callbacks *callbacks)
{
	struct frames *f = mem_alloc(sizeof(*f));
	const struct stream_callbacks cb = {frames_on_bytes, frames_on_end, frames_on_drained, f};

	f->cb = *callbacks;
	f->stream = stream_open_by(maker, loop, fd, &cb);
	return f;
}

void frames_close(struct frames *f)
{
	if (!f)
		return;
	stream_close(f->stream);
	f->closed = true;
	if (!f->busy)
		frames_release(f);
}

void frames_keep_secret(struct frames *f)
{
	f->in.secret = true;
}

void frames_send(struct frames *f, enum wire_type type, const void *payload, size_t n)
{
	AUTO_BUF struct buf frame = {0};

	if (!f)
		return;
	wire_put(&frame, type, payload, n);
	frames_send_packed(f, buf_data(&frame), buf_len(&frame));
}

void frames_send_packed(struct frames *f, const void *bytes, size_t n)
{
	if (f)
		stream_write(f->stream, bytes, n);
}

size_t frames_queued(const struct frames *f)
{
	return f ? stream_queued(f->stream) : 0;
}

void frames_pause(struct frames *f, bool paused)
{
	if (f)
		stream_pause(f->stream, paused);
}

void frames_flush(struct frames *f, int ms)
{
	if (f)
		stream_flush(f->stream, ms);
}
