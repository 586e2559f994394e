/* Theory of operation.
 *
 * 1. libvterm gets text, the controls in it, and sequences of ours (vt_tell), never a sequence of
 *    the guest's: its parser has no bound for parameters.
 * 2. It calls back with glyphs, erasures and scrolls; these become cells of the grid. Positions are
 *    checked against the grid's size all the same: libvterm is old C that reads hostile bytes.
 * 3. Its own answers are thrown away; seq has a closed list.
 * 4. The size changes by replacing it: libvterm corrupts memory when its size is set after hostile
 *    output, in all versions tried. The new one gets the modes, the pen and the cursor replayed.
 *    What is not replayed (margins, tab stops, character sets) the program sets again when it
 *    repaints. */
#include "term/vt.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void vt_touch(struct vt *t)
{
	t->grid.changed = true;
}

/* ---- from libvterm ---- */

static bool vt_is_inside(const struct vt *t, int row, int col)
{
	return row >= 0 && row < t->grid.rows && col >= 0 && col < t->grid.cols;
}

/* The part of a rectangle that is on the grid. */
static VTermRect vt_clip(const struct vt *t, VTermRect r)
{
	r.start_row = r.start_row < 0 ? 0 : r.start_row;
	r.start_col = r.start_col < 0 ? 0 : r.start_col;
	r.end_row = r.end_row > t->grid.rows ? t->grid.rows : r.end_row;
	r.end_col = r.end_col > t->grid.cols ? t->grid.cols : r.end_col;
	return r;
}

/* The combining characters behind the first of a glyph's, so far as a cell has room. */
static void vt_add_marks(struct view_cell *c, const uint32_t *chars)
{
	size_t marks = 0;

	while (marks < VIEW_MARKS && c->mark[marks])
		marks++;
	for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && chars[i]; i++)
		if (marks < VIEW_MARKS && chars[i] >= 0x300 && chars[i] <= 0xffff &&
		    text_is_cell(chars[i]))
			c->mark[marks++] = (uint16_t)chars[i];
}

/* Combining characters for the last glyph, whose own attributes it keeps; all: they are all that it
 * has. Those that libvterm has no base for, since it looks no further back than the last write,
 * come without the others. */
static void vt_combine(struct vt *t, const uint32_t *chars, bool all)
{
	struct grid_row *r;

	if (!t->last_ch || !vt_is_inside(t, t->last.row, t->last.col))
		return;
	r = grid_row(&t->grid, t->last.row);
	if (t->last.col < r->used && r->cells[t->last.col].ch == t->last_ch) {
		if (all)
			memset(r->cells[t->last.col].mark, 0, sizeof(r->cells[t->last.col].mark));
		vt_add_marks(&r->cells[t->last.col], chars);
		grid_touch_row(&t->grid, t->last.row);
	}
}

/* Whether this is the last glyph, given once more because of a combining character that came
 * late. */
static bool vt_is_again(const struct vt *t, const VTermGlyphInfo *info, VTermPos pos)
{
	return info->chars[1] && info->chars[0] == t->last_ch && pos.row == t->last.row &&
	       pos.col == t->last.col && t->cursor.row == pos.row && t->cursor.col > pos.col;
}

static int vt_on_glyph(VTermGlyphInfo *info, VTermPos pos, void *ctx)
{
	struct vt *t = ctx;
	const uint32_t ch = info->chars[0];
	struct view_cell c;

	if (t->replaying || !vt_is_inside(t, pos.row, pos.col))
		return 1;
	if (info->width == 1 && ch >= 0x20 && ch < 0x7f && !info->chars[1]) {
		t->last = pos;
		t->last_ch = ch;
		grid_put_char(&t->grid, pos.row, pos.col, ch, &t->pen);
		return 1;
	}
	if (info->width <= 0 || vt_is_again(t, info, pos)) {
		vt_combine(t, info->chars + (info->width > 0), info->width > 0);
		return 1;
	}
	c = t->pen;
	c.ch = text_is_cell(ch) ? ch : 0xfffd;
	if (info->chars[1])
		vt_add_marks(&c, info->chars + 1);
	if (info->width > 1) {
		c.attr |= VIEW_WIDE;
		if (t->insert) /* libvterm has made room for one column */
			grid_shift(&t->grid, pos.row, pos.col, t->grid.cols, -1,
				   &(struct view_cell){.bg = t->pen.bg});
	}
	t->last = pos;
	t->last_ch = c.ch;
	grid_put(&t->grid, pos.row, pos.col, &c);
	return 1;
}

static int vt_on_cursor(VTermPos pos, VTermPos old, int visible, void *ctx)
{
	struct vt *t = ctx;

	(void)old;
	(void)visible;
	if (t->replaying)
		return 1;
	t->cursor = pos;
	vt_touch(t);
	return 1;
}

static struct view_cell vt_blank(const struct vt *t)
{
	return (struct view_cell){.bg = t->pen.bg};
}

static int vt_on_erase(VTermRect rect, int selective, void *ctx)
{
	struct vt *t = ctx;
	const struct view_cell blank = vt_blank(t);

	(void)selective;
	if (t->replaying)
		return 1;
	rect = vt_clip(t, rect);
	for (int row = rect.start_row; row < rect.end_row; row++)
		grid_erase(&t->grid, row, rect.start_col, rect.end_col, &blank);
	return 1;
}

static int vt_on_scroll(VTermRect rect, int downward, int rightward, void *ctx)
{
	struct vt *t = ctx;
	const struct view_cell blank = vt_blank(t);

	if (t->replaying)
		return 1;
	rect = vt_clip(t, rect);
	if (rect.start_row >= rect.end_row || rect.start_col >= rect.end_col)
		return 1;
	if (rightward) {
		for (int row = rect.start_row; row < rect.end_row; row++)
			grid_shift(&t->grid, row, rect.start_col, rect.end_col, rightward, &blank);
	}
	if (!downward)
		return 1;
	if (rect.start_col > 0 || rect.end_col < t->grid.cols)
		return 0; /* a box between margins: libvterm moves it piece by piece */
	grid_scroll(&t->grid, rect.start_row, rect.end_row, downward, &blank);
	return 1;
}

/* Only for boxes between left and right margins. */
static int vt_on_move(VTermRect dest, VTermRect src, void *ctx)
{
	struct vt *t = ctx;
	const VTermRect d = vt_clip(t, dest);
	const int down = dest.start_row - src.start_row, right = dest.start_col - src.start_col;
	const bool backwards = down > 0;

	for (int i = 0; !t->replaying && i < d.end_row - d.start_row; i++) {
		const int row = backwards ? d.end_row - 1 - i : d.start_row + i;

		for (int col = d.start_col; col < d.end_col; col++) {
			const struct grid_row *from;
			struct view_cell c = {0};

			if (!vt_is_inside(t, row - down, col - right))
				continue;
			from = grid_row(&t->grid, row - down);
			if (col - right < from->used)
				c = from->cells[col - right];
			if (!(c.attr & VIEW_TAIL))
				grid_put(&t->grid, row, col, &c);
		}
	}
	return 1;
}

static int vt_on_property(VTermProp prop, VTermValue *val, void *ctx)
{
	struct vt *t = ctx;

	if (t->replaying || prop != VTERM_PROP_ALTSCREEN)
		return 1;
	t->modes = (t->modes & ~(unsigned)VIEW_ALTERNATE) | (val->boolean ? VIEW_ALTERNATE : 0);
	grid_switch(&t->grid, val->boolean);
	return 1;
}

static int vt_on_bell(void *ctx)
{
	struct vt *t = ctx;

	t->events.bell = true;
	t->events.bells++;
	return 1;
}

static void vt_drop_output(const char *bytes, size_t n, void *ctx)
{
	(void)bytes;
	(void)n;
	(void)ctx;
}

static VTerm *vt_open_vterm(struct vt *t)
{
	/* clang-format off */
	static const VTermStateCallbacks callbacks = {
		.putglyph = vt_on_glyph, .movecursor = vt_on_cursor, .scrollrect = vt_on_scroll,
		.moverect = vt_on_move, .erase = vt_on_erase, .settermprop = vt_on_property,
		.bell = vt_on_bell,
	};
	/* clang-format on */
	VTerm *vt = vterm_new(t->grid.rows, t->grid.cols);
	VTermState *state;

	if (!vt)
		mem_die("out of memory");
	vterm_set_utf8(vt, 1);
	vterm_output_set_callback(vt, vt_drop_output, NULL);
	state = vterm_obtain_state(vt);
	vterm_state_set_callbacks(state, &callbacks, t);
	vterm_state_reset(state, 1);
	return vt;
}

/* ---- to libvterm ---- */

void vt_tell(struct vt *t, const char *fmt, ...)
{
	char text[96];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0 && n < (int)sizeof(text))
		vterm_input_write(t->libvterm, text, (size_t)n);
}

void vt_move(struct vt *t, int row, int col)
{
	vt_tell(t, "\033[%d;%dH", row - (t->origin ? t->top : 0) + 1, col + 1);
}

/* ---- public ---- */

static int vt_bound(int v, int most)
{
	return v < 1 ? 1 : v > most ? most : v;
}

void vt_init(struct vt *t, int cols, int rows, size_t history, uint64_t gen)
{
	t->modes = VIEW_CURSOR_VISIBLE;
	grid_init(&t->grid, vt_bound(cols, VIEW_COLS_MAX), vt_bound(rows, VIEW_ROWS_MAX), history);
	t->first_gen = t->grid.gen = gen ? gen : 1;
	for (int i = 0; i < t->grid.rows; i++)
		grid_row(&t->grid, i)->stamp = t->first_gen;
	t->bottom = t->grid.rows;
	t->libvterm = vt_open_vterm(t);
}

void vt_fini(struct vt *t)
{
	vterm_free(t->libvterm);
	grid_fini(&t->grid);
	links_fini(&t->links);
}

/* libvterm has an array on its stack of four bytes for each that it is given at once. */
#define VT_WRITE_MAX 1024

static void vt_write_bytes(struct vt *t, const void *bytes, size_t n)
{
	if (n)
		vterm_input_write(t->libvterm, bytes, n);
}

/* What was no character. */
static void vt_write_replacement(struct vt *t)
{
	vt_write_bytes(t, "\xef\xbf\xbd", 3);
}

/* A character that did not end before a sequence or the like. */
void vt_end_partial(struct vt *t)
{
	if (t->utf8.n)
		vt_write_replacement(t);
	t->utf8.n = 0;
}

/* One byte of a character that is not whole in the bytes at hand, or is none. Returns whether it
 * was used. */
static bool vt_write_slowly(struct vt *t, unsigned char byte)
{
	const enum text_utf8_kind kind = text_utf8_put(&t->utf8, byte);

	if (kind == TEXT_UTF8_BROKEN || kind == TEXT_UTF8_STRAY)
		vt_write_replacement(t);
	if (kind != TEXT_UTF8_WHOLE)
		return kind != TEXT_UTF8_BROKEN;
	if (t->utf8.n != 2 || t->utf8.bytes[0] != 0xc2 || t->utf8.bytes[1] >= 0xa0)
		vt_write_bytes(t, t->utf8.bytes, t->utf8.n);
	t->utf8.n = 0;
	return true;
}

/* Text reaches libvterm in whole characters of valid UTF-8, since it mixes up those that are cut.
 * Controls (C1) in it are left out: it takes them for characters one column to the left, down to
 * column -1, where it then sets a tab stop. */
void vt_write(struct vt *t, const unsigned char *p, const unsigned char *to)
{
	const unsigned char *start = p;

	while (p < to) {
		size_t len = 0;
		uint32_t ch;

		if (!t->utf8.n) {
			const size_t room = VT_WRITE_MAX - (size_t)(p - start),
				     left = (size_t)(to - p);

			p += text_ascii(p, left < room ? left : room);
			len = text_get_utf8(p, (size_t)(to - p), &ch);
		}
		if (len && ch >= 0xa0 && p - start + 4 <= VT_WRITE_MAX) {
			p += len;
			continue;
		}
		vt_write_bytes(t, start, (size_t)(p - start));
		if (p < to && p - start < VT_WRITE_MAX)
			p += vt_write_slowly(t, *p);
		start = p;
	}
	vt_write_bytes(t, start, (size_t)(p - start));
}

/* What libvterm has to know to go on where its predecessor was. */
static void vt_replay(struct vt *t)
{
	t->replaying = true;
	if (t->modes & VIEW_ALTERNATE)
		vt_tell(t, "\033[?1047h");
	if (t->no_wrap)
		vt_tell(t, "\033[?7l");
	if (t->insert)
		vt_tell(t, "\033[4h");
	if (t->margins)
		vt_tell(t, "\033[?69h");
	if (t->origin)
		vt_tell(t, "\033[?6h");
	vt_move(t, t->cursor.row, t->cursor.col);
	t->replaying = false;
}

void vt_resize(struct vt *t, int cols, int rows)
{
	cols = vt_bound(cols, VIEW_COLS_MAX);
	rows = vt_bound(rows, VIEW_ROWS_MAX);
	if (cols == t->grid.cols && rows == t->grid.rows)
		return;
	t->cursor.row = vt_bound(t->cursor.row + 1, t->grid.rows) - 1;
	t->cursor.row = grid_resize(&t->grid, cols, rows, t->cursor.row);
	t->cursor.col = vt_bound(t->cursor.col + 1, cols) - 1;
	t->top = 0;
	t->bottom = rows;
	t->last_ch = 0;
	vterm_free(t->libvterm);
	t->replaying = true; /* a new one begins by erasing everything */
	t->libvterm = vt_open_vterm(t);
	vt_replay(t);
}
