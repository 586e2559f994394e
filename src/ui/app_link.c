#include "ui/app_link.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "client/record.h"
#include "client/sessions.h"
#include "clip/clip_path.h"
#include "proto/rundir.h"
#include "proto/wire.h"
#include "ui/app_state.h"
#include "ui/views.h"

#include <stdio.h>
#include <string.h>

#define LINKS_HELD_MAX	(64u << 20) /* bytes of keys and pastes that wait for one session */
#define LINKS_BESIDE_MS 50 /* between two frames of a pane that is not the chosen one */

static struct app_connection *links_find(struct app *a, const char *id)
{
	for (size_t i = 0; i < MODEL_SESSIONS; i++)
		if (strcmp(a->connection[i].id, id) == 0)
			return &a->connection[i];
	return NULL;
}

static void links_drop(struct app_connection *c)
{
	stream_close(c->stream);
	buf_fini(&c->in);
	buf_fini(&c->held);
	picture_fini(&c->picture);
	*c = (struct app_connection){.app = c->app};
}

void links_close(struct app *a)
{
	for (size_t i = 0; i < MODEL_SESSIONS; i++)
		if (a->connection[i].id[0]) {
			stream_flush(a->connection[i].stream, 200);
			links_drop(&a->connection[i]);
		}
}

static void links_send(struct app *a, const struct model_session *s, enum wire_type type, const void *payload, size_t n)
{
	struct app_connection *c = s ? links_find(a, s->id) : NULL;
	AUTO_BUF struct buf frame = {0};

	if (!c)
		return;
	wire_put(&frame, type, payload, n);
	stream_write(c->stream, buf_data(&frame), buf_len(&frame));
}

static void links_send_to(void *ctx, enum wire_type type, const void *payload, size_t n)
{
	struct app_connection *c = ctx;
	AUTO_BUF struct buf frame = {0};

	wire_put(&frame, type, payload, n);
	stream_write(c->stream, buf_data(&frame), buf_len(&frame));
}

/* What is held goes on in its order: nothing while an image is on its way, and no more of a paste than may be under way. */
static void links_pump(struct app_connection *c)
{
	struct wire_frame f;

	while (!c->picture.waiting && wire_next(&c->held, &f) == 1) {
		const size_t size = f.n + WIRE_HEADER_SIZE, pasted = f.payload[0] == VIEW_PASTE ? f.n - 2 : 0;

		if (pasted && c->pasted + pasted > VIEW_PASTE_WINDOW)
			return;
		c->pasted += pasted;
		stream_write(c->stream, buf_data(&c->held), size);
		buf_drop(&c->held, size);
	}
	if (!buf_len(&c->held)) { /* it may have been large */
		buf_fini(&c->held);
		c->held = (struct buf){0};
	}
}

static void links_on_taken(struct app_connection *c, const unsigned char *p, size_t n)
{
	const size_t taken = n == 5 ? bytes_get_u32(p + 1) : 0;

	c->pasted -= taken < c->pasted ? taken : c->pasted;
	links_pump(c);
}

static void links_type(struct app *a, const struct model_session *s, const struct buf *message)
{
	struct app_connection *c = s ? links_find(a, s->id) : NULL;

	if (!c || buf_len(&c->held) > LINKS_HELD_MAX)
		return;
	wire_put(&c->held, WIRE_VIEW, buf_data(message), buf_len(message));
	links_pump(c);
}

/* Where a part that begins at p ends: no character is cut. */
static size_t links_part(const char *p, size_t n)
{
	size_t cut = n < VIEW_PASTE_PART ? n : VIEW_PASTE_PART;

	for (int i = 0; i < 3 && cut < n && cut > 1 && ((unsigned char)p[cut] & 0xc0) == 0x80; i++)
		cut--;
	return cut;
}

static void links_put_paste(struct buf *out, const char *text, size_t n)
{
	size_t at = 0;

	do {
		const size_t part = links_part(text + at, n - at);
		const char flags = (char)((at ? 0 : VIEW_PASTE_FIRST) | (at + part == n ? VIEW_PASTE_LAST : 0));
		AUTO_BUF struct buf message = {0};

		buf_add(&message, (const char[]){VIEW_PASTE, flags}, 2);
		buf_add(&message, text + at, part);
		wire_put(out, WIRE_VIEW, buf_data(&message), buf_len(&message));
		at += part;
	} while (at < n);
}

/* It goes before what was typed while its image was on its way. */
static void links_on_paste_done(void *ctx, const void *text, size_t n)
{
	struct app_connection *c = ctx;
	AUTO_BUF struct buf behind = c->held;

	c->held = (struct buf){0};
	links_put_paste(&c->held, text, n);
	buf_add(&c->held, buf_data(&behind), buf_len(&behind));
	links_pump(c);
}

/* ---- what sessions say ---- */

static void links_on_event(struct app_connection *c, const unsigned char *p, size_t n)
{
	static struct json_line l;
	struct app *a = c->app;

	if (json_parse_line((const char *)p, n, &l) < 0)
		return;
	if (model_take_event(&a->model, c->id, &l))
		app_announce(a, model_find(&a->model, c->id));
	else if (json_get_string(&l, "event") && strcmp(json_get_string(&l, "event"), "renamed") == 0)
		app_spare_on_renamed(a, c->id);
}

static void links_on_exit(struct app_connection *c, const unsigned char *p, size_t n)
{
	static struct json_line l;

	if (json_parse_line((const char *)p, n, &l) == 0)
		model_take_exit(&c->app->model, c->id, &l);
}

static void links_on_egress_row(struct app_connection *c, const unsigned char *p, size_t n)
{
	static struct json_line l;
	struct model *m = &c->app->model;
	struct model_egress_row *r = &m->egress[m->egress_n];
	int64_t port = 0;

	if (json_parse_line((const char *)p, n, &l) < 0)
		return;
	if (json_get_string(&l, "error"))
		model_say(m, "%s", json_get_string(&l, "error"));
	if (!json_get_string(&l, "host") || m->egress_n == MODEL_EGRESS_ROWS)
		return;
	json_get_int(&l, "port", &port);
	json_get_int(&l, "count", &r->count);
	snprintf(r->entry, sizeof(r->entry), "%.240s:%d", json_get_string(&l, "host"), (int)port);
	snprintf(r->verdict, sizeof(r->verdict), "%s", json_get_string(&l, "verdict") ? json_get_string(&l, "verdict") : "");
	snprintf(r->reason, sizeof(r->reason), "%s", json_get_string(&l, "reason") ? json_get_string(&l, "reason") : "");
	m->egress_n++;
}

static void links_on_found(struct app *a, const unsigned char *p, size_t n)
{
	struct model *m = &a->model;
	const struct model_session *s = model_in_pane(m, m->active);
	const uint64_t line = n == 11 ? bytes_get_u64(p + 1) : UINT64_MAX, rows = s ? s->screen.rows : 0;

	if (line == UINT64_MAX) {
		model_say(m, "not found: %.200s", m->line.text);
		return;
	}
	m->copy_line = line;
	if (line < m->copy_top || line >= m->copy_top + rows)
		m->copy_top = line > 3 ? line - 3 : 0;
	links_lines(a, s, m->copy_top, VIEW_ROWS_MAX);
}

/* False: what came is malformed, which only a session that was taken over sends. */
static bool links_on_view(struct app_connection *c, const unsigned char *p, size_t n)
{
	struct app *a = c->app;
	struct model_session *s = model_find(&a->model, c->id);

	if (!s || n == 0)
		return true;
	if (p[0] == VIEW_FRAME) {
		c->pulling = false;
		c->framed_ms = uv_now(&a->loop);
		return view_take_frame(&s->screen, p, n) == 0;
	}
	if (p[0] == VIEW_TAKEN)
		links_on_taken(c, p, n);
	else if (p[0] == VIEW_HISTORY)
		app_on_history(a, s, p, n);
	else if (p[0] == VIEW_FOUND)
		links_on_found(a, p, n);
	return true;
}

void links_answer(struct app *a, const char *id, enum wire_type type, const void *payload, size_t n)
{
	struct app_connection *c = links_find(a, id);

	if (c)
		links_send_to(c, type, payload, n);
}

static void links_on_placed(struct app_connection *c, const unsigned char *p, size_t n)
{
	picture_on_placed(&c->picture, p, n);
	links_pump(c);
}

static bool links_on_frame(struct app_connection *c, const struct wire_frame *f)
{
	if (f->type == WIRE_EVENT)
		links_on_event(c, f->payload, f->n);
	else if (f->type == WIRE_EGRESS_ROW)
		links_on_egress_row(c, f->payload, f->n);
	else if (f->type == WIRE_VIEW_DATA)
		return links_on_view(c, f->payload, f->n);
	else if (f->type == WIRE_IMAGE_PLACED)
		links_on_placed(c, f->payload, f->n);
	else if (f->type == WIRE_EXIT)
		links_on_exit(c, f->payload, f->n);
	else if (f->type == WIRE_CLIP_ASK)
		app_clip_on_ask(c->app, c->id, f->payload, f->n);
	return true;
}

static void links_on_bytes(void *ctx, const void *bytes, size_t n)
{
	struct app_connection *c = ctx;
	struct app *a = c->app;
	struct wire_frame f;
	bool good = true;
	int rc = 0;

	buf_add(&c->in, bytes, n);
	while (good && (rc = wire_next(&c->in, &f)) == 1) {
		good = links_on_frame(c, &f);
		buf_drop(&c->in, f.n + WIRE_HEADER_SIZE);
	}
	if (!good || rc < 0) {
		model_say(&a->model, "session %s sent what is no screen; its connection was closed", c->id);
		links_drop(c);
	}
	a->dirty = true;
}

static void links_on_end(void *ctx)
{
	struct app_connection *c = ctx;
	struct app *a = c->app;

	if (strcmp(a->model.pane[a->model.active], c->id) == 0) /* the lines that were asked for do not come any more */
		a->copying = false;
	links_drop(c);
	links_refresh(a);
}

/* ---- connections ---- */

static void links_connect(struct app *a, const char *id)
{
	AUTO_FREE char *directory = mem_format("%s/%s", a->run_base, id);
	struct app_connection *c = links_find(a, "");
	const struct stream_callbacks cb = {links_on_bytes, links_on_end, NULL, c};
	struct err ignored;
	int fd = c ? sessions_connect_directory(directory, &ignored) : -1;

	if (fd < 0) /* it has only just begun, or is ending */
		return;
	*c = (struct app_connection){.app = a};
	snprintf(c->id, sizeof(c->id), "%s", id);
	c->stream = stream_open(&a->loop, fd, &cb);
}

/* While its directory is there: what a session like it is started from. */
static void links_keep_record(struct app *a, const char *id)
{
	struct model_session *s = model_find(&a->model, id);
	AUTO_FREE char *directory = mem_format("%s/%s", a->run_base, id);
	AUTO_BUF struct buf record = {0};
	struct err ignored;

	if (!s || !s->detached || buf_len(&s->record) || strcmp(s->state, "running") != 0 || record_read(directory, &record, &ignored) < 0)
		return;
	s->record = record;
	record = (struct buf){0};
}

void links_refresh(struct app *a)
{
	static struct json_line l;
	struct sessions s;
	struct err ignored;

	if (sessions_list(&s, &ignored) < 0)
		return;
	model_begin_list(&a->model);
	for (size_t i = 0; i < s.n; i++) {
		if (s.dry[i] || json_parse_line(s.status[i], strlen(s.status[i]), &l) < 0)
			continue;
		model_take_status(&a->model, s.id[i], &l);
		if (!links_find(a, s.id[i]))
			links_connect(a, s.id[i]);
		links_keep_record(a, s.id[i]);
	}
	model_end_list(&a->model);
	sessions_fini(&s);
	a->dirty = true;
}

static void links_on_beside(uv_timer_t *timer)
{
	(void)timer; /* the loop turns, and links_follow looks again */
}

/* A pane that floods beside the one that is typed into would have this program, and all that draw for it, work without a pause while
 * an echo waits: it gets fewer frames. */
static bool links_must_wait(struct app *a, const struct app_connection *c, const struct model_session *s)
{
	const uint64_t since = uv_now(&a->loop) - c->framed_ms;

	if (s == model_chosen(&a->model) || !s->screen.cells || since >= LINKS_BESIDE_MS)
		return false;
	if (!uv_is_active((uv_handle_t *)&a->beside))
		uv_timer_start(&a->beside, links_on_beside, LINKS_BESIDE_MS - since, 0);
	return true;
}

static void links_pull(struct app *a, const struct model_session *s)
{
	struct app_connection *c = links_find(a, s->id);
	AUTO_BUF struct buf message = {0};

	if (!c || c->pulling || !s->terminal || links_must_wait(a, c, s))
		return;
	buf_add(&message, "p", 1);
	bytes_put_u64(&message, s->screen.cells ? s->screen.s.gen : 0);
	c->pulling = true;
	links_send(a, s, WIRE_VIEW, buf_data(&message), buf_len(&message));
}

static void links_size(struct app *a, const struct model_session *s, int cols, int rows)
{
	struct app_connection *c = links_find(a, s->id);
	AUTO_BUF struct buf size = {0};

	if (!c || !s->detached || (c->cols == cols && c->rows == rows))
		return;
	c->cols = cols;
	c->rows = rows;
	bytes_put_u16(&size, (uint16_t)cols);
	bytes_put_u16(&size, (uint16_t)rows);
	links_send(a, s, WIRE_RESIZE, buf_data(&size), buf_len(&size));
}

static void links_focus(struct app *a, const struct model_session *s)
{
	struct app_connection *c = links_find(a, s->id);
	const bool now = model_is_looked_at(&a->model, s);

	if (!c || c->focused == now)
		return;
	c->focused = now;
	links_send(a, s, WIRE_VIEW, (const char[]){VIEW_FOCUS, now}, 2);
}

void links_follow(struct app *a)
{
	struct model *m = &a->model;

	for (int i = 0; i < m->panes; i++) {
		struct model_session *s = model_in_pane(m, i);
		struct canvas_box b;

		if (!s || !views_pane_box(m, a->cols, a->rows, i, &b))
			continue;
		links_size(a, s, b.cols, b.rows);
		links_pull(a, s);
	}
	if (m->mode == MODEL_PEEK && model_chosen(m))
		links_pull(a, model_chosen(m));
	for (int i = 0; i < m->n; i++) {
		if (strcmp(m->session[i].state, "stopping") == 0) /* its last screen, also of one that is in no pane */
			links_pull(a, &m->session[i]);
		links_focus(a, &m->session[i]);
	}
}

/* ---- messages ---- */

void links_key(struct app *a, const struct model_session *s, const struct key *k)
{
	AUTO_BUF struct buf message = {0};

	buf_add(&message, (const char[]){VIEW_KEY, (char)k->mods}, 2);
	bytes_put_u32(&message, k->code);
	links_type(a, s, &message);
}

bool links_paste(struct app *a, const struct model_session *s, const char *text, size_t n)
{
	struct app_connection *c = s ? links_find(a, s->id) : NULL;
	const struct picture_callbacks cb = {links_send_to, links_on_paste_done, c};

	if (!c || buf_len(&c->held) + n > LINKS_HELD_MAX)
		return false;
	if (n <= CLIP_PASTE_MAX && !buf_len(&c->held) && !c->picture.waiting) {
		picture_begin(&c->picture, &cb, text, n); /* it may name an image */
		return true;
	}
	links_put_paste(&c->held, text, n);
	links_pump(c);
	return true;
}

void links_mouse(struct app *a, const struct model_session *s, unsigned mods, unsigned button, unsigned kind, int row, int col)
{
	AUTO_BUF struct buf message = {0};

	buf_add(&message, (const char[]){VIEW_MOUSE, (char)mods, (char)button, (char)kind}, 4);
	bytes_put_u16(&message, (uint16_t)row);
	bytes_put_u16(&message, (uint16_t)col);
	links_send(a, s, WIRE_VIEW, buf_data(&message), buf_len(&message));
}

void links_lines(struct app *a, const struct model_session *s, uint64_t from, unsigned count)
{
	AUTO_BUF struct buf message = {0};

	buf_add(&message, "l", 1);
	bytes_put_u64(&message, from);
	bytes_put_u16(&message, (uint16_t)(count < VIEW_LINES_MAX ? count : VIEW_LINES_MAX));
	links_send(a, s, WIRE_VIEW, buf_data(&message), buf_len(&message));
}

void links_search(struct app *a, const struct model_session *s, uint64_t from, bool down, const char *text)
{
	AUTO_BUF struct buf message = {0};

	buf_add(&message, "f", 1);
	bytes_put_u64(&message, from);
	buf_add(&message, (const char[]){down}, 1);
	buf_add(&message, text, strlen(text));
	links_send(a, s, WIRE_VIEW, buf_data(&message), buf_len(&message));
}

void links_stop(struct app *a, const struct model_session *s)
{
	links_send(a, s, WIRE_STOP, NULL, 0);
}

void links_rename(struct app *a, const struct model_session *s, const char *name)
{
	links_send(a, s, WIRE_RENAME, name, strlen(name));
}

void links_egress(struct app *a, const struct model_session *s, const char *op, const char *entry, bool once)
{
	AUTO_BUF struct buf request = {0};

	json_begin(&request);
	json_add_string(&request, "op", op);
	if (entry) {
		json_add_string(&request, "entry", entry);
		json_add_bool(&request, "once", once);
	}
	json_end(&request);
	links_send(a, s, WIRE_EGRESS, buf_data(&request), buf_len(&request));
}
