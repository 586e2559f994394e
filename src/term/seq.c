/* Theory of operation.
 *
 * 1. Everything here is decided by tables over what scan found; numbers are capped there, strings
 *    bounded.
 * 2. Answers are constants, numbers of ours, and the cursor's place. Nothing that the program chose
 *    is among them, or it would be typed into whatever reads the terminal next (CVE-2003-0063 and
 *    its kin).
 * 3. Sequences for libvterm are made here from checked numbers, two at most. It is asked only for
 *    what it does well: REP before any glyph never ends there, a second mode in one sequence is not
 *    seen, CSI s moves the cursor. */
#include "term/seq.h"
#include "base/mem.h"
#include "base/text.h"
#include "term/pen.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A parameter; left out or smaller than 1: the default. */
static int seq_number(const struct seq *e, size_t i, int otherwise)
{
	return i < e->scan.numbers && e->scan.number[i] > 0 ? e->scan.number[i] : otherwise;
}

/* Exactly one terminal answers: this one, unless another has to (seq_set_answers). */
static void seq_answer(struct seq *e, const char *text)
{
	if (e->on_answer && (!e->mute || e->begun))
		e->on_answer(e->ctx, text, strlen(text));
}

static void seq_answer_dcs(struct seq *e, const char *text)
{
	if (e->on_answer && (!e->mute_dcs || e->begun))
		e->on_answer(e->ctx, text, strlen(text));
}

/* ---- pen and cursor ---- */

static void seq_on_sgr(struct seq *e)
{
	pen_sgr(&e->vt.pen, &e->scan);
}

/* Each screen has a saved cursor of its own, as xterm's have. */
static struct vt_saved *seq_saved(struct seq *e)
{
	return &e->vt.saved[e->vt.modes & VIEW_ALTERNATE ? 1 : 0];
}

static void seq_save(struct seq *e)
{
	*seq_saved(e) = (struct vt_saved){e->vt.pen,
					  e->vt.cursor.row,
					  e->vt.cursor.col,
					  e->vt.origin,
					  {e->vt.charset[0], e->vt.charset[1]}};
}

static void seq_restore(struct seq *e)
{
	const struct vt_saved *s = seq_saved(e);

	e->vt.pen.fg = s->pen.fg;
	e->vt.pen.bg = s->pen.bg;
	e->vt.pen.attr = s->pen.attr;
	if (e->vt.origin != s->origin)
		vt_tell(&e->vt, "\033[?6%c", s->origin ? 'h' : 'l');
	e->vt.origin = s->origin;
	for (int i = 0; i < 2; i++) {
		e->vt.charset[i] = s->charset[i];
		vt_tell(&e->vt, "\033%c%c", "()"[i], e -> vt.charset[i] ? e->vt.charset[i] : 'B');
	}
	vt_move(&e->vt, s->row, s->col);
}

/* CSI s is also how the left and right margins are set, when they are in use. */
static void seq_on_save_or_margins(struct seq *e)
{
	if (e->vt.margins)
		vt_tell(&e->vt, "\033[%d;%ds", seq_number(e, 0, 1),
			seq_number(e, 1, e->vt.grid.cols));
	else
		seq_save(e);
}

/* Up and down stop at the scroll region's edge when they begin inside. */
static void seq_vertical(struct seq *e, int by, bool first_column)
{
	const int row = e->vt.cursor.row, to = row + by;
	const int least = row >= e->vt.top ? e->vt.top : 0,
		  most = row < e->vt.bottom ? e->vt.bottom - 1 : e->vt.grid.rows - 1;

	vt_move(&e->vt,
		to < least  ? least
		: to > most ? most
			    : to,
		first_column ? 0 : e->vt.cursor.col);
}

static void seq_on_up(struct seq *e)
{
	seq_vertical(e, -seq_number(e, 0, 1), e->scan.final == 'F');
}

static void seq_on_down(struct seq *e)
{
	seq_vertical(e, seq_number(e, 0, 1), e->scan.final == 'E');
}

/* A region of fewer than two rows is invalid. */
static void seq_on_region(struct seq *e)
{
	const int top = seq_number(e, 0, 1), wanted = seq_number(e, 1, e->vt.grid.rows);
	const int bottom = wanted > e->vt.grid.rows ? e->vt.grid.rows : wanted;

	if (top >= bottom)
		return;
	e->vt.top = top - 1;
	e->vt.bottom = bottom;
	vt_tell(&e->vt, "\033[%d;%dr", top, bottom);
}

/* The last glyph again, in the rest of the row at most. */
static void seq_on_repeat(struct seq *e)
{
	const int room = e->vt.grid.cols - e->vt.cursor.col, wanted = seq_number(e, 0, 1);
	AUTO_BUF struct buf text = {0};

	for (int i = 0; e->vt.last_ch && i < wanted && i < room; i++)
		text_put_utf8(&text, e->vt.last_ch);
	vterm_input_write(e->vt.libvterm, (const char *)buf_data(&text), buf_len(&text));
}

/* DECALN: the screen full of E, for adjusting a tube. */
static void seq_on_align(struct seq *e)
{
	const struct view_cell pen = e->vt.pen;

	e->vt.pen = (struct view_cell){0};
	e->vt.origin = false;
	e->vt.top = 0;
	e->vt.bottom = e->vt.grid.rows;
	vt_tell(&e->vt, "\033#8\033[?6l\033[r\033[H");
	e->vt.pen = pen;
}

static void seq_forget(struct seq *e)
{
	e->vt.origin = e->vt.no_wrap = e->vt.insert = e->vt.margins = e->vt.synchronized = false;
	e->vt.pen = (struct view_cell){0};
	memset(e->vt.saved, 0, sizeof(e->vt.saved));
	memset(e->vt.charset, 0, sizeof(e->vt.charset));
	e->vt.modes = (e->vt.modes & VIEW_ALTERNATE) | VIEW_CURSOR_VISIBLE;
	e->vt.kitty_depth = 0;
	e->vt.shape = 0;
	e->vt.top = 0;
	e->vt.bottom = e->vt.grid.rows;
	vt_touch(&e->vt);
}

/* DECSTR keeps text and cursor. */
static void seq_on_soft_reset(struct seq *e)
{
	const int row = e->vt.cursor.row, col = e->vt.cursor.col;

	seq_forget(e);
	vt_tell(&e->vt, "\033[4l\033[?6l\033[?7h\033[?69l\033[r\033(B\033)B\017");
	vt_move(&e->vt, row, col);
}

/* RIS. The alternate screen is left before the main one is erased. */
static void seq_on_reset(struct seq *e)
{
	seq_forget(e);
	if (e->vt.modes & VIEW_ALTERNATE) {
		e->vt.modes &= ~(unsigned)VIEW_ALTERNATE;
		grid_switch(&e->vt.grid, false);
	}
	e->vt.last_ch = 0;
	vt_tell(&e->vt, "\033c");
}

/* ---- modes ---- */

static const struct {
	int number;
	unsigned mode;
} seq_modes[] = {
	{1, VIEW_CURSOR_KEYS},	   {9, VIEW_MOUSE_CLICK},   {25, VIEW_CURSOR_VISIBLE},
	{1000, VIEW_MOUSE_CLICK},  {1002, VIEW_MOUSE_DRAG}, {1003, VIEW_MOUSE_MOVE},
	{1004, VIEW_FOCUS_EVENTS}, {1006, VIEW_MOUSE_SGR},  {2004, VIEW_PASTE_BRACKETS},
};

static bool *seq_flag(struct seq *e, int number, bool *inverted)
{
	*inverted = number == 7;
	return number == 6	? &e->vt.origin
	       : number == 7	? &e->vt.no_wrap
	       : number == 69	? &e->vt.margins
	       : number == 2026 ? &e->vt.synchronized
				: NULL;
}

static void seq_alternate(struct seq *e, bool on)
{
	if (on != !!(e->vt.modes & VIEW_ALTERNATE))
		vt_tell(&e->vt, "\033[?1047%c", on ? 'h' : 'l'); /* vt hears of it as a property */
}

static void seq_screen_mode(struct seq *e, int number, bool on)
{
	const bool cursor = number == 1048 || number == 1049;

	if (cursor && on)
		seq_save(e);
	if (number != 1048)
		seq_alternate(e, on);
	if (cursor && !on)
		seq_restore(e);
}

static void seq_private_mode(struct seq *e, int number, bool on)
{
	bool inverted, *flag = seq_flag(e, number, &inverted);

	if (flag)
		*flag = on != inverted;
	for (size_t i = 0; i < ARRAY_LEN(seq_modes); i++)
		if (seq_modes[i].number == number)
			e->vt.modes = on ? e->vt.modes | seq_modes[i].mode
					 : e->vt.modes & ~seq_modes[i].mode;
	if (number == 6 || number == 7 || number == 69)
		vt_tell(&e->vt, "\033[?%d%c", number, on ? 'h' : 'l');
	else if (number == 47 || (number >= 1047 && number <= 1049))
		seq_screen_mode(e, number, on);
	vt_touch(&e->vt);
}

static void seq_on_private_modes(struct seq *e)
{
	/* sending libvterm a sequence must not change the one being read */
	const struct scan s = e->scan;

	for (size_t i = 0; i < s.numbers; i++)
		seq_private_mode(e, s.number[i], s.final == 'h');
}

static void seq_on_modes(struct seq *e)
{
	const bool on = e->scan.final == 'h';

	for (size_t i = 0; i < e->scan.numbers; i++) {
		const int number = e->scan.number[i];

		if (number == 4)
			e->vt.insert = on;
		if (number == 4 || number == 20)
			vt_tell(&e->vt, "\033[%d%c", number, on ? 'h' : 'l');
	}
}

/* ---- queries ---- */

/* DECRQM: 1 set, 2 reset, 0 not known. */
static void seq_on_mode_query(struct seq *e)
{
	const int number = seq_number(e, 0, 0);
	bool inverted, *flag = seq_flag(e, number, &inverted);
	int value = flag ? (*flag != inverted ? 1 : 2) : 0;
	char text[32];

	for (size_t i = 0; i < ARRAY_LEN(seq_modes); i++)
		if (seq_modes[i].number == number)
			value = e->vt.modes & seq_modes[i].mode ? 1 : 2;
	if (number == 1049 || number == 1047 || number == 47)
		value = e->vt.modes & VIEW_ALTERNATE ? 1 : 2;
	snprintf(text, sizeof(text), "\033[?%d;%d$y", number, value);
	seq_answer(e, text);
}

static void seq_on_status_query(struct seq *e)
{
	const int number = seq_number(e, 0, 0);
	char text[32];

	if (number == 5 && !e->scan.leader)
		seq_answer(e, "\033[0n");
	if (number != 6)
		return;
	snprintf(text, sizeof(text), "\033[%s%d;%dR", e->scan.leader == '?' ? "?" : "",
		 e->vt.cursor.row + 1, e->vt.cursor.col + 1);
	seq_answer(e, text);
}

static void seq_on_attributes_query(struct seq *e)
{
	if (seq_number(e, 0, 0) > 0)
		return;
	if (e->scan.leader == '>')
		seq_answer(e, "\033[>1;10;0c");
	else if (e->scan.leader == '=')
		seq_answer(e, "\033P!|00000000\033\\");
	else if (!e->scan.leader)
		seq_answer(e, "\033[?62;22c");
}

static void seq_on_size_query(struct seq *e)
{
	char text[32];

	if (seq_number(e, 0, 0) != 18)
		return;
	snprintf(text, sizeof(text), "\033[8;%d;%dt", e->vt.grid.rows, e->vt.grid.cols);
	seq_answer(e, text);
}

static void seq_on_version_query(struct seq *e)
{
	seq_answer(e, "\033P>|ccvm\033\\");
}

/* Kitty's keyboard protocol: a stack of flags; keyenc knows one kind of report, so only "any or
 * none" counts. */
static void seq_on_kitty(struct seq *e)
{
	const size_t number = (size_t)seq_number(e, 0, 0), count = number ? number : 1;
	int *top = e->vt.kitty_depth ? &e->vt.kitty[e->vt.kitty_depth - 1] : NULL;
	char text[32];

	if (e->scan.leader == '>' && e->vt.kitty_depth < VT_KITTY_DEPTH)
		e->vt.kitty[e->vt.kitty_depth++] = number & 1;
	else if (e->scan.leader == '<')
		e->vt.kitty_depth -= count < e->vt.kitty_depth ? count : e->vt.kitty_depth;
	else if (e->scan.leader == '=' && top)
		*top = number & 1;
	else if (e->scan.leader == '=')
		e->vt.kitty[e->vt.kitty_depth++] = number & 1;
	top = e->vt.kitty_depth ? &e->vt.kitty[e->vt.kitty_depth - 1] : NULL;
	e->vt.modes = top && *top ? e->vt.modes | VIEW_KITTY_KEYS
				  : e->vt.modes & ~(unsigned)VIEW_KITTY_KEYS;
	if (e->scan.leader != '?')
		return;
	snprintf(text, sizeof(text), "\033[?%du", top ? *top : 0);
	seq_answer(e, text);
}

static void seq_on_shape(struct seq *e)
{
	static const uint8_t shapes[] = {0, 1, 1, 2, 2, 3, 3};
	const int number = seq_number(e, 0, 0);

	if (number < (int)ARRAY_LEN(shapes))
		e->vt.shape = shapes[number];
	vt_touch(&e->vt);
}

/* ---- sequences for libvterm ---- */

#define SEQ_TOLD_MAX 9999 /* beyond all rows and columns; sums stay small */

static void seq_tell(struct seq *e)
{
	const struct scan *s = &e->scan;
	const char leader[] = {s->leader, '\0'}, intermediate[] = {s->intermediate, '\0'};
	char text[2][8] = {"", ""};

	for (size_t i = 0; i < 2 && i < s->numbers; i++)
		if (s->number[i] >= 0)
			snprintf(text[i], sizeof(text[i]), "%d",
				 s->number[i] < SEQ_TOLD_MAX ? s->number[i] : SEQ_TOLD_MAX);
	vt_tell(&e->vt, "\033[%s%s%s%s%s%c", leader, text[0], s->numbers > 1 ? ";" : "", text[1],
		intermediate, s->final);
}

static void seq_tell_escape(struct seq *e)
{
	vt_tell(&e->vt, "\033%c", e->scan.final);
}

static void seq_on_charset(struct seq *e)
{
	const char *which = "()*+";
	const size_t i = (size_t)(strchr(which, e->scan.intermediate) - which);

	if (i < ARRAY_LEN(e->vt.charset))
		e->vt.charset[i] = e->scan.final;
	vt_tell(&e->vt, "\033%c%c", e->scan.intermediate, e->scan.final);
}

static void seq_on_erase(struct seq *e)
{
	seq_tell(e);
	if (seq_number(e, 0, 0) == 3)
		grid_clear_history(&e->vt.grid);
}

/* With more numbers than one it is a mouse mode of xterm's. */
static void seq_on_scroll_down(struct seq *e)
{
	if (e->scan.numbers < 2)
		seq_tell(e);
}

/* ---- which sequence does what ---- */

struct seq_row {
	const char *finals;
	char leader, intermediate; /* leader '*': any or none */
	void (*act)(struct seq *e);
};

static const struct seq_row seq_csi[] = {
	{"m", 0, 0, seq_on_sgr}, /* by far the most frequent */
	{"@CDGHIKLMPSXZ`adefgjk", 0, 0, seq_tell},
	{"AF", 0, 0, seq_on_up},
	{"BE", 0, 0, seq_on_down},
	{"J", 0, 0, seq_on_erase},
	{"JK", '?', 0, seq_tell},
	{"hl", '?', 0, seq_on_private_modes},
	{"hl", 0, 0, seq_on_modes},
	{"r", 0, 0, seq_on_region},
	{"s", 0, 0, seq_on_save_or_margins},
	{"u", 0, 0, seq_restore},
	{"b", 0, 0, seq_on_repeat},
	{"T", 0, 0, seq_on_scroll_down},
	{"}~", 0, '\'', seq_tell}, /* DECIC, DECDC */
	{"q", 0, ' ', seq_on_shape},
	{"q", '>', 0, seq_on_version_query},
	{"u", '*', 0, seq_on_kitty},
	{"c", '*', 0, seq_on_attributes_query},
	{"n", '*', 0, seq_on_status_query},
	{"p", '?', '$', seq_on_mode_query},
	{"p", '*', '!', seq_on_soft_reset},
	{"t", 0, 0, seq_on_size_query},
};

static const struct seq_row seq_escape[] = {
	{"7", 0, 0, seq_save},
	{"8", 0, 0, seq_restore},
	{"8", 0, '#', seq_on_align},
	{"c", 0, 0, seq_on_reset},
	{"DEHMNOno|}~", 0, 0, seq_tell_escape}, /* IND NEL HTS RI, shifts */
	{"0AB", 0, '(', seq_on_charset},
	{"0AB", 0, ')', seq_on_charset},
	{"0AB", 0, '*', seq_on_charset},
	{"0AB", 0, '+', seq_on_charset},
};

static void seq_find_and_act(struct seq *e, const struct seq_row *table, size_t n)
{
	const struct scan *s = &e->scan;

	for (size_t i = 0; i < n; i++)
		if (table[i].intermediate == s->intermediate &&
		    (table[i].leader == s->leader || table[i].leader == '*') &&
		    strchr(table[i].finals, s->final)) {
			table[i].act(e);
			return;
		}
}

/* ---- strings ---- */

/* Copies what may be shown; the rest is left out. */
static void seq_clean(char out[VIEW_TITLE_MAX], const char *text)
{
	size_t n = strlen(text), used = 0;

	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = text_get_utf8((const unsigned char *)text + i, n - i, &ch);

		if (len && text_is_cell(ch) && used + len < VIEW_TITLE_MAX) {
			memcpy(out + used, text + i, len);
			used += len;
		}
		i += len ? len : 1;
	}
	out[used] = '\0';
}

static void seq_on_title(struct seq *e, const char *text)
{
	seq_clean(e->vt.events.title_text, text);
	e->vt.events.title = true;
	e->vt.title_gen = e->vt.grid.gen;
	vt_touch(&e->vt);
}

static void seq_on_notify(struct seq *e, const char *text)
{
	if (strncmp(text, "4;", 2) == 0) /* a progress bar, of another dialect */
		return;
	seq_clean(e->vt.events.notify_text, text);
	e->vt.events.notified = true;
}

static void seq_on_notify_777(struct seq *e, const char *text)
{
	if (strncmp(text, "notify;", 7) == 0)
		seq_on_notify(e, text + 7);
}

/* Clipboard writes are refused: anything on the screen of an agent could put commands there. */
static void seq_on_clipboard(struct seq *e, const char *text)
{
	(void)text;
	e->vt.events.clipboard_refused++;
}

/* OSC 8: parameters, ';', where the text that follows leads; nothing: the link ends. An invalid URI
 * ends it too, so that no text is added to the previous link. */
static void seq_on_link(struct seq *e, const char *text)
{
	const char *uri = strchr(text, ';');

	e->vt.pen.link = uri && !e->scan.overlong ? links_add(&e->vt.links, uri + 1) : 0;
}

/* A colour of xterm's palette. */
static uint32_t seq_palette(int i)
{
	static const uint32_t first[] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd,
					 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00,
					 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};
	static const uint32_t level[] = {0, 95, 135, 175, 215, 255};

	if (i < 16)
		return first[i];
	if (i >= 232)
		return (uint32_t)(8 + (i - 232) * 10) * 0x010101u;
	i -= 16;
	return level[i / 36] << 16 | level[i / 6 % 6] << 8 | level[i % 6];
}

static void seq_answer_colour(struct seq *e, const char *which, uint32_t c)
{
	char text[64];

	snprintf(text, sizeof(text), "\033]%s;rgb:%02x%02x/%02x%02x/%02x%02x\033\\", which,
		 c >> 16 & 0xff, c >> 16 & 0xff, c >> 8 & 0xff, c >> 8 & 0xff, c & 0xff, c & 0xff);
	seq_answer(e, text);
}

/* OSC 4: pairs of a number and a colour, or a question mark; at most as many are answered as a
 * terminal has colours. */
static void seq_on_palette(struct seq *e, const char *text)
{
	int left = 256;

	while (*text && left-- > 0) {
		int number = 0, digits = 0;
		char which[16];

		for (; *text >= '0' && *text <= '9' && digits < 4; text++, digits++)
			number = number * 10 + (*text - '0');
		if (!digits || number > 255 || *text != ';')
			return;
		snprintf(which, sizeof(which), "4;%d", number);
		if (text[1] == '?' && (text[2] == ';' || !text[2]))
			seq_answer_colour(e, which, seq_palette(number));
		text = strchr(text + 1, ';');
		if (!text)
			return;
		text++;
	}
}

/* The colours of text, background and cursor: those of the terminal that shows them are unknown
 * here. */
static void seq_on_foreground(struct seq *e, const char *text)
{
	if (strcmp(text, "?") == 0)
		seq_answer_colour(e, "10", 0xe5e5e5);
}

static void seq_on_background(struct seq *e, const char *text)
{
	if (strcmp(text, "?") == 0)
		seq_answer_colour(e, "11", 0x000000);
}

static void seq_on_cursor_colour(struct seq *e, const char *text)
{
	if (strcmp(text, "?") == 0)
		seq_answer_colour(e, "12", 0xe5e5e5);
}

/* XTGETTCAP: names in hexadecimal; answered are those of the list, in our own words. */
static void seq_on_capability(struct seq *e, const char *text)
{
	static const struct {
		const char *asked, *answer;
	} table[] = {{"544e", "544e=787465726d2d323536636f6c6f72" /* TN: xterm-256color */},
		     {"436f", "436f=323536" /* Co: 256 */},
		     {"636f6c6f7273", "636f6c6f7273=323536" /* colors */},
		     {"524742", "524742=38" /* RGB: 8 */}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcasecmp(text, table[i].asked) == 0) {
			AUTO_FREE char *answer = mem_format("\033P1+r%s\033\\", table[i].answer);

			seq_answer_dcs(e, answer);
			return;
		}
	seq_answer_dcs(e, "\033P0+r\033\\");
}

/* DECRQSS: the scroll region and the cursor's shape; everything else is reported as unknown (in
 * CVE-2008-2383 the query was echoed). */
static void seq_on_setting(struct seq *e, const char *text)
{
	static const int shapes[] = {0, 2, 4, 6};
	char answer[48] = "\033P0$r\033\\";

	if (strcmp(text, "r") == 0)
		snprintf(answer, sizeof(answer), "\033P1$r%d;%dr\033\\", e->vt.top + 1,
			 e->vt.bottom);
	else if (strcmp(text, " q") == 0)
		snprintf(answer, sizeof(answer), "\033P1$r%d q\033\\", shapes[e->vt.shape & 3]);
	seq_answer_dcs(e, answer);
}

static void seq_on_dcs(struct seq *e)
{
	const char *text = e->scan.text;

	if (e->scan.overlong)
		return;
	if (strncmp(text, "+q", 2) == 0)
		seq_on_capability(e, text + 2);
	else if (strncmp(text, "$q", 2) == 0)
		seq_on_setting(e, text + 2);
}

static void seq_on_osc(struct seq *e)
{
	static const struct {
		const char *prefix;
		bool even_overlong;
		void (*act)(struct seq *e, const char *text);
	} table[] = {{"0;", false, seq_on_title},	 {"2;", false, seq_on_title},
		     {"8;", true, seq_on_link},		 {"9;", false, seq_on_notify},
		     {"777;", false, seq_on_notify_777}, {"52;", true, seq_on_clipboard},
		     {"4;", false, seq_on_palette},	 {"10;", false, seq_on_foreground},
		     {"11;", false, seq_on_background},	 {"12;", false, seq_on_cursor_colour}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if ((table[i].even_overlong || !e->scan.overlong) &&
		    strncmp(e->scan.text, table[i].prefix, strlen(table[i].prefix)) == 0)
			table[i].act(e, e->scan.text + strlen(table[i].prefix));
}

/* ---- public ---- */

void seq_act(struct seq *e, enum scan_kind kind)
{
	if (kind == SCAN_OSC)
		seq_on_osc(e);
	else if (kind == SCAN_DCS)
		seq_on_dcs(e);
	else if (kind == SCAN_CSI)
		seq_find_and_act(e, seq_csi, ARRAY_LEN(seq_csi));
	else if (kind == SCAN_ESCAPE_SEQUENCE)
		seq_find_and_act(e, seq_escape, ARRAY_LEN(seq_escape));
}

void seq_set_answers(struct seq *e, bool others, bool dcs)
{
	e->begun = e->begun || (!e->mute && !scan_is_outside(&e->scan));
	e->mute = !others;
	e->mute_dcs = !dcs;
}
