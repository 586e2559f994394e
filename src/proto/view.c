#include "proto/view.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define VIEW_RUN_HEADER 14 /* fg, bg, attr, cells, bytes */

/* ---- integers and characters ---- */

/* ---- messages ---- */

MESSAGE_SHAPE(view_pull, MESSAGE_FIELD(view_pull, gen, MESSAGE_U64,
				       "the generation that the viewer has; 0: none"));
MESSAGE_SHAPE(view_lines, MESSAGE_FIELD(view_lines, first, MESSAGE_U64, "number of the first line"),
	      MESSAGE_FIELD(view_lines, count, MESSAGE_U16, "how many"));
MESSAGE_SHAPE(view_find, MESSAGE_FIELD(view_find, from, MESSAGE_U64, "line to begin with"),
	      MESSAGE_FIELD(view_find, down, MESSAGE_FLAG, "towards newer lines"),
	      MESSAGE_FIELD(view_find, text, MESSAGE_REST, "UTF-8"));
MESSAGE_SHAPE(view_pressed,
	      MESSAGE_FIELD(view_pressed, mods, MESSAGE_U8, "1 Shift, 2 Alt, 4 Control"),
	      MESSAGE_FIELD(view_pressed, code, MESSAGE_U32,
			    "a code point, or a key from 0x200000 on"));
MESSAGE_SHAPE(view_paste,
	      MESSAGE_FIELD(view_paste, part, MESSAGE_U8, "1 the paste begins, 2 it ends, 3 both"),
	      MESSAGE_FIELD(view_paste, text, MESSAGE_REST,
			    "whole characters of UTF-8, 16384 bytes at most"));
MESSAGE_SHAPE(view_mouse, MESSAGE_FIELD(view_mouse, mods, MESSAGE_U8, "1 Shift, 2 Alt, 4 Control"),
	      MESSAGE_FIELD(view_mouse, button, MESSAGE_U8, "0 to 2; 64 and 65: the wheel"),
	      MESSAGE_FIELD(view_mouse, action, MESSAGE_U8, "0 press, 1 release, 2 move"),
	      MESSAGE_FIELD(view_mouse, row, MESSAGE_U16, "row"),
	      MESSAGE_FIELD(view_mouse, col, MESSAGE_U16, "column"));
MESSAGE_SHAPE(view_focus,
	      MESSAGE_FIELD(view_focus, gained, MESSAGE_FLAG, "the pane has the focus"));
MESSAGE_SHAPE(view_head,
	      MESSAGE_FIELD(view_head, gen, MESSAGE_U64, "generation, to name in the next pull"),
	      MESSAGE_FIELD(view_head, top, MESSAGE_U64, "number of the line in screen row 0"),
	      MESSAGE_FIELD(view_head, first, MESSAGE_U64,
			    "number of the oldest line that is kept"),
	      MESSAGE_FIELD(view_head, cols, MESSAGE_U16, "columns, 1 to 1000"),
	      MESSAGE_FIELD(view_head, rows, MESSAGE_U16, "rows, 1 to 500"),
	      MESSAGE_FIELD(view_head, cursor_row, MESSAGE_U16, "row of the cursor"),
	      MESSAGE_FIELD(view_head, cursor_col, MESSAGE_U16, "column of the cursor"),
	      MESSAGE_FIELD(view_head, modes, MESSAGE_U16, "bits of enum view_mode"),
	      MESSAGE_FIELD(view_head, shape, MESSAGE_U8,
			    "of the cursor: 0 default, 1 block, 2 underline, 3 bar"),
	      MESSAGE_FIELD(view_head, titled, MESSAGE_FLAG, "the title changed"),
	      MESSAGE_FIELD(view_head, title, MESSAGE_COUNTED,
			    "the title, UTF-8, 255 bytes at most"),
	      MESSAGE_FIELD(view_head, rest, MESSAGE_REST,
			    "rows: a count (2 bytes), the rows, the links that they name"));
MESSAGE_SHAPE(view_history,
	      MESSAGE_FIELD(view_history, first, MESSAGE_U64, "number of the first line"),
	      MESSAGE_FIELD(view_history, rest, MESSAGE_REST, "rows, counted from that line"));
MESSAGE_SHAPE(view_found,
	      MESSAGE_FIELD(view_found, line, MESSAGE_U64, "line; all bits set: not found"),
	      MESSAGE_FIELD(view_found, col, MESSAGE_U16, "column"));
MESSAGE_SHAPE(view_taken, MESSAGE_FIELD(view_taken, bytes, MESSAGE_U32,
					"bytes of pastes that are on their way into the program"));

const struct view_message_row view_message_rows[] = {
	{VIEW_PULL, "pull", true, &view_pull_shape,
	 "send a frame as soon as there is something newer"},
	{VIEW_LINES, "lines", true, &view_lines_shape, "send these lines"},
	{VIEW_FIND, "find", true, &view_find_shape, "search for text"},
	{VIEW_KEY, "key", true, &view_pressed_shape, "a key was pressed"},
	{VIEW_PASTE, "paste", true, &view_paste_shape, "a part of a paste"},
	{VIEW_MOUSE, "mouse", true, &view_mouse_shape, "the mouse"},
	{VIEW_FOCUS, "focus", true, &view_focus_shape, "the focus moved"},
	{VIEW_FRAME, "frame", false, &view_head_shape, "the screen, or the rows that changed"},
	{VIEW_HISTORY, "history", false, &view_history_shape, "the answer to lines"},
	{VIEW_FOUND, "found", false, &view_found_shape, "the answer to find"},
	{VIEW_NONE, "none", false, NULL, "this session has no screen"},
	{VIEW_TAKEN, "taken", false, &view_taken_shape, "that much more of a paste may be sent"},
};
const size_t view_message_count = ARRAY_LEN(view_message_rows);

/* ---- writing ---- */

/* Room for the number of rows; returns its place. */
static size_t view_begin_rows(struct buf *out)
{
	bytes_put_u16(out, 0);
	return buf_len(out) - 2;
}

size_t view_begin_frame(struct buf *out, const struct view_state *s, const char *title)
{
	view_put_head(out,
		      (struct view_head){
			      .gen = s->gen,
			      .top = s->top,
			      .first = s->first,
			      .cols = s->cols,
			      .rows = s->rows,
			      .cursor_row = s->cursor_row,
			      .cursor_col = s->cursor_col,
			      .modes = s->modes,
			      .shape = s->shape,
			      .titled = title != NULL,
			      .title = {title, title ? strnlen(title, VIEW_TITLE_MAX - 1) : 0}});
	return view_begin_rows(out);
}

size_t view_begin_history(struct buf *out, uint64_t first)
{
	view_put_history(out, (struct view_history){.first = first});
	return view_begin_rows(out);
}

void view_end(struct buf *out, size_t count_at, uint16_t rows)
{
	bytes_set_u16(out->bytes + out->start + count_at, rows);
}

static bool view_is_blank(const struct view_cell *c)
{
	return (c->ch == 0 || c->ch == ' ') && !c->bg &&
	       !(c->attr & (VIEW_UNDERLINE | VIEW_REVERSE | VIEW_STRIKE)) && !c->mark[0];
}

static size_t view_used(const struct view_cell *cells, size_t n)
{
	while (n && view_is_blank(&cells[n - 1]) && !(cells[n - 1].attr & VIEW_TAIL))
		n--;
	return n;
}

static bool view_same_run(const struct view_cell *a, const struct view_cell *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->attr == b->attr && a->link == b->link &&
	       !a->mark[0] && !b->mark[0];
}

static void view_put_cell(struct buf *out, const struct view_cell *c)
{
	if (c->ch < 0x80)
		buf_add(out, c->ch ? (const char[]){(char)c->ch} : " ", 1);
	else
		text_put_utf8(out, c->ch);
	for (size_t i = 0; i < VIEW_MARKS && c->mark[i]; i++)
		text_put_utf8(out, c->mark[i]);
}

/* One run from at on; returns the first cell behind it. */
static size_t view_put_run(struct buf *out, const struct view_cell *cells, size_t at, size_t n)
{
	const struct view_cell *lead = &cells[at];
	const size_t step = lead->attr & VIEW_WIDE ? 2 : 1;
	size_t head = buf_len(out), i = at, count = 0;
	unsigned char *p;

	bytes_put_u32(out, lead->fg);
	bytes_put_u32(out, lead->bg);
	bytes_put_u16(out, (uint16_t)((lead->attr & VIEW_ATTRS) | (lead->link ? VIEW_LINKED : 0)));
	bytes_put_u32(out, 0);
	if (lead->link)
		bytes_put_u32(out, lead->link);
	do {
		view_put_cell(out, &cells[i]);
		i += step;
		count++;
	} while (i < n && view_same_run(lead, &cells[i]));
	p = out->bytes + out->start + head;
	head = buf_len(out) - head - VIEW_RUN_HEADER - (lead->link ? 4 : 0);
	bytes_set_u16(p + 10, (uint16_t)count);
	bytes_set_u16(p + 12, (uint16_t)head);
	return i;
}

bool view_put_row(struct buf *out, uint16_t row, const struct view_cell *cells, size_t n)
{
	uint16_t runs = 0;
	size_t at, used = view_used(cells, n);

	bytes_put_u16(out, row);
	at = buf_len(out);
	bytes_put_u16(out, 0);
	if (used && (cells[used - 1].attr & VIEW_WIDE)) /* cut in half by a narrower screen */
		used--;
	for (size_t i = 0; i < used; runs++)
		i = view_put_run(out, cells, i, used);
	view_end(out, at, runs);
	return runs > 0;
}

/* ---- reading ---- */

struct view_reader {
	const unsigned char *p, *end;
	bool failed;
};

static const unsigned char *view_read(struct view_reader *r, size_t n)
{
	static const unsigned char zeros[32];
	const unsigned char *p = r->p;

	if (r->failed || (size_t)(r->end - r->p) < n) {
		r->failed = true;
		return zeros;
	}
	r->p += n;
	return p;
}

static uint16_t view_read_u16(struct view_reader *r)
{
	return bytes_get_u16(view_read(r, 2));
}

static void view_screen_resize(struct view_screen *v, uint16_t cols, uint16_t rows)
{
	if (v->cells && v->cols == cols && v->rows == rows)
		return;
	free(v->cells);
	v->cells = mem_alloc_array((size_t)cols * rows, sizeof(*v->cells));
	v->cols = cols;
	v->rows = rows;
}

void view_screen_fini(struct view_screen *v)
{
	free(v->cells);
	links_fini(&v->links);
	memset(v, 0, sizeof(*v));
}

const struct view_cell *view_row(const struct view_screen *v, uint16_t row)
{
	return &v->cells[(size_t)row * v->cols];
}

static bool view_is_colour(uint32_t c)
{
	return c == VIEW_DEFAULT || (VIEW_KIND(c) == 1 && (c & 0xffffffu) < 256) ||
	       VIEW_KIND(c) == 2;
}

/* The code points of one cell, all that there are when it is the only one. */
static size_t view_read_cell(struct view_cell *c, const unsigned char *p, size_t n, bool alone)
{
	size_t used = text_get_utf8(p, n, &c->ch), marks = 0;

	if (!used || !text_is_cell(c->ch))
		return 0;
	while (alone && used < n) {
		uint32_t mark;
		size_t len = text_get_utf8(p + used, n - used, &mark);

		if (!len || marks == VIEW_MARKS || mark > 0xffff || mark < 0x300 ||
		    !text_is_cell(mark))
			return 0;
		c->mark[marks++] = (uint16_t)mark;
		used += len;
	}
	return used;
}

/* Returns how many cells the run takes, or 0. */
static size_t view_read_run(struct view_reader *r, struct view_cell *cells, size_t room)
{
	const unsigned char *h = view_read(r, VIEW_RUN_HEADER);
	const uint16_t attr = bytes_get_u16(h + 8);
	struct view_cell style = {.fg = bytes_get_u32(h),
				  .bg = bytes_get_u32(h + 4),
				  .attr = attr & (uint16_t)~VIEW_LINKED};
	const size_t count = bytes_get_u16(h + 10), bytes = bytes_get_u16(h + 12),
		     step = style.attr & VIEW_WIDE ? 2 : 1;
	const unsigned char *link = view_read(r, attr & VIEW_LINKED ? 4 : 0),
			    *text = view_read(r, bytes);
	size_t at = 0;

	if (r->failed || !count || count * step > room || (style.attr & ~VIEW_ATTRS) ||
	    !view_is_colour(style.fg) || !view_is_colour(style.bg))
		return 0;
	if ((attr & VIEW_LINKED) && !(style.link = bytes_get_u32(link)))
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct view_cell *c = &cells[i * step];
		size_t used;

		*c = style;
		used = view_read_cell(c, text + at, bytes - at, count == 1);
		if (!used)
			return 0;
		at += used;
		if (step == 2) {
			c[1] = style;
			c[1].attr = (uint16_t)((style.attr & ~VIEW_WIDE) | VIEW_TAIL);
		}
	}
	return at == bytes ? count * step : 0;
}

static int view_read_row(struct view_reader *r, struct view_screen *v)
{
	const uint16_t row = view_read_u16(r), runs = view_read_u16(r);
	struct view_cell *cells;
	size_t at = 0;

	if (r->failed || row >= v->rows)
		return -1;
	cells = &v->cells[(size_t)row * v->cols];
	memset(cells, 0, v->cols * sizeof(*cells));
	for (uint16_t i = 0; i < runs; i++) {
		size_t n = view_read_run(r, cells + at, v->cols - at);

		if (!n)
			return -1;
		at += n;
	}
	return 0;
}

/* The rest of a message: the rows, then the links that they name. */
static int view_read_rows(struct view_reader *r, struct view_screen *v)
{
	const uint16_t count = view_read_u16(r);
	size_t links;

	for (uint16_t i = 0; i < count; i++)
		if (view_read_row(r, v) < 0)
			return -1;
	links = r->failed ? 0 : links_take(&v->links, r->p, (size_t)(r->end - r->p));
	return !links || r->p + links != r->end ? -1 : 0;
}

static int view_take_title(struct view_screen *v, const struct view_head *h)
{
	const unsigned char *text = h->title.p;
	const size_t n = h->title.n;

	if (n >= VIEW_TITLE_MAX || (!h->titled && n))
		return -1;
	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = text_get_utf8(text + i, n - i, &ch);

		if (!len || !text_is_cell(ch))
			return -1;
		i += len;
	}
	if (h->titled) {
		memcpy(v->title, text, n);
		v->title[n] = '\0';
	}
	return 0;
}

/* Lines that scrolled keep their content. */
static void view_shift(struct view_screen *v, uint64_t by)
{
	const size_t cols = v->cols, keep = by < v->rows ? v->rows - (size_t)by : 0;

	memmove(v->cells, v->cells + (v->rows - keep) * cols, keep * cols * sizeof(*v->cells));
	memset(v->cells + keep * cols, 0, (v->rows - keep) * cols * sizeof(*v->cells));
}

static bool view_is_head(const struct view_head *h)
{
	return h->cols && h->rows && h->cols <= VIEW_COLS_MAX && h->rows <= VIEW_ROWS_MAX &&
	       h->cursor_row < h->rows && h->cursor_col < h->cols && h->first <= h->top &&
	       h->shape <= 3;
}

static int view_take_rows(struct view_screen *v, struct message_bytes rows)
{
	struct view_reader r = {rows.p, (const unsigned char *)rows.p + rows.n, false};

	return view_read_rows(&r, v);
}

int view_take_frame(struct view_screen *v, const unsigned char *bytes, size_t n)
{
	struct view_head h;

	if (!view_get_head(bytes, n, &h) || !view_is_head(&h))
		return -1;
	if (!v->cells || v->cols != h.cols || v->rows != h.rows || (h.modes & VIEW_WHOLE)) {
		view_screen_resize(v, h.cols, h.rows);
		memset(v->cells, 0, (size_t)h.cols * h.rows * sizeof(*v->cells));
	} else if (h.top > v->s.top) {
		view_shift(v, h.top - v->s.top);
	}
	v->s = (struct view_state){.gen = h.gen,
				   .top = h.top,
				   .first = h.first,
				   .cols = h.cols,
				   .rows = h.rows,
				   .cursor_row = h.cursor_row,
				   .cursor_col = h.cursor_col,
				   .modes = h.modes,
				   .shape = h.shape};
	return view_take_title(v, &h) < 0 ? -1 : view_take_rows(v, h.rest);
}

int view_take_history(struct view_screen *v, uint16_t cols, uint16_t rows,
		      const unsigned char *bytes, size_t n)
{
	struct view_history h;

	if (!cols || !rows || cols > VIEW_COLS_MAX || rows > VIEW_LINES_MAX ||
	    !view_get_history(bytes, n, &h))
		return -1;
	view_screen_resize(v, cols, rows);
	memset(v->cells, 0, (size_t)cols * rows * sizeof(*v->cells));
	v->s = (struct view_state){.cols = cols, .rows = rows, .top = h.first};
	return view_take_rows(v, h.rest);
}

/* ---- text ---- */

void view_row_text(struct buf *out, const struct view_cell *cells, size_t n)
{
	n = view_used(cells, n);
	for (size_t i = 0; i < n; i++)
		if (!(cells[i].attr & VIEW_TAIL))
			view_put_cell(out, &cells[i]);
}

static void view_put_colour(struct buf *out, uint32_t c, int base)
{
	if (VIEW_KIND(c) == 1 && (c & 0xff) < 8)
		buf_addf(out, ";%d", base + (int)(c & 7));
	else if (VIEW_KIND(c) == 1)
		buf_addf(out, ";%d;5;%u", base + 8, c & 0xff);
	else if (VIEW_KIND(c) == 2)
		buf_addf(out, ";%d;2;%u;%u;%u", base + 8, c >> 16 & 0xff, c >> 8 & 0xff, c & 0xff);
}

static void view_put_sgr(struct buf *out, const struct view_cell *c)
{
	static const struct {
		uint16_t mask, value;
		const char *code;
	} codes[] = {
		{VIEW_BOLD, VIEW_BOLD, ";1"},	    {VIEW_DIM, VIEW_DIM, ";2"},
		{VIEW_ITALIC, VIEW_ITALIC, ";3"},   {VIEW_UNDERLINE, VIEW_UNDERLINE_ONE, ";4"},
		{VIEW_UNDERLINE, 2 << 3, ";21"},    {VIEW_UNDERLINE, 3 << 3, ";4:3"},
		{VIEW_BLINK, VIEW_BLINK, ";5"},	    {VIEW_REVERSE, VIEW_REVERSE, ";7"},
		{VIEW_CONCEAL, VIEW_CONCEAL, ";8"}, {VIEW_STRIKE, VIEW_STRIKE, ";9"},
	};

	buf_add(out, "\033[0", 3);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if ((c->attr & codes[i].mask) == codes[i].value)
			buf_add(out, codes[i].code, strlen(codes[i].code));
	view_put_colour(out, c->fg, 30);
	view_put_colour(out, c->bg, 40);
	buf_add(out, "m", 1);
}

/* Text of another link begins, or of none. */
static void view_put_link(struct buf *out, const char *uri)
{
	buf_add(out, "\033]8;;", 5);
	buf_add(out, uri ? uri : "", uri ? strlen(uri) : 0);
	buf_add(out, "\033\\", 2);
}

void view_row_ansi(struct buf *out, const struct view_cell *cells, size_t n,
		   const struct links *links)
{
	struct view_cell now = {0};
	const char *uri = NULL;

	n = view_used(cells, n);
	for (size_t i = 0; i < n; i++) {
		const uint16_t attr = cells[i].attr & VIEW_ATTRS & ~VIEW_WIDE;
		const char *leads = links ? links_uri(links, cells[i].link) : NULL;

		if (cells[i].attr & VIEW_TAIL)
			continue;
		if (leads != uri)
			view_put_link(out, leads);
		uri = leads;
		if (attr != now.attr || cells[i].fg != now.fg || cells[i].bg != now.bg)
			view_put_sgr(out, &cells[i]);
		now = (struct view_cell){.attr = attr, .fg = cells[i].fg, .bg = cells[i].bg};
		view_put_cell(out, &cells[i]);
	}
	if (uri)
		view_put_link(out, NULL);
	if (now.attr || now.fg || now.bg)
		buf_add(out, "\033[0m", 4);
}

size_t view_put_paste_part(struct buf *out, const char *text, size_t n, size_t at)
{
	const char *p = text + at;
	size_t part = n - at < VIEW_PASTE_PART ? n - at : VIEW_PASTE_PART;

	for (int i = 0;
	     i < 3 && part < n - at && part > 1 && ((unsigned char)p[part] & 0xc0) == 0x80; i++)
		part--;
	view_put_paste(out, (struct view_paste){(uint8_t)((at ? 0 : VIEW_PASTE_FIRST) |
							  (at + part == n ? VIEW_PASTE_LAST : 0)),
						{p, part}});
	return at + part;
}
