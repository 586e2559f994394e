/* Theory of operation.
 *
 * 1. scan looks through the bytes in front of libvterm. Where a sequence concerns us, libvterm gets everything up to and
 *    with it first, so that an answer tells of the moment it was asked in. Strings (OSC, DCS and their kin) are kept from
 *    it altogether: titles are read here, and its code for them has holes.
 * 2. libvterm calls back with glyphs, erasures and scrolls; these become cells of the grid. Positions are checked against
 *    the grid's size all the same: libvterm is old C that reads hostile bytes.
 * 3. libvterm's own answers are thrown away. Ours are a closed list of constants, numbers of ours, and the cursor's
 *    place; nothing that the program chose comes back as input (CVE-2003-0063 and its kin).
 * 4. The size changes by replacing libvterm. What is not replayed (margins, tab stops, character sets) the program sets
 *    again when it repaints. */
#include "term/emu.h"
#include "term/scan.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <vterm.h>

#define EMU_KITTY_DEPTH 8

struct emu {
	VTerm *vt;
	struct scan scan;
	struct grid grid;
	struct emu_callbacks cb;
	struct emu_events events;
	struct view_cell pen;
	VTermPos cursor;
	unsigned modes; /* enum view_mode */
	uint8_t shape;
	bool dim;	    /* libvterm knows no dim text */
	bool replaying;	    /* libvterm is told what the grid holds already */
	bool origin, no_wrap, insert;
	bool synchronized;
	int kitty[EMU_KITTY_DEPTH];
	size_t kitty_depth;
	uint64_t first_gen, title_gen;
};

static void emu_touch(struct emu *e)
{
	e->grid.changed = true;
}

/* ---- from libvterm ---- */

static uint32_t emu_colour(const VTermColor *c)
{
	if (VTERM_COLOR_IS_DEFAULT_FG(c) || VTERM_COLOR_IS_DEFAULT_BG(c))
		return VIEW_DEFAULT;
	return VTERM_COLOR_IS_INDEXED(c) ? VIEW_INDEXED(c->indexed.idx) : VIEW_RGB(c->rgb.red, c->rgb.green, c->rgb.blue);
}

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

static int emu_on_glyph(VTermGlyphInfo *info, VTermPos pos, void *ctx)
{
	struct emu *e = ctx;
	struct view_cell c = e->pen;
	size_t marks = 0;

	if (e->replaying || !emu_is_inside(e, pos.row, pos.col))
		return 1;
	c.ch = view_is_char(info->chars[0]) ? info->chars[0] : 0xfffd;
	c.attr |= (e->dim ? VIEW_DIM : 0) | (info->width == 2 ? VIEW_WIDE : 0);
	for (size_t i = 1; info->chars[0] && i < VTERM_MAX_CHARS_PER_CELL && info->chars[i]; i++)
		if (marks < VIEW_MARKS && info->chars[i] >= 0x300 && info->chars[i] <= 0xffff && view_is_char(info->chars[i]))
			c.mark[marks++] = (uint16_t)info->chars[i];
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

static int emu_on_init_pen(void *ctx)
{
	struct emu *e = ctx;

	if (!e->replaying)
		e->pen = (struct view_cell){0};
	return 1;
}

static void emu_set_attr(struct emu *e, uint16_t mask, unsigned bits)
{
	e->pen.attr = (uint16_t)((e->pen.attr & ~mask) | (bits & mask));
}

static int emu_on_pen(VTermAttr attr, VTermValue *val, void *ctx)
{
	struct emu *e = ctx;
	static const struct {
		VTermAttr attr;
		uint16_t bit;
	} flags[] = {{VTERM_ATTR_BOLD, VIEW_BOLD},     {VTERM_ATTR_ITALIC, VIEW_ITALIC},   {VTERM_ATTR_BLINK, VIEW_BLINK},
		     {VTERM_ATTR_REVERSE, VIEW_REVERSE}, {VTERM_ATTR_STRIKE, VIEW_STRIKE}};

	if (e->replaying)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (flags[i].attr == attr)
			emu_set_attr(e, flags[i].bit, val->boolean ? flags[i].bit : 0);
	if (attr == VTERM_ATTR_UNDERLINE)
		emu_set_attr(e, VIEW_UNDERLINE, (unsigned)val->number * VIEW_UNDERLINE_ONE);
	else if (attr == VTERM_ATTR_FOREGROUND)
		e->pen.fg = emu_colour(&val->color);
	else if (attr == VTERM_ATTR_BACKGROUND)
		e->pen.bg = emu_colour(&val->color);
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
		.erase = emu_on_erase,	  .initpen = emu_on_init_pen,  .setpenattr = emu_on_pen,    .settermprop = emu_on_property,
		.bell = emu_on_bell,
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

/* ---- what scan found ---- */

static void emu_answer(struct emu *e, const char *text)
{
	if (e->cb.on_answer)
		e->cb.on_answer(e->cb.ctx, text, strlen(text));
}

static const struct {
	int number;
	unsigned mode;
} emu_modes_table[] = {
	{1, VIEW_CURSOR_KEYS},	   {9, VIEW_MOUSE_CLICK},    {25, VIEW_CURSOR_VISIBLE}, {1000, VIEW_MOUSE_CLICK},
	{1002, VIEW_MOUSE_DRAG},   {1003, VIEW_MOUSE_MOVE},  {1004, VIEW_FOCUS_EVENTS}, {1006, VIEW_MOUSE_SGR},
	{2004, VIEW_PASTE_BRACKETS},
};

static bool *emu_flag(struct emu *e, int number, bool *inverted)
{
	*inverted = number == 7;
	return number == 6 ? &e->origin : number == 7 ? &e->no_wrap : number == 2026 ? &e->synchronized : NULL;
}

static void emu_set_mode(struct emu *e, int number, bool on)
{
	bool inverted, *flag = emu_flag(e, number, &inverted);

	if (flag)
		*flag = on != inverted;
	for (size_t i = 0; i < ARRAY_LEN(emu_modes_table); i++)
		if (emu_modes_table[i].number == number)
			e->modes = on ? e->modes | emu_modes_table[i].mode : e->modes & ~emu_modes_table[i].mode;
	emu_touch(e);
}

static void emu_on_modes(struct emu *e)
{
	for (size_t i = 0; i < e->scan.numbers; i++) {
		if (e->scan.leader == '?')
			emu_set_mode(e, e->scan.number[i], e->scan.final == 'h');
		else if (!e->scan.leader && e->scan.number[i] == 4)
			e->insert = e->scan.final == 'h';
	}
}

/* DECRQM: 1 set, 2 reset, 0 not known. */
static void emu_on_mode_query(struct emu *e)
{
	const int number = e->scan.numbers ? e->scan.number[0] : 0;
	bool inverted, *flag = emu_flag(e, number, &inverted);
	int value = flag ? (*flag != inverted ? 1 : 2) : 0;
	char text[32];

	for (size_t i = 0; i < ARRAY_LEN(emu_modes_table); i++)
		if (emu_modes_table[i].number == number)
			value = e->modes & emu_modes_table[i].mode ? 1 : 2;
	if (number == 1049 || number == 1047 || number == 47)
		value = e->modes & VIEW_ALTERNATE ? 1 : 2;
	snprintf(text, sizeof(text), "\033[?%d;%d$y", number < 0 ? 0 : number, value);
	emu_answer(e, text);
}

static void emu_on_status_query(struct emu *e)
{
	const int number = e->scan.numbers ? e->scan.number[0] : 0;
	char text[32];

	if (number == 5 && !e->scan.leader)
		emu_answer(e, "\033[0n");
	if (number != 6)
		return;
	snprintf(text, sizeof(text), "\033[%s%d;%dR", e->scan.leader == '?' ? "?" : "", e->cursor.row + 1, e->cursor.col + 1);
	emu_answer(e, text);
}

static void emu_on_attributes_query(struct emu *e)
{
	if (e->scan.numbers && e->scan.number[0] > 0)
		return;
	if (e->scan.leader == '>')
		emu_answer(e, "\033[>1;10;0c");
	else if (!e->scan.leader)
		emu_answer(e, "\033[?62;22c");
}

static void emu_on_size_query(struct emu *e)
{
	char text[32];

	if (e->scan.leader || !e->scan.numbers || e->scan.number[0] != 18)
		return;
	snprintf(text, sizeof(text), "\033[8;%d;%dt", e->grid.rows, e->grid.cols);
	emu_answer(e, text);
}

/* Kitty's keyboard protocol: a stack of flags; keyenc knows one kind of report, so only "any or none" counts. */
static void emu_on_kitty(struct emu *e)
{
	const int number = e->scan.numbers && e->scan.number[0] > 0 ? e->scan.number[0] : 0;
	int *top = e->kitty_depth ? &e->kitty[e->kitty_depth - 1] : NULL;
	char text[32];

	if (e->scan.leader == '>' && e->kitty_depth < EMU_KITTY_DEPTH)
		e->kitty[e->kitty_depth++] = number & 1;
	else if (e->scan.leader == '<')
		e->kitty_depth -= (size_t)(number ? number : 1) < e->kitty_depth ? (size_t)(number ? number : 1) : e->kitty_depth;
	else if (e->scan.leader == '=' && top)
		*top = number & 1;
	else if (e->scan.leader == '=')
		e->kitty[e->kitty_depth++] = number & 1;
	top = e->kitty_depth ? &e->kitty[e->kitty_depth - 1] : NULL;
	e->modes = top && *top ? e->modes | VIEW_KITTY_KEYS : e->modes & ~(unsigned)VIEW_KITTY_KEYS;
	if (e->scan.leader != '?')
		return;
	snprintf(text, sizeof(text), "\033[?%du", top ? *top : 0);
	emu_answer(e, text);
}

static void emu_on_shape(struct emu *e)
{
	static const uint8_t shapes[] = {0, 1, 1, 2, 2, 3, 3};
	const int number = e->scan.numbers && e->scan.number[0] > 0 ? e->scan.number[0] : 0;

	if (number < (int)ARRAY_LEN(shapes))
		e->shape = shapes[number];
	emu_touch(e);
}

/* What SGR does to dim: how many numbers a colour takes has to be known to skip them. */
static bool emu_dim_after_sgr(const struct emu *e)
{
	const struct scan *s = &e->scan;
	bool dim = s->numbers ? e->dim : false;

	for (size_t i = 0; i < s->numbers; i++) {
		if (s->sub[i])
			continue;
		if (s->number[i] <= 0 || s->number[i] == 22)
			dim = false;
		else if (s->number[i] == 2)
			dim = true;
		else if ((s->number[i] == 38 || s->number[i] == 48 || s->number[i] == 58) && i + 1 < s->numbers && !s->sub[i + 1])
			i += s->number[i + 1] == 5 ? 2 : s->number[i + 1] == 2 ? 4 : 1;
	}
	return dim;
}

static void emu_on_reset(struct emu *e, bool hard)
{
	e->dim = e->origin = e->no_wrap = e->insert = e->synchronized = false;
	e->modes = (e->modes & VIEW_ALTERNATE) | VIEW_CURSOR_VISIBLE;
	e->kitty_depth = 0;
	e->shape = 0;
	if (hard && (e->modes & VIEW_ALTERNATE)) { /* libvterm leaves the alternate screen without saying so */
		e->modes &= ~(unsigned)VIEW_ALTERNATE;
		grid_switch(&e->grid, false);
	}
	emu_touch(e);
}

static const struct {
	char final, leader, intermediate; /* leader '*': any or none */
	void (*act)(struct emu *e);
} emu_sequences[] = {
	{'h', '*', 0, emu_on_modes},	      {'l', '*', 0, emu_on_modes},	{'n', '*', 0, emu_on_status_query},
	{'c', '*', 0, emu_on_attributes_query}, {'p', '?', '$', emu_on_mode_query}, {'u', '>', 0, emu_on_kitty},
	{'u', '<', 0, emu_on_kitty},	      {'u', '=', 0, emu_on_kitty},	{'u', '?', 0, emu_on_kitty},
	{'q', 0, ' ', emu_on_shape},	      {'t', 0, 0, emu_on_size_query},
};

static void emu_on_csi(struct emu *e)
{
	const struct scan *s = &e->scan;

	for (size_t i = 0; i < ARRAY_LEN(emu_sequences); i++)
		if (emu_sequences[i].final == s->final && emu_sequences[i].intermediate == s->intermediate &&
		    (emu_sequences[i].leader == '*' || emu_sequences[i].leader == s->leader))
			emu_sequences[i].act(e);
	if (s->final == 'm' && !s->leader && !s->intermediate)
		e->dim = emu_dim_after_sgr(e);
	else if (s->final == 'q' && s->leader == '>')
		emu_answer(e, "\033P>|ccvm\033\\");
	else if (s->final == 'p' && s->intermediate == '!')
		emu_on_reset(e, false);
	else if (s->final == 'J' && !s->leader && s->numbers && s->number[0] == 3)
		grid_clear_history(&e->grid);
}

/* Copies what may be shown; the rest is left out. */
static void emu_clean(char out[VIEW_TITLE_MAX], const char *text)
{
	size_t n = strlen(text), used = 0;

	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = view_get_utf8((const unsigned char *)text + i, n - i, &ch);

		if (len && view_is_char(ch) && used + len < VIEW_TITLE_MAX) {
			memcpy(out + used, text + i, len);
			used += len;
		}
		i += len ? len : 1;
	}
	out[used] = '\0';
}

static void emu_on_title(struct emu *e, const char *text)
{
	emu_clean(e->events.title_text, text);
	e->events.title = true;
	e->title_gen = e->grid.gen;
	emu_touch(e);
}

static void emu_on_notify(struct emu *e, const char *text)
{
	if (strncmp(text, "4;", 2) == 0) /* a progress bar, of another dialect */
		return;
	emu_clean(e->events.notify_text, text);
	e->events.notified = true;
}

static void emu_on_notify_777(struct emu *e, const char *text)
{
	if (strncmp(text, "notify;", 7) == 0)
		emu_on_notify(e, text + 7);
}

/* Clipboard writes are refused: anything on the screen of an agent could put commands there. */
static void emu_on_clipboard(struct emu *e, const char *text)
{
	(void)text;
	e->events.clipboard_refused++;
}

static void emu_on_osc(struct emu *e)
{
	static const struct {
		const char *prefix;
		void (*act)(struct emu *e, const char *text);
	} table[] = {{"0;", emu_on_title}, {"2;", emu_on_title}, {"9;", emu_on_notify}, {"777;", emu_on_notify_777}, {"52;", emu_on_clipboard}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strncmp(e->scan.text, table[i].prefix, strlen(table[i].prefix)) == 0)
			table[i].act(e, e->scan.text + strlen(table[i].prefix));
}

/* SGR is the most frequent sequence by far, and nearly none of them changes what we keep of it. */
static bool emu_concerns(const struct emu *e, enum scan_kind kind)
{
	return kind != SCAN_CSI || e->scan.final != 'm' || emu_dim_after_sgr(e) != e->dim;
}

static void emu_act(struct emu *e, enum scan_kind kind)
{
	if (kind == SCAN_CSI)
		emu_on_csi(e);
	else if (kind == SCAN_OSC)
		emu_on_osc(e);
	else if (kind == SCAN_RESET)
		emu_on_reset(e, true);
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
	e->vt = emu_open_vterm(e);
	return e;
}

void emu_free(struct emu *e)
{
	if (!e)
		return;
	vterm_free(e->vt);
	grid_fini(&e->grid);
	free(e);
}

/* Bytes for libvterm, up to the end of a sequence that was found. Of a string it gets nothing: its introducer, whose ESC it
 * may have had already, is cancelled. */
static void emu_pass(struct emu *e, const unsigned char *from, const unsigned char *to, enum scan_kind kind)
{
	if (kind == SCAN_OSC || kind == SCAN_STRING_END)
		return;
	if (kind == SCAN_STRING)
		to--;
	if (from < to)
		vterm_input_write(e->vt, (const char *)from, (size_t)(to - from));
	if (kind == SCAN_STRING)
		vterm_input_write(e->vt, "\x18", 1);
}

void emu_feed(struct emu *e, const void *bytes, size_t n)
{
	const unsigned char *start = bytes, *p = start, *end = start + n;

	while (p < end) {
		enum scan_kind kind;

		p += scan_next(&e->scan, p, (size_t)(end - p), &kind);
		if (kind == SCAN_NOTHING)
			break;
		if (!emu_concerns(e, kind))
			continue;
		emu_pass(e, start, p, kind);
		start = p;
		emu_act(e, kind);
	}
	if (!scan_is_in_string(&e->scan))
		emu_pass(e, start, end, SCAN_NOTHING);
}

/* What libvterm has to know to go on where its predecessor was. */
static void emu_replay(struct emu *e)
{
	AUTO_BUF struct buf text = {0};
	struct view_cell sample[2] = {e->pen};

	if (e->modes & VIEW_ALTERNATE)
		buf_addf(&text, "\033[?1047h");
	if (e->no_wrap)
		buf_addf(&text, "\033[?7l");
	if (e->insert)
		buf_addf(&text, "\033[4h");
	/* The pen, as text would be drawn with it; the character itself goes nowhere. */
	sample[0].ch = 'x';
	view_row_ansi(&text, sample, 1);
	if (e->pen.attr || e->pen.fg || e->pen.bg)
		text.end -= strlen("\033[0m"); /* the reset at the end: the pen stays */
	buf_addf(&text, "\033[%d;%dH", e->cursor.row + 1, e->cursor.col + 1);
	if (e->origin)
		buf_addf(&text, "\033[?6h\033[%d;%dH", e->cursor.row + 1, e->cursor.col + 1);
	e->replaying = true;
	vterm_input_write(e->vt, (const char *)buf_data(&text), buf_len(&text));
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
	grid_put_frame(&e->grid, out, &s, since, whole || e->title_gen > since ? e->events.title_text : NULL);
}
