#include "ui/link.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/picture.h"
#include "client/sessions.h"
#include "clip/clip_path.h"
#include "loop/frames.h"
#include "loop/timer.h"
#include "proto/view.h"

#include <stdio.h>
#include <string.h>

#define LINK_HELD_MAX  (64u << 20) /* bytes of keys and pastes that wait for one session */
#define LINK_BESIDE_MS 50	   /* between two frames of a session that is not typed into */
#define LINK_FLUSH_MS  200

struct connection {
	struct ui_link *link;
	char id[16]; /* empty: unused */
	struct frames *frames;
	bool pulling, framed, focused;
	int64_t framed_ms; /* when the last frame came (clock_mono_ms) */
	int cols, rows;	   /* last told */
	struct picture picture;
	struct buf
		held; /* frames of keys and pastes, behind an image or a paste that is on its way */
	size_t pasted; /* bytes of pastes under way that the session has not taken */
};

struct ui_link {
	struct loop *loop;    /* borrowed */
	struct timer *beside; /* turns the loop when a frame may be asked for again */
	struct ui_link_callbacks cb;
	struct connection *connection; /* owned */
	size_t n;
};

static struct connection *ui_link_find(const struct ui_link *k, const char *id)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->connection[i].id, id) == 0)
			return &k->connection[i];
	return NULL;
}

/* The connection of a session; none has an empty id. */
static struct connection *ui_link_of(const struct ui_link *k, const char *id)
{
	return id[0] ? ui_link_find(k, id) : NULL;
}

static void ui_link_drop(struct connection *c)
{
	frames_close(c->frames);
	buf_fini(&c->held);
	picture_fini(&c->picture);
	*c = (struct connection){.link = c->link};
}

static void ui_link_send_to(void *ctx, enum wire_type type, const void *payload, size_t n)
{
	struct connection *c = ctx;

	frames_send(c->frames, type, payload, n);
}

void ui_link_answer(struct ui_link *k, const char *id, enum wire_type type, const void *payload,
		    size_t n)
{
	struct connection *c = ui_link_of(k, id);

	if (c)
		ui_link_send_to(c, type, payload, n);
}

static void ui_link_send_view(struct ui_link *k, const char *id, const struct buf *message)
{
	ui_link_answer(k, id, WIRE_VIEW, buf_data(message), buf_len(message));
}

/* What is held goes on in its order: nothing while an image is on its way, and no more of a paste
 * than may be under way. */
static void ui_link_pump(struct connection *c)
{
	struct wire_frame f;

	while (!c->picture.waiting && wire_next(&c->held, &f) == 1) {
		struct view_paste paste;
		const size_t size = f.n + WIRE_HEADER_SIZE,
			     pasted = view_get_paste(f.payload, f.n, &paste) ? paste.text.n : 0;

		if (pasted && c->pasted + pasted > VIEW_PASTE_WINDOW)
			return;
		c->pasted += pasted;
		frames_send_packed(c->frames, buf_data(&c->held), size);
		buf_drop(&c->held, size);
	}
	if (!buf_len(&c->held)) { /* it may have been large */
		buf_fini(&c->held);
		c->held = (struct buf){0};
	}
}

static void ui_link_on_taken(struct connection *c, const struct view_taken *taken)
{
	c->pasted -= taken->bytes < c->pasted ? taken->bytes : c->pasted;
	ui_link_pump(c);
}

static void ui_link_type(struct ui_link *k, const char *id, const struct buf *message)
{
	struct connection *c = ui_link_of(k, id);

	if (!c || buf_len(&c->held) > LINK_HELD_MAX)
		return;
	wire_put(&c->held, WIRE_VIEW, buf_data(message), buf_len(message));
	ui_link_pump(c);
}

static void ui_link_put_paste(struct buf *out, const char *text, size_t n)
{
	size_t at = 0;

	do {
		AUTO_BUF struct buf message = {0};

		at = view_put_paste_part(&message, text, n, at);
		wire_put(out, WIRE_VIEW, buf_data(&message), buf_len(&message));
	} while (at < n);
}

/* It goes before what was typed while its image was on its way. */
static void ui_link_on_paste_done(void *ctx, const void *text, size_t n)
{
	struct connection *c = ctx;
	AUTO_BUF struct buf behind = c->held;

	c->held = (struct buf){0};
	ui_link_put_paste(&c->held, text, n);
	buf_add(&c->held, buf_data(&behind), buf_len(&behind));
	ui_link_pump(c);
}

/* ---- what sessions say ---- */

static void ui_link_on_event(struct connection *c, const unsigned char *p, size_t n)
{
	static struct json_line l;

	if (json_parse_line((const char *)p, n, &l) == 0)
		c->link->cb.on_event(c->link->cb.ctx, c->id, &l);
}

static void ui_link_on_exit(struct connection *c, const unsigned char *p, size_t n)
{
	struct outcome o;

	if (outcome_get(p, n, &o) == 0)
		c->link->cb.on_exit(c->link->cb.ctx, c->id, &o);
	outcome_fini(&o);
}

static void ui_link_on_egress_row(struct connection *c, const unsigned char *p, size_t n)
{
	static struct egressctl_row r;

	egressctl_row_parse(&r, p, n);
	if (r.type != EGRESSCTL_NO_ROW)
		c->link->cb.on_egress_row(c->link->cb.ctx, &r);
}

static bool ui_link_on_view(struct connection *c, const unsigned char *p, size_t n)
{
	struct view_taken taken;

	if (n == 0)
		return true;
	if (view_get_taken(p, n, &taken)) {
		ui_link_on_taken(c, &taken);
		return true;
	}
	if (view_type(p, n) == VIEW_FRAME) {
		c->pulling = false;
		c->framed = true;
		c->framed_ms = clock_mono_ms();
	}
	return c->link->cb.on_view(c->link->cb.ctx, c->id, p, n);
}

static void ui_link_on_placed(struct connection *c, const unsigned char *p, size_t n)
{
	picture_on_placed(&c->picture, p, n);
	ui_link_pump(c);
}

static bool ui_link_on_frame(void *ctx, const struct wire_frame *f)
{
	struct connection *c = ctx;

	if (f->type == WIRE_EVENT)
		ui_link_on_event(c, f->payload, f->n);
	else if (f->type == WIRE_EGRESS_ROW)
		ui_link_on_egress_row(c, f->payload, f->n);
	else if (f->type == WIRE_VIEW_DATA)
		return ui_link_on_view(c, f->payload, f->n);
	else if (f->type == WIRE_IMAGE_PLACED)
		ui_link_on_placed(c, f->payload, f->n);
	else if (f->type == WIRE_EXIT)
		ui_link_on_exit(c, f->payload, f->n);
	else if (f->type == WIRE_CLIP_ASK)
		c->link->cb.on_clip_ask(c->link->cb.ctx, c->id, f->payload, f->n);
	return true;
}

static void ui_link_on_end(void *ctx, bool malformed)
{
	struct connection *c = ctx;
	const struct ui_link_callbacks *cb = &c->link->cb;
	char id[sizeof(c->id)];

	memcpy(id, c->id, sizeof(id));
	ui_link_drop(c);
	cb->on_end(cb->ctx, id, malformed);
}

/* ---- connections ---- */

static void ui_link_on_beside(void *link)
{
	(void)link; /* the loop turns, and whoever pulls looks again */
}

struct ui_link *ui_link_new(struct loop *loop, size_t sessions, const struct ui_link_callbacks *cb)
{
	struct ui_link *k = mem_alloc(sizeof(*k));

	*k = (struct ui_link){.loop = loop, .cb = *cb, .n = sessions};
	k->connection = mem_alloc_array(sessions, sizeof(*k->connection));
	for (size_t i = 0; i < sessions; i++)
		k->connection[i].link = k;
	k->beside = timer_new(loop, ui_link_on_beside, k);
	return k;
}

void ui_link_free(struct ui_link *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->connection[i].id[0]) {
			frames_flush(k->connection[i].frames, LINK_FLUSH_MS);
			ui_link_drop(&k->connection[i]);
		}
	timer_free(k->beside);
	free(k->connection);
	free(k);
}

bool ui_link_has(const struct ui_link *k, const char *id)
{
	return ui_link_of(k, id) != NULL;
}

void ui_link_connect(struct ui_link *k, const char *id, const char *directory)
{
	struct connection *c = ui_link_find(k, "");
	const struct frames_callbacks cb = {ui_link_on_frame, ui_link_on_end, NULL, c};
	struct err ignored;
	int fd = c ? sessions_connect_directory(directory, &ignored) : -1;

	if (fd < 0)
		return;
	snprintf(c->id, sizeof(c->id), "%s", id);
	c->frames = frames_open(k->loop, fd, &cb);
}

/* A session that floods beside the one that is typed into would have this program, and all that
 * draw for it, work without a pause while an echo waits. */
static bool ui_link_must_wait(struct ui_link *k, const struct connection *c)
{
	const int64_t since = clock_mono_ms() - c->framed_ms;

	if (!c->framed || since >= LINK_BESIDE_MS)
		return false;
	if (!timer_is_active(k->beside))
		timer_start(k->beside, (unsigned)(LINK_BESIDE_MS - since), 0);
	return true;
}

void ui_link_pull(struct ui_link *k, const char *id, uint64_t generation, bool beside)
{
	struct connection *c = ui_link_of(k, id);
	AUTO_BUF struct buf message = {0};

	if (!c || c->pulling || (beside && ui_link_must_wait(k, c)))
		return;
	view_put_pull(&message, (struct view_pull){generation});
	c->pulling = true;
	ui_link_send_view(k, id, &message);
}

void ui_link_size(struct ui_link *k, const char *id, int cols, int rows)
{
	struct connection *c = ui_link_of(k, id);
	AUTO_BUF struct buf size = {0};

	if (!c || (c->cols == cols && c->rows == rows))
		return;
	c->cols = cols;
	c->rows = rows;
	wire_fill_resize(&size, (struct wire_resize){(uint16_t)cols, (uint16_t)rows});
	ui_link_send_to(c, WIRE_RESIZE, buf_data(&size), buf_len(&size));
}

void ui_link_focus(struct ui_link *k, const char *id, bool focused)
{
	struct connection *c = ui_link_of(k, id);
	AUTO_BUF struct buf message = {0};

	if (!c || c->focused == focused)
		return;
	c->focused = focused;
	view_put_focus(&message, (struct view_focus){focused});
	ui_link_send_view(k, id, &message);
}

/* ---- messages ---- */

void ui_link_key(struct ui_link *k, const char *id, const struct key *key)
{
	AUTO_BUF struct buf message = {0};

	view_put_pressed(&message, (struct view_pressed){(uint8_t)key->mods, key->code});
	ui_link_type(k, id, &message);
}

bool ui_link_paste(struct ui_link *k, const char *id, const char *text, size_t n)
{
	struct connection *c = ui_link_of(k, id);
	const struct picture_callbacks cb = {ui_link_send_to, ui_link_on_paste_done, c};

	if (!c || buf_len(&c->held) + n > LINK_HELD_MAX)
		return false;
	if (n <= CLIP_PASTE_MAX && !buf_len(&c->held) && !c->picture.waiting) {
		picture_begin(&c->picture, &cb, text, n); /* it may name an image */
		return true;
	}
	ui_link_put_paste(&c->held, text, n);
	ui_link_pump(c);
	return true;
}

void ui_link_mouse(struct ui_link *k, const char *id, unsigned mods, unsigned button, unsigned kind,
		   int row, int col)
{
	AUTO_BUF struct buf message = {0};

	view_put_mouse(&message, (struct view_mouse){(uint8_t)mods, (uint8_t)button, (uint8_t)kind,
						     (uint16_t)row, (uint16_t)col});
	ui_link_send_view(k, id, &message);
}

void ui_link_lines(struct ui_link *k, const char *id, uint64_t from, unsigned count)
{
	AUTO_BUF struct buf message = {0};

	view_put_lines(&message,
		       (struct view_lines){
			       from, (uint16_t)(count < VIEW_LINES_MAX ? count : VIEW_LINES_MAX)});
	ui_link_send_view(k, id, &message);
}

void ui_link_search(struct ui_link *k, const char *id, uint64_t from, bool down, const char *text)
{
	AUTO_BUF struct buf message = {0};

	view_put_find(&message, (struct view_find){from, down, {text, strlen(text)}});
	ui_link_send_view(k, id, &message);
}

void ui_link_stop(struct ui_link *k, const char *id)
{
	ui_link_answer(k, id, WIRE_STOP, NULL, 0);
}

void ui_link_rename(struct ui_link *k, const char *id, const char *name)
{
	ui_link_answer(k, id, WIRE_RENAME, name, strlen(name));
}

void ui_link_egress(struct ui_link *k, const char *id, const struct egressctl_request *request)
{
	AUTO_BUF struct buf text = {0};

	egressctl_request_put(&text, request);
	ui_link_answer(k, id, WIRE_EGRESS, buf_data(&text), buf_len(&text));
}
