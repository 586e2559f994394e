#include "loop/stream.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define STREAM_READ_SIZE 65536

struct stream {
	struct handle handle;
	int fd;
	struct stream_callbacks cb;
	struct buf out;
	bool paused;
	bool ended;
	bool closed;
};

static void stream_watch(struct stream *s);

static void stream_release(struct handle *h)
{
	struct stream *s = (struct stream *)h;

	close(s->fd);
	buf_fini(&s->out);
	free(s);
}

void stream_close(struct stream *s)
{
	if (!s || s->closed)
		return;
	s->closed = true;
	handle_close(&s->handle);
}

static void stream_end(struct stream *s)
{
	if (s->ended || s->closed)
		return;
	s->ended = true;
	uv_poll_stop(&s->handle.uv.poll);
	s->cb.on_end(s->cb.ctx);
}

/* Writes what the peer takes. MSG_NOSIGNAL where it is a socket: a peer that left is an end, not a
 * signal. */
static void stream_write_some(struct stream *s)
{
	while (buf_len(&s->out)) {
		ssize_t n = send(s->fd, buf_data(&s->out), buf_len(&s->out), MSG_NOSIGNAL);

		if (n < 0 && errno == ENOTSOCK)
			n = write(s->fd, buf_data(&s->out), buf_len(&s->out));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			/* The reading side reports the end, after what was still to be read. */
			buf_drop(&s->out, buf_len(&s->out));
			return;
		}
		buf_drop(&s->out, (size_t)n);
	}
}

static void stream_read_some(struct stream *s)
{
	static char bytes[STREAM_READ_SIZE];
	ssize_t n = read(s->fd, bytes, sizeof(bytes));

	if (n > 0) {
		s->cb.on_bytes(s->cb.ctx, bytes, (size_t)n);
		secret_wipe(bytes, (size_t)n); /* the API key may be among them */
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		stream_end(s);
	}
}

static void stream_on_poll(uv_poll_t *uv, int status, int events)
{
	struct stream *s = uv->data;

	if (status < 0) {
		stream_end(s);
		return;
	}
	if (events & UV_WRITABLE) {
		stream_write_some(s);
		if (!buf_len(&s->out) && s->cb.on_drained)
			s->cb.on_drained(s->cb.ctx);
	}
	if (!s->closed && !s->ended && !s->paused && events & (UV_READABLE | UV_DISCONNECT))
		stream_read_some(s);
	if (!s->closed && !s->ended)
		stream_watch(s);
}

static void stream_watch(struct stream *s)
{
	int events = (s->paused ? 0 : UV_READABLE) | (buf_len(&s->out) ? UV_WRITABLE : 0);

	if (events)
		uv_poll_start(&s->handle.uv.poll, events, stream_on_poll);
	else
		uv_poll_stop(&s->handle.uv.poll);
}

struct stream *stream_open_by(const char *maker, struct loop *loop, int fd,
			      const struct stream_callbacks *callbacks)
{
	struct stream *s = mem_alloc(sizeof(*s));

	s->fd = fd;
	s->cb = *callbacks;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (uv_poll_init(&loop->uv, &s->handle.uv.poll, fd) != 0)
		mem_die("stream on an fd that cannot be polled");
	handle_init(&s->handle, "stream", maker, stream_release);
	stream_watch(s);
	return s;
}

void stream_write(struct stream *s, const void *bytes, size_t n)
{
	if (!s || s->closed || s->ended)
		return;
	buf_add(&s->out, bytes, n);
	stream_write_some(s);
	stream_watch(s);
}

int stream_write_fd(struct stream *s, const void *bytes, size_t n, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	if (s->closed || buf_len(&s->out))
		return -1;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(s->fd, &message, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

size_t stream_queued(const struct stream *s)
{
	return s ? buf_len(&s->out) : 0;
}

void stream_pause(struct stream *s, bool paused)
{
	if (!s || s->closed || s->ended || s->paused == paused)
		return;
	s->paused = paused;
	stream_watch(s);
}

void stream_flush(struct stream *s, int ms)
{
	const int64_t deadline = clock_mono_ms() + ms;

	while (s && !s->closed && !s->ended && buf_len(&s->out)) {
		struct pollfd p = {.fd = s->fd, .events = POLLOUT};
		const int64_t now = clock_mono_ms();

		if (now >= deadline || poll(&p, 1, (int)(deadline - now)) <= 0 ||
		    p.revents & (POLLERR | POLLHUP))
			return;
		stream_write_some(s);
	}
}
