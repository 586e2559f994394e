#include "term/term.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proto/view.h"
#include "proto/wire.h"
#include "term/emu.h"
#include "term/keyenc.h"
#include "term/term_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define TERM_OUT_MAX   (4u << 20) /* queued for the session: no more frames until it took some */
#define TERM_READ      65536u
#define TERM_FIND_MAX  256
#define TERM_QUIET_MS  100  /* the screen's text is sent when it has not changed for so long … */
#define TERM_SCREEN_MS 1000 /* … or this often */

struct term_viewer {
	uint32_t id;
	uint64_t since;
	int64_t sent_ms;
	bool used, waiting;
	bool bracketed; /* its paste has begun, in brackets */
};

struct term {
	int fd;
	struct buf in, out;
	struct emu *emu;
	struct term_viewer viewer[TERM_VIEWERS];
	int64_t now_ms, sync_ms;   /* of the beginning of an update; 0: none */
	int64_t fed_ms, screen_ms; /* last output; last told text */
	bool screen_due;
	int cols, rows;
};

static void term_send(struct term *t, enum wire_type type, const struct buf *payload)
{
	wire_put(&t->out, type, buf_data(payload), buf_len(payload));
}

static void term_on_answer(void *ctx, const void *bytes, size_t n)
{
	struct term *t = ctx;

	if (buf_len(&t->out) < TERM_OUT_MAX)
		wire_put(&t->out, WIRE_STDIN, bytes, n);
}

/* ---- viewers ---- */

static struct term_viewer *term_viewer(struct term *t, uint32_t id)
{
	struct term_viewer *unused = NULL;

	for (size_t i = 0; i < TERM_VIEWERS; i++) {
		if (t->viewer[i].used && t->viewer[i].id == id)
			return &t->viewer[i];
		if (!t->viewer[i].used && !unused)
			unused = &t->viewer[i];
	}
	if (unused)
		*unused = (struct term_viewer){.id = id, .used = true};
	return unused;
}

/* A message for one viewer. */
static void term_send_view(struct term *t, uint32_t viewer, const struct buf *message)
{
	AUTO_BUF struct buf payload = {0};

	wire_fill_view(&payload, (struct wire_view){viewer, {buf_data(message), buf_len(message)}});
	term_send(t, WIRE_VIEW_DATA, &payload);
}

static void term_send_frame(struct term *t, struct term_viewer *v)
{
	AUTO_BUF struct buf message = {0};

	emu_put_frame(t->emu, &message, v->since);
	term_send_view(t, v->id, &message);
	v->sent_ms = t->now_ms;
	v->waiting = false;
}

/* Frames that are due; returns how long the next one may wait, or -1. */
static int term_send_frames(struct term *t)
{
	const bool held = t->sync_ms && t->now_ms - t->sync_ms < TERM_SYNC_MS;
	int64_t wait = -1;

	if (t->sync_ms && !held)
		emu_end_synchronized(t->emu);
	for (size_t i = 0; i < TERM_VIEWERS; i++) {
		struct term_viewer *v = &t->viewer[i];
		int64_t ms;

		if (!v->used || !v->waiting || (v->since && !emu_has_news(t->emu, v->since)) ||
		    buf_len(&t->out) > TERM_OUT_MAX)
			continue;
		ms = v->since == 0 ? 0 : v->sent_ms + TERM_FRAME_MS - t->now_ms;
		if (v->since && held)
			ms = t->sync_ms + TERM_SYNC_MS - t->now_ms;
		if (ms <= 0)
			term_send_frame(t, v);
		else if (wait < 0 || ms < wait)
			wait = ms;
	}
	return (int)wait;
}

static void term_on_pull(struct term *t, uint32_t id, const void *p, size_t n)
{
	struct term_viewer *v = term_viewer(t, id);
	struct view_pull m;

	if (!v || !view_get_pull(p, n, &m))
		return;
	v->since = m.gen;
	v->waiting = true;
	if (v->since == 0) /* at once: it refers to this moment in the stream */
		term_send_frame(t, v);
}

static void term_on_lines(struct term *t, uint32_t id, const void *p, size_t n)
{
	AUTO_BUF struct buf message = {0};
	struct view_lines m;

	if (!view_get_lines(p, n, &m))
		return;
	emu_put_history(t->emu, &message, m.first, m.count);
	term_send_view(t, id, &message);
}

static void term_on_find(struct term *t, uint32_t id, const void *p, size_t n)
{
	AUTO_BUF struct buf message = {0};
	AUTO_FREE char *text = NULL;
	struct view_find m;
	uint64_t line;
	int col = 0;

	if (!view_get_find(p, n, &m) || m.text.n == 0 || m.text.n > TERM_FIND_MAX)
		return;
	text = mem_strndup(m.text.p, m.text.n);
	line = grid_find(emu_grid(t->emu), m.from, m.down, text, &col);
	view_put_found(&message, (struct view_found){line, (uint16_t)col});
	term_send_view(t, id, &message);
}

static void term_on_key(struct term *t, uint32_t id, const void *p, size_t n)
{
	AUTO_BUF struct buf bytes = {0};
	struct view_pressed m;

	(void)id;
	if (!view_get_pressed(p, n, &m))
		return;
	keyenc_key(&bytes, m.code, m.mods, emu_modes(t->emu));
	term_send(t, WIRE_STDIN, &bytes);
}

/* A part of a paste. Its confirmation follows its bytes, so that they are never reported delivered
 * too early. */
static void term_on_paste(struct term *t, uint32_t id, const void *p, size_t n)
{
	struct term_viewer *v = term_viewer(t, id);
	AUTO_BUF struct buf bytes = {0}, taken = {0};
	struct view_paste m;

	if (!v || !view_get_paste(p, n, &m))
		return;
	if (m.part & VIEW_PASTE_FIRST) {
		v->bracketed = emu_modes(t->emu) & VIEW_PASTE_BRACKETS;
		if (v->bracketed)
			keyenc_bracket(&bytes, true);
	}
	keyenc_paste(&bytes, m.text.p, m.text.n);
	if (m.part & VIEW_PASTE_LAST && v->bracketed) {
		keyenc_bracket(&bytes, false);
		v->bracketed = false;
	}
	term_send(t, WIRE_STDIN, &bytes);
	view_put_taken(&taken, (struct view_taken){(uint32_t)m.text.n});
	term_send_view(t, id, &taken);
}

static void term_on_mouse(struct term *t, uint32_t id, const void *p, size_t n)
{
	AUTO_BUF struct buf bytes = {0};
	struct view_mouse m;

	(void)id;
	if (!view_get_mouse(p, n, &m))
		return;
	keyenc_mouse(&bytes, m.mods, m.button, m.action, m.row, m.col, emu_modes(t->emu));
	term_send(t, WIRE_STDIN, &bytes);
}

static void term_on_focus(struct term *t, uint32_t id, const void *p, size_t n)
{
	AUTO_BUF struct buf bytes = {0};
	struct view_focus m;

	(void)id;
	if (!view_get_focus(p, n, &m))
		return;
	keyenc_focus(&bytes, m.gained, emu_modes(t->emu));
	term_send(t, WIRE_STDIN, &bytes);
}

static void term_on_view(struct term *t, const struct wire_frame *f)
{
	static const struct {
		enum view_type type;
		void (*act)(struct term *t, uint32_t id, const void *p, size_t n);
	} table[] = {{VIEW_PULL, term_on_pull},	  {VIEW_LINES, term_on_lines},
		     {VIEW_FIND, term_on_find},	  {VIEW_KEY, term_on_key},
		     {VIEW_PASTE, term_on_paste}, {VIEW_MOUSE, term_on_mouse},
		     {VIEW_FOCUS, term_on_focus}};
	struct wire_view m;

	if (!wire_get_view(f, &m))
		return;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == view_type(m.message.p, m.message.n))
			table[i].act(t, m.viewer, m.message.p, m.message.n);
}

/* ---- events ---- */

static void term_send_event(struct term *t, enum wire_term_event event, const char *text)
{
	AUTO_BUF struct buf payload = {0};

	wire_fill_told(&payload, (struct wire_told){(uint8_t)event, {text, strlen(text)}});
	term_send(t, WIRE_TERM_EVENT, &payload);
}

/* At most once a turn, so that a flood of them does not flood the session. */
static void term_send_events(struct term *t)
{
	struct vt_events *ev = emu_events(t->emu);

	if (ev->title)
		term_send_event(t, WIRE_TERM_TITLE, ev->title_text);
	if (ev->bell)
		term_send_event(t, WIRE_TERM_BELL, "");
	if (ev->notified)
		term_send_event(t, WIRE_TERM_NOTIFY, ev->notify_text);
	ev->title = ev->bell = ev->notified = false;
}

static void term_send_screen(struct term *t)
{
	AUTO_BUF struct buf text = {0};

	emu_put_text(t->emu, &text, WIRE_SCREEN_CELLS);
	term_send_event(t, WIRE_TERM_SCREEN, buf_text(&text));
	t->screen_ms = t->now_ms;
	t->screen_due = false;
}

/* Returns how long it may wait, or -1. */
static int term_tell_screen(struct term *t)
{
	const int64_t quiet = t->fed_ms + TERM_QUIET_MS, latest = t->screen_ms + TERM_SCREEN_MS;
	const int64_t due = quiet < latest ? quiet : latest;

	if (!t->screen_due)
		return -1;
	if (t->now_ms < due)
		return (int)(due - t->now_ms);
	term_send_screen(t);
	return -1;
}

/* ---- the socket ---- */

static void term_on_output(struct term *t, const struct wire_frame *f)
{
	emu_feed(t->emu, f->payload, f->n);
	t->fed_ms = t->now_ms;
	t->screen_due = true;
	if (!emu_is_synchronized(t->emu))
		t->sync_ms = 0;
	else if (!t->sync_ms)
		t->sync_ms = t->now_ms;
}

static void term_on_resize(struct term *t, const struct wire_frame *f)
{
	struct wire_resize m;

	if (wire_get_resize(f, &m))
		emu_resize(t->emu, m.cols, m.rows);
}

static void term_on_answers(struct term *t, const struct wire_frame *f)
{
	struct wire_elsewhere m;

	if (wire_get_elsewhere(f, &m))
		emu_set_answers(t->emu, !m.most, !m.dcs);
}

static void term_on_gone(struct term *t, const struct wire_frame *f)
{
	struct wire_gone m;

	if (!wire_get_gone(f, &m))
		return;
	for (size_t i = 0; i < TERM_VIEWERS; i++)
		if (t->viewer[i].id == m.viewer)
			t->viewer[i].used = false;
}

static void term_on_frame(struct term *t, const struct wire_frame *f)
{
	if (f->type == WIRE_STDOUT)
		term_on_output(t, f);
	else if (f->type == WIRE_VIEW)
		term_on_view(t, f);
	else if (f->type == WIRE_RESIZE)
		term_on_resize(t, f);
	else if (f->type == WIRE_VIEW_GONE)
		term_on_gone(t, f);
	else if (f->type == WIRE_ANSWERS)
		term_on_answers(t, f);
}

/* 1: go on; 0: the session is gone; -1: broken. */
static int term_read(struct term *t)
{
	ssize_t n = read(t->fd, buf_room(&t->in, TERM_READ), TERM_READ);
	struct wire_frame f;
	int rc;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -1;
	if (n == 0)
		return 0;
	buf_grew(&t->in, (size_t)n);
	while ((rc = wire_next(&t->in, &f)) == 1) {
		term_on_frame(t, &f);
		buf_drop(&t->in, f.n + WIRE_HEADER_SIZE);
	}
	term_send_events(t);
	return rc < 0 ? -1 : 1;
}

static int term_write(struct term *t)
{
	while (buf_len(&t->out)) {
		ssize_t n = write(t->fd, buf_data(&t->out), buf_len(&t->out));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 1 : -1;
		buf_drop(&t->out, (size_t)n);
	}
	return 1;
}

static int term_shorter(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

static int term_turn(struct term *t)
{
	int wait, rc = 1;
	struct pollfd p = {.fd = t->fd};

	t->now_ms = clock_mono_ms();
	wait = term_shorter(term_send_frames(t), term_tell_screen(t));
	if (term_write(t) < 0)
		return -1;
	p.events = (short)(POLLIN | (buf_len(&t->out) ? POLLOUT : 0));
	if (poll(&p, 1, wait) < 0)
		return errno == EINTR ? 1 : -1;
	term_confine_begin_turn();
	t->now_ms = clock_mono_ms();
	if (p.revents & (POLLIN | POLLHUP | POLLERR))
		rc = term_read(t);
	return rc;
}

int term_run(int fd, size_t history)
{
	struct term t = {.fd = fd};
	const struct emu_callbacks cb = {term_on_answer, &t};
	int rc = 1;

	t.now_ms = clock_mono_ms();
	t.emu = emu_new(80, 24, history, (uint64_t)t.now_ms + 1, &cb);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	while (rc > 0)
		rc = term_turn(&t);
	emu_free(t.emu);
	buf_fini(&t.in);
	buf_fini(&t.out);
	return rc < 0;
}
