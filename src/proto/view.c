#include "proto/view.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define VIEW_RUN_HEADER 14 /* fg, bg, attr, cells, bytes */

/* ---- integers and characters ---- */

/* ---- writing ---- */

size_t view_begin_frame(struct buf *out, const struct view_state *s, const char *title)
{
	const uint16_t numbers[] = {s->cols, s->rows, s->cursor_row, s->cursor_col, s->modes};
	const size_t n = title ? strnlen(title, VIEW_TITLE_MAX - 1) : 0;

	buf_add(out, "F", 1);
	bytes_put_u64(out, s->gen);
	bytes_put_u64(out, s->top);
	bytes_put_u64(out, s->first);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		bytes_put_u16(out, numbers[i]);
	buf_add(out, (const unsigned char[]){s->shape, title != NULL}, 2);
	bytes_put_u16(out, (uint16_t)n);
	buf_add(out, title ? title : "", n);
	bytes_put_u16(out, 0);
	return buf_len(out) - 2;
}

size_t view_begin_history(struct buf *out, uint64_t first)
{
	buf_add(out, "L", 1);
	bytes_put_u64(out, first);
	bytes_put_u16(out, 0);
	return buf_len(out) - 2;
}

void view_end(struct buf *out, size_t count_at, uint16_t rows)
{
	bytes_set_u16(out->bytes + out->start + count_at, rows);
}

static bool view_is_blank(const struct view_cell *c)
{
	return (c->ch == 0 || c->ch == ' ') && !c->bg && !(c->attr & (VIEW_UNDERLINE | VIEW_REVERSE | VIEW_STRIKE)) && !c->mark[0];
}

static size_t view_used(const struct view_cell *cells, size_t n)
{
	while (n && view_is_blank(&cells[n - 1]) && !(cells[n - 1].attr & VIEW_TAIL))
		n--;
	return n;
}

static bool view_same_run(const struct view_cell *a, const struct view_cell *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->attr == b->attr && a->link == b->link && !a->mark[0] && !b->mark[0];
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
	return c == VIEW_DEFAULT || (VIEW_KIND(c) == 1 && (c & 0xffffffu) < 256) || VIEW_KIND(c) == 2;
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

		if (!len || marks == VIEW_MARKS || mark > 0xffff || mark < 0x300 || !text_is_cell(mark))
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
	struct view_cell style = {.fg = bytes_get_u32(h), .bg = bytes_get_u32(h + 4), .attr = attr & (uint16_t)~VIEW_LINKED};
	const size_t count = bytes_get_u16(h + 10), bytes = bytes_get_u16(h + 12), step = style.attr & VIEW_WIDE ? 2 : 1;
	const unsigned char *link = view_read(r, attr & VIEW_LINKED ? 4 : 0), *text = view_read(r, bytes);
	size_t at = 0;

	if (r->failed || !count || count * step > room || (style.attr & ~VIEW_ATTRS) || !view_is_colour(style.fg) ||
	    !view_is_colour(style.bg))
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

static int view_read_title(struct view_reader *r, struct view_screen *v)
{
	const bool changed = *view_read(r, 1);
	const uint16_t n = view_read_u16(r);
	const unsigned char *text = view_read(r, n);

	if (r->failed || n >= VIEW_TITLE_MAX || (!changed && n))
		return -1;
	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = text_get_utf8(text + i, n - i, &ch);

		if (!len || !text_is_cell(ch))
			return -1;
		i += len;
	}
	if (changed) {
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

int view_take_frame(struct view_screen *v, const unsigned char *bytes, size_t n)
{
	struct view_reader r = {bytes, bytes + n, n == 0 || bytes[0] != VIEW_FRAME};
	struct view_state s = {0};

	(void)view_read(&r, 1);
	s.gen = bytes_get_u64(view_read(&r, 8));
	s.top = bytes_get_u64(view_read(&r, 8));
	s.first = bytes_get_u64(view_read(&r, 8));
	s.cols = view_read_u16(&r);
	s.rows = view_read_u16(&r);
	s.cursor_row = view_read_u16(&r);
	s.cursor_col = view_read_u16(&r);
	s.modes = view_read_u16(&r);
	s.shape = *view_read(&r, 1);
	if (r.failed || !s.cols || !s.rows || s.cols > VIEW_COLS_MAX || s.rows > VIEW_ROWS_MAX || s.cursor_row >= s.rows ||
	    s.cursor_col >= s.cols || s.first > s.top || s.shape > 3)
		return -1;
	if (!v->cells || v->cols != s.cols || v->rows != s.rows || (s.modes & VIEW_WHOLE)) {
		view_screen_resize(v, s.cols, s.rows);
		memset(v->cells, 0, (size_t)s.cols * s.rows * sizeof(*v->cells));
	} else if (s.top > v->s.top) {
		view_shift(v, s.top - v->s.top);
	}
	v->s = s;
	return view_read_title(&r, v) < 0 ? -1 : view_read_rows(&r, v);
}

int view_take_history(struct view_screen *v, uint16_t cols, uint16_t rows, const unsigned char *bytes, size_t n)
{
	struct view_reader r = {bytes, bytes + n, n == 0 || bytes[0] != VIEW_HISTORY};

	if (!cols || !rows || cols > VIEW_COLS_MAX || rows > VIEW_LINES_MAX)
		return -1;
	(void)view_read(&r, 1);
	view_screen_resize(v, cols, rows);
	memset(v->cells, 0, (size_t)cols * rows * sizeof(*v->cells));
	v->s = (struct view_state){.cols = cols, .rows = rows, .top = bytes_get_u64(view_read(&r, 8))};
	return view_read_rows(&r, v);
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

void view_row_ansi(struct buf *out, const struct view_cell *cells, size_t n, const struct links *links)
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
