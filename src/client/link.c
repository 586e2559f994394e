#include "client/link.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "client/sessions.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define LINK_READ 65536u

int link_open(struct link *k, const char *session, struct err *e)
{
	*k = (struct link){.fd = sessions_connect(session, e)};
	return k->fd < 0 ? -1 : 0;
}

void link_close(struct link *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	buf_fini(&k->in);
	k->in = (struct buf){0};
}

int link_send(struct link *k, enum wire_type type, const void *payload, size_t n, struct err *e)
{
	AUTO_BUF struct buf frame = {0};

	wire_put(&frame, type, payload, n);
	return file_write_all(k->fd, buf_data(&frame), buf_len(&frame), e) < 0
		       ? err_wrap(e, "the session")
		       : 0;
}

int link_resize(struct link *k, int cols, int rows, struct err *e)
{
	AUTO_BUF struct buf size = {0};

	wire_fill_resize(&size, (struct wire_resize){(uint16_t)cols, (uint16_t)rows});
	return link_send(k, WIRE_RESIZE, buf_data(&size), buf_len(&size), e);
}

int link_take(struct link *k, struct wire_frame *f, struct err *e)
{
	int rc = wire_next(&k->in, f);

	return rc < 0 ? err_set(e, "the session sent a malformed frame") : rc;
}

int link_read(struct link *k, struct err *e)
{
	ssize_t n = read(k->fd, buf_room(&k->in, LINK_READ), LINK_READ);

	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 0;
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		return err_sys(e, "read from the session");
	buf_grew(&k->in, n > 0 ? (size_t)n : 0);
	return 1;
}

int link_next(struct link *k, int patience_ms, struct wire_frame *f, struct err *e)
{
	struct pollfd p = {.fd = k->fd, .events = POLLIN};
	const int64_t end = clock_mono_ms() + patience_ms;
	int rc;

	while ((rc = link_take(k, f, e)) == 0) {
		const int64_t left = end - clock_mono_ms();

		if (patience_ms >= 0 && (left <= 0 || poll(&p, 1, (int)left) == 0))
			return 2;
		rc = link_read(k, e);
		if (rc <= 0)
			return rc;
	}
	return rc;
}

void link_drop(struct link *k, const struct wire_frame *f)
{
	buf_drop(&k->in, f->n + WIRE_HEADER_SIZE);
}

int link_view(struct link *k, const struct buf *message, enum view_type answer,
	      struct wire_frame *f, struct err *e)
{
	int rc;

	if (link_send(k, WIRE_VIEW, buf_data(message), buf_len(message), e) < 0)
		return -1;
	while ((rc = link_next(k, LINK_PATIENCE_MS, f, e)) == 1) {
		if (f->type == WIRE_VIEW_DATA && view_type(f->payload, f->n) == (unsigned)answer)
			return 0;
		if (f->type == WIRE_VIEW_DATA && view_type(f->payload, f->n) == VIEW_NONE) {
			err_set(e, "the session has no screen");
			return err_remedy(e, "only sessions with a terminal have one: ccvmctl new, "
					     "or ccvm started in a terminal");
		}
		link_drop(k, f);
	}
	return rc < 0 ? -1
		      : err_set(e, rc == 0 ? "the session ended" : "the session does not answer");
}

int link_paste(struct link *k, const char *text, size_t n, struct err *e)
{
	size_t at = 0;

	do {
		AUTO_BUF struct buf part = {0};
		struct wire_frame f;

		at = view_put_paste_part(&part, text, n, at);
		if (link_view(k, &part, VIEW_TAKEN, &f, e) < 0)
			return -1;
		link_drop(k, &f);
	} while (at < n);
	return 0;
}

int link_screen(struct link *k, struct view_screen *v, struct err *e)
{
	AUTO_BUF struct buf pull = {0};
	struct wire_frame f;
	int rc;

	view_put_pull(&pull, (struct view_pull){0});
	if (link_view(k, &pull, VIEW_FRAME, &f, e) < 0)
		return -1;
	rc = view_take_frame(v, f.payload, f.n);
	link_drop(k, &f);
	return rc < 0 ? err_set(e, "the session sent a malformed screen update") : 0;
}
