/* Theory of operation.
 *
 * 1. scan takes the bytes apart. libvterm gets the text and the controls in it. It gets no sequence of the guest's: its
 *    parser has no bound for parameters. seq carries out the sequences that are known, or tells libvterm of them in
 *    words of its own, made of checked numbers. Strings (OSC, DCS and their kin) are read here alone.
 * 2. libvterm calls back with glyphs, erasures and scrolls; these become cells of the grid. Positions are checked against
 *    the grid's size all the same: libvterm is old C that reads hostile bytes.
 * 3. libvterm's own answers are thrown away; seq has a closed list.
 * 4. The size changes by replacing libvterm. What is not replayed (margins, tab stops, character sets) the program sets
 *    again when it repaints. */
#include "term/emu_state.h"
#include "base/mem.h"
#include "base/text.h"
#include "term/seq.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void emu_touch(struct emu *e)
{
	e->grid.changed = true;
}

/* ---- from libvterm ---- */

static bool emu_is_inside(const struct emu *e, int row, int col)
{
	return row >= 0 && row < e->grid.rows && col >= 0 && col < e->grid.cols;
}

/* The part of a rectangle that is on the grid. */
static VTermRect emu_clip(const struct emu *e, VTermRect r)
{
	r.start_row = r.start_row < 0 ? 0 : r.start_row;
	r.start_col = r.start_col < 0 ? 0 : r.start_col;
	r.end_row = r.end_row > e->grid.rows ? e->grid.rows : r.end_row;
	r.end_col = r.end_col > e->grid.cols ? e->grid.cols : r.end_col;
	return r;
}

/* The combining characters behind the first of a glyph's, so far as a cell has room. */
static void emu_add_marks(struct view_cell *c, const uint32_t *chars)
{
	size_t marks = 0;

	while (marks < VIEW_MARKS && c->mark[marks])
		marks++;
	for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && chars[i]; i++)
		if (marks < VIEW_MARKS && chars[i] >= 0x300 && chars[i] <= 0xffff && text_is_cell(chars[i]))
			c->mark[marks++] = (uint16_t)chars[i];
}

/* Combining characters for the last glyph, whose own attributes it keeps; all: they are all that it has. Those that
 * libvterm has no base for, since it looks no further back than the last write, come without the others. */
static void emu_combine(struct emu *e, const uint32_t *chars, bool all)
{
	struct grid_row *r;

	if (!e->last_ch || !emu_is_inside(e, e->last.row, e->last.col))
		return;
	r = grid_row(&e->grid, e->last.row);
	if (e->last.col < r->used && r->cells[e->last.col].ch == e->last_ch) {
		if (all)
			memset(r->cells[e->last.col].mark, 0, sizeof(r->cells[e->last.col].mark));
		emu_add_marks(&r->cells[e->last.col], chars);
		grid_touch_row(&e->grid, e->last.row);
	}
}

/* Whether this is the last glyph, given once more because of a combining character that came late. */
static bool emu_is_again(const struct emu *e, const VTermGlyphInfo *info, VTermPos pos)
{
	return info->chars[1] && info->chars[0] == e->last_ch && pos.row == e->last.row && pos.col == e->last.col &&
	       e->cursor.row == pos.row && e->cursor.col > pos.col;
}

static int emu_on_glyph(VTermGlyphInfo *info, VTermPos pos, void *ctx)
{
	struct emu *e = ctx;
	const uint32_t ch = info->chars[0];
	struct view_cell c;

	if (e->replaying || !emu_is_inside(e, pos.row, pos.col))
		return 1;
	if (info->width == 1 && ch >= 0x20 && ch < 0x7f && !info->chars[1]) {
		e->last = pos;
		e->last_ch = ch;
		grid_put_char(&e->grid, pos.row, pos.col, ch, &e->pen);
		return 1;
	}
	if (info->width <= 0 || emu_is_again(e, info, pos)) {
		emu_combine(e, info->chars + (info->width > 0), info->width > 0);
		return 1;
	}
	c = e->pen;
	c.ch = text_is_cell(ch) ? ch : 0xfffd;
	if (info->chars[1])
		emu_add_marks(&c, info->chars + 1);
	if (info->width > 1) {
		c.attr |= VIEW_WIDE;
		if (e->insert) /* libvterm has made room for one column */
			grid_shift(&e->grid, pos.row, pos.col, e->grid.cols, -1, &(struct view_cell){.bg = e->pen.bg});
	}
	e->last = pos;
	e->last_ch = c.ch;
	grid_put(&e->grid, pos.row, pos.col, &c);
	return 1;
}

static int emu_on_cursor(VTermPos pos, VTermPos old, int visible, void *ctx)
{
	struct emu *e = ctx;

	(void)old;
	(void)visible;
	if (e->replaying)
		return 1;
	e->cursor = pos;
	emu_touch(e);
	return 1;
}

static struct view_cell emu_blank(const struct emu *e)
{
	return (struct view_cell){.bg = e->pen.bg};
}

static int emu_on_erase(VTermRect rect, int selective, void *ctx)
{
	struct emu *e = ctx;
	const struct view_cell blank = emu_blank(e);

	(void)selective;
	if (e->replaying)
		return 1;
	rect = emu_clip(e, rect);
	for (int row = rect.start_row; row < rect.end_row; row++)
		grid_erase(&e->grid, row, rect.start_col, rect.end_col, &blank);
	return 1;
}

static int emu_on_scroll(VTermRect rect, int downward, int rightward, void *ctx)
{
	struct emu *e = ctx;
	const struct view_cell blank = emu_blank(e);

	if (e->replaying)
		return 1;
	rect = emu_clip(e, rect);
	if (rect.start_row >= rect.end_row || rect.start_col >= rect.end_col)
		return 1;
	if (rightward) {
		for (int row = rect.start_row; row < rect.end_row; row++)
			grid_shift(&e->grid, row, rect.start_col, rect.end_col, rightward, &blank);
	}
	if (!downward)
		return 1;
	if (rect.start_col > 0 || rect.end_col < e->grid.cols)
		return 0; /* a box between margins: libvterm moves it piece by piece */
	grid_scroll(&e->grid, rect.start_row, rect.end_row, downward, &blank);
	return 1;
}

/* Only for boxes between left and right margins. */
static int emu_on_move(VTermRect dest, VTermRect src, void *ctx)
{
	struct emu *e = ctx;
	const VTermRect d = emu_clip(e, dest);
	const int down = dest.start_row - src.start_row, right = dest.start_col - src.start_col;
	const bool backwards = down > 0;

	for (int i = 0; !e->replaying && i < d.end_row - d.start_row; i++) {
		const int row = backwards ? d.end_row - 1 - i : d.start_row + i;

		for (int col = d.start_col; col < d.end_col; col++) {
			const struct grid_row *from;
			struct view_cell c = {0};

			if (!emu_is_inside(e, row - down, col - right))
				continue;
			from = grid_row(&e->grid, row - down);
			if (col - right < from->used)
				c = from->cells[col - right];
			if (!(c.attr & VIEW_TAIL))
				grid_put(&e->grid, row, col, &c);
		}
	}
	return 1;
}

static int emu_on_property(VTermProp prop, VTermValue *val, void *ctx)
{
	struct emu *e = ctx;

	if (e->replaying || prop != VTERM_PROP_ALTSCREEN)
		return 1;
	e->modes = (e->modes & ~(unsigned)VIEW_ALTERNATE) | (val->boolean ? VIEW_ALTERNATE : 0);
	grid_switch(&e->grid, val->boolean);
	return 1;
}

static int emu_on_bell(void *ctx)
{
	struct emu *e = ctx;

	e->events.bell = true;
	e->events.bells++;
	return 1;
}

static void emu_drop_output(const char *bytes, size_t n, void *ctx)
{
	(void)bytes;
	(void)n;
	(void)ctx;
}

static VTerm *emu_open_vterm(struct emu *e)
{
	static const VTermStateCallbacks callbacks = {
		.putglyph = emu_on_glyph, .movecursor = emu_on_cursor, .scrollrect = emu_on_scroll, .moverect = emu_on_move,
		.erase = emu_on_erase,	  .settermprop = emu_on_property, .bell = emu_on_bell,
	};
	VTerm *vt = vterm_new(e->grid.rows, e->grid.cols);
	VTermState *state;

	if (!vt)
		mem_die("out of memory");
	vterm_set_utf8(vt, 1);
	vterm_output_set_callback(vt, emu_drop_output, NULL);
	state = vterm_obtain_state(vt);
	vterm_state_set_callbacks(state, &callbacks, e);
	vterm_state_reset(state, 1);
	return vt;
}

/* ---- to libvterm ---- */

void emu_tell(struct emu *e, const char *fmt, ...)
{
	char text[96];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0 && n < (int)sizeof(text))
		vterm_input_write(e->vt, text, (size_t)n);
}

void emu_move(struct emu *e, int row, int col)
{
	emu_tell(e, "\033[%d;%dH", row - (e->origin ? e->top : 0) + 1, col + 1);
}

/* ---- public ---- */

static int emu_bound(int v, int most)
{
	return v < 1 ? 1 : v > most ? most : v;
}

struct emu *emu_new(int cols, int rows, size_t history, uint64_t gen, const struct emu_callbacks *cb)
{
	struct emu *e = mem_alloc(sizeof(*e));

	e->cb = *cb;
	e->modes = VIEW_CURSOR_VISIBLE;
	grid_init(&e->grid, emu_bound(cols, VIEW_COLS_MAX), emu_bound(rows, VIEW_ROWS_MAX), history);
	e->first_gen = e->grid.gen = gen ? gen : 1;
	for (int i = 0; i < e->grid.rows; i++)
		grid_row(&e->grid, i)->stamp = e->first_gen;
	e->bottom = e->grid.rows;
	e->vt = emu_open_vterm(e);
	return e;
}

void emu_free(struct emu *e)
{
	if (!e)
		return;
	vterm_free(e->vt);
	grid_fini(&e->grid);
	links_fini(&e->links);
	free(e);
}

/* libvterm has an array on its stack of four bytes for each that it is given at once. */
#define EMU_WRITE_MAX 1024

static void emu_write_bytes(struct emu *e, const void *bytes, size_t n)
{
	if (n)
		vterm_input_write(e->vt, bytes, n);
}

/* What was no character. */
static void emu_write_replacement(struct emu *e)
{
	emu_write_bytes(e, "\xef\xbf\xbd", 3);
}

/* A character that did not end before a sequence or the like. */
static void emu_end_partial(struct emu *e)
{
	if (e->utf8.n)
		emu_write_replacement(e);
	e->utf8.n = 0;
}

/* One byte of a character that is not whole in the bytes at hand, or is none. Returns whether it was used. */
static bool emu_write_slowly(struct emu *e, unsigned char byte)
{
	const enum text_utf8_kind kind = text_utf8_put(&e->utf8, byte);

	if (kind == TEXT_UTF8_BROKEN || kind == TEXT_UTF8_STRAY)
		emu_write_replacement(e);
	if (kind != TEXT_UTF8_WHOLE)
		return kind != TEXT_UTF8_BROKEN;
	if (e->utf8.n != 2 || e->utf8.bytes[0] != 0xc2 || e->utf8.bytes[1] >= 0xa0)
		emu_write_bytes(e, e->utf8.bytes, e->utf8.n);
	e->utf8.n = 0;
	return true;
}

/* Text reaches libvterm in whole characters of valid UTF-8, since it mixes up those that are cut. Controls (C1) in it are
 * left out: it takes them for characters one column to the left, down to column -1, where it then sets a tab stop. */
static void emu_write(struct emu *e, const unsigned char *p, const unsigned char *to)
{
	const unsigned char *start = p;

	while (p < to) {
		size_t len = 0;
		uint32_t ch;

		if (!e->utf8.n) {
			const size_t room = EMU_WRITE_MAX - (size_t)(p - start), left = (size_t)(to - p);

			p += text_ascii(p, left < room ? left : room);
			len = text_get_utf8(p, (size_t)(to - p), &ch);
		}
		if (len && ch >= 0xa0 && p - start + 4 <= EMU_WRITE_MAX) {
			p += len;
			continue;
		}
		emu_write_bytes(e, start, (size_t)(p - start));
		if (p < to && p - start < EMU_WRITE_MAX)
			p += emu_write_slowly(e, *p);
		start = p;
	}
	emu_write_bytes(e, start, (size_t)(p - start));
}

void emu_feed(struct emu *e, const void *bytes, size_t n)
{
	const unsigned char *p = bytes, *end = p + n;

	while (p < end) {
		enum scan_kind kind;
		const unsigned char *next = p + scan_next(&e->scan, p, (size_t)(end - p), &kind);

		if (kind == SCAN_TEXT)
			emu_write(e, p, next);
		else if (kind != SCAN_NOTHING)
			emu_end_partial(e);
		if (kind == SCAN_CONTROL)
			emu_write(e, next - 1, next);
		else
			seq_act(e, kind);
		if (scan_is_outside(&e->scan))
			e->begun = false;
		p = next;
	}
}

void emu_set_answers(struct emu *e, bool others, bool dcs)
{
	e->begun = e->begun || (!e->mute && !scan_is_outside(&e->scan));
	e->mute = !others;
	e->mute_dcs = !dcs;
}

/* What libvterm has to know to go on where its predecessor was. */
static void emu_replay(struct emu *e)
{
	e->replaying = true;
	if (e->modes & VIEW_ALTERNATE)
		emu_tell(e, "\033[?1047h");
	if (e->no_wrap)
		emu_tell(e, "\033[?7l");
	if (e->insert)
		emu_tell(e, "\033[4h");
	if (e->margins)
		emu_tell(e, "\033[?69h");
	if (e->origin)
		emu_tell(e, "\033[?6h");
	emu_move(e, e->cursor.row, e->cursor.col);
	e->replaying = false;
}

void emu_resize(struct emu *e, int cols, int rows)
{
	cols = emu_bound(cols, VIEW_COLS_MAX);
	rows = emu_bound(rows, VIEW_ROWS_MAX);
	if (cols == e->grid.cols && rows == e->grid.rows)
		return;
	e->cursor.row = emu_bound(e->cursor.row + 1, e->grid.rows) - 1;
	e->cursor.row = grid_resize(&e->grid, cols, rows, e->cursor.row);
	e->cursor.col = emu_bound(e->cursor.col + 1, cols) - 1;
	e->top = 0;
	e->bottom = rows;
	e->last_ch = 0;
	vterm_free(e->vt);
	e->replaying = true; /* a new one begins by erasing everything */
	e->vt = emu_open_vterm(e);
	emu_replay(e);
}

struct emu_events *emu_events(struct emu *e)
{
	return &e->events;
}

struct grid *emu_grid(struct emu *e)
{
	return &e->grid;
}

unsigned emu_modes(const struct emu *e)
{
	return e->modes;
}

bool emu_is_synchronized(const struct emu *e)
{
	return e->synchronized;
}

void emu_end_synchronized(struct emu *e)
{
	e->synchronized = false;
}

bool emu_has_news(const struct emu *e, uint64_t since)
{
	return e->grid.changed || since + 1 != e->grid.gen;
}

void emu_put_frame(struct emu *e, struct buf *out, uint64_t since)
{
	const bool whole = since < e->first_gen || since >= e->grid.gen;
	struct view_state s = {.shape = e->shape};

	if (whole)
		since = 0;
	s.gen = e->grid.changed ? grid_end_generation(&e->grid) : e->grid.gen - 1;
	s.modes = (uint16_t)(e->modes | (whole ? VIEW_WHOLE : 0));
	s.cursor_row = (uint16_t)(emu_bound(e->cursor.row + 1, e->grid.rows) - 1);
	s.cursor_col = (uint16_t)(emu_bound(e->cursor.col + 1, e->grid.cols) - 1);
	grid_put_frame(&e->grid, out, &s, since, whole || e->title_gen > since ? e->events.title_text : NULL, &e->links);
}

void emu_put_history(const struct emu *e, struct buf *out, uint64_t from, unsigned count)
{
	grid_put_history(&e->grid, out, from, count, &e->links);
}

/* Cells of a row up to the last that is not blank. */
static int emu_row_length(const struct emu *e, const struct grid_row *r)
{
	int n = r->used < e->grid.cols ? r->used : e->grid.cols;

	while (n > 0 && (!r->cells[n - 1].ch || r->cells[n - 1].ch == ' '))
		n--;
	return n;
}

void emu_put_text(struct emu *e, struct buf *out, size_t cells)
{
	int first = e->grid.rows;

	for (size_t left = cells; first > 0; first--) {
		const size_t n = (size_t)emu_row_length(e, grid_row(&e->grid, first - 1));

		if (n > left)
			break;
		left -= n;
	}
	for (int row = first; row < e->grid.rows; row++) {
		const struct grid_row *r = grid_row(&e->grid, row);
		const int n = emu_row_length(e, r);

		for (int i = 0; i < n; i++)
			if (!(r->cells[i].attr & VIEW_TAIL))
				text_put_utf8(out, r->cells[i].ch ? r->cells[i].ch : ' ');
		if (n)
			buf_add(out, "\n", 1);
	}
}
