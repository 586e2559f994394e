#define NCURSES_WIDECHAR 1
#include "ui/paint.h"
#include "base/base64.h"
#include "base/mem.h"
#include "conf/env.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

#define PAINT_FALLBACK "xterm" /* what nearly every terminal of today understands */

static SCREEN *paint_screen;
static const char *paint_type;
static bool paint_colour, paint_direct, paint_kitty, paint_osc;

static void paint_raw(const char *text)
{
	(void)!write(STDOUT_FILENO, text, strlen(text));
}

static bool paint_term_is(const char *const *prefixes)
{
	const char *term = env_get(ENV_TERM);

	for (; term && *prefixes; prefixes++)
		if (strncmp(term, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

void paint_size(int *cols, int *rows)
{
	struct winsize w;

	*cols = COLS;
	*rows = LINES;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row) {
		*cols = w.ws_col;
		*rows = w.ws_row;
	}
}

/* GNU screen, once asked for the mouse, keeps an Escape to itself until the next key. A tmux in
 * it does not. */
static bool paint_has_mouse(void)
{
	const char *mouse = tigetstr("kmous"), *term = env_get(ENV_TERM);

	return mouse != NULL && mouse != (char *)-1 &&
	       (!env_get(ENV_STY) || (term && strncmp(term, "tmux", 4) == 0));
}

int paint_open(struct err *e)
{
	static const char *const kitty[] = {"xterm-kitty", "foot",	"xterm-ghostty",
					    "wezterm",	   "alacritty", NULL};
	static const char *const osc[] = {"xterm",     "tmux", "screen", "foot", "wezterm",
					  "alacritty", "rxvt", "st-",	 NULL};
	const char *term = env_get(ENV_TERM);

	paint_type = term;
	paint_screen = term && term[0] ? newterm(NULL, stdout, stdin) : NULL;
	if (!paint_screen && term && term[0])
		paint_screen = newterm(paint_type = PAINT_FALLBACK, stdout, stdin);
	if (!paint_screen) {
		err_set(e, "unknown terminal type TERM=%.100s", term ? term : "");
		err_remedy(e, "set TERM to a known type (xterm-256color fits most terminals), or "
			      "install its terminfo entry");
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	raw();
	noecho();
	nonl();
	paint_colour = !env_get(ENV_NO_COLOR) && has_colors() && start_color() == OK &&
		       use_default_colors() == OK;
	paint_direct = paint_colour && tigetflag("RGB") > 0;
	paint_kitty = paint_term_is(kitty);
	paint_osc = paint_term_is(osc);
	paint_raw("\033[?2004h");
	paint_raw(paint_has_mouse() ? "\033[?1002h\033[?1006h" : "");
	if (paint_kitty)
		paint_raw("\033[>1u");
	return 0;
}

const char *paint_terminal(void)
{
	return paint_type;
}

void paint_close(void)
{
	if (!paint_screen)
		return;
	if (paint_kitty)
		paint_raw("\033[<u");
	paint_raw("\033[?1002l\033[?1006l\033[?2004l");
	endwin();
	delscreen(paint_screen);
	paint_screen = NULL;
}

void paint_resized(void)
{
	int cols, rows;

	paint_size(&cols, &rows);
	resizeterm(rows, cols);
}

/* ---- colours ---- */

/* The nearest of a terminal's colours, by the usual 6×6×6 cube. */
static int paint_nearest(uint32_t c)
{
	const int rgb[] = {(int)(c >> 16 & 0xff), (int)(c >> 8 & 0xff), (int)(c & 0xff)};
	int index = 16, bits = 0;

	if (COLORS < 256) {
		for (int i = 0; i < 3; i++)
			bits |= (rgb[i] > 127) << i;
		return bits;
	}
	for (int i = 0; i < 3; i++)
		index += (rgb[i] < 48	 ? 0
			  : rgb[i] < 115 ? 1
					 : (rgb[i] - 35) / 40) *
			 (i == 0   ? 36
			  : i == 1 ? 6
				   : 1);
	return index;
}

/* A palette entry beyond what the terminal has; *bold where that makes the bright one of eight. */
static int paint_index(int i, attr_t *bold)
{
	static const unsigned char levels[] = {0, 95, 135, 175, 215, 255};

	if (i < COLORS && !(paint_direct && i >= 8))
		return i;
	if (i < 16) {
		*bold = A_BOLD;
		return i & 7;
	}
	if (i >= 232)
		return paint_nearest((uint32_t)(8 + (i - 232) * 10) * 0x010101u);
	i -= 16;
	return paint_nearest((uint32_t)levels[i / 36] << 16 | (uint32_t)levels[i / 6 % 6] << 8 |
			     levels[i % 6]);
}

static int paint_colour_of(uint32_t c, attr_t *bold)
{
	if (VIEW_KIND(c) == 1)
		return paint_index((int)(c & 0xff), bold);
	if (VIEW_KIND(c) == 2)
		return paint_direct ? (int)(c & 0xffffff) : paint_nearest(c);
	return -1;
}

static attr_t paint_attr(const struct view_cell *c, int *pair)
{
	static const struct {
		uint16_t bit;
		attr_t attr;
	} table[] = {{VIEW_BOLD, A_BOLD},     {VIEW_DIM, A_DIM},
		     {VIEW_ITALIC, A_ITALIC}, {VIEW_UNDERLINE, A_UNDERLINE},
		     {VIEW_BLINK, A_BLINK},   {VIEW_REVERSE, A_REVERSE},
		     {VIEW_CONCEAL, A_INVIS}};
	attr_t attr = 0;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (c->attr & table[i].bit)
			attr |= table[i].attr;
	*pair = 0;
	if (paint_colour && (c->fg || c->bg)) {
		attr_t ignored;
		int fg = paint_colour_of(c->fg, &attr), bg = paint_colour_of(c->bg, &ignored),
		    found = alloc_pair(fg, bg);

		*pair = found > 0 ? found : 0;
	}
	return attr;
}

/* ---- cells ---- */

/* What the terminal and curses agree on the width of; anything else becomes a replacement of the
 * right width. */
static void paint_cell(int row, int col, const struct view_cell *c)
{
	wchar_t text[2 + VIEW_MARKS] = {c->ch ? (wchar_t)c->ch : L' '};
	const int width = c->attr & VIEW_WIDE ? 2 : 1;
	int pair, n = 1;
	attr_t attr = paint_attr(c, &pair);
	cchar_t cell;

	if (wcwidth(text[0]) != width) {
		text[0] = L'?';
		if (width == 2)
			mvaddch(row, col + 1, ' ');
	} else {
		for (int i = 0; i < VIEW_MARKS && c->mark[i]; i++)
			if (wcwidth((wchar_t)c->mark[i]) == 0)
				text[n++] = (wchar_t)c->mark[i];
	}
	if (setcchar(&cell, text, attr, (short)pair, &pair) == OK)
		mvadd_wch(row, col, &cell);
}

void paint_show(const struct canvas *c, bool all)
{
	if (all)
		clearok(curscr, TRUE);
	erase();
	for (int row = 0; row < c->rows && row < LINES; row++)
		for (int col = 0; col < c->cols && col < COLS; col++)
			if (!(c->cells[row * c->cols + col].attr & VIEW_TAIL))
				paint_cell(row, col, &c->cells[row * c->cols + col]);
	curs_set(c->cursor_row >= 0 && c->cursor_col >= 0 ? 1 : 0);
	if (c->cursor_row >= 0 && c->cursor_col >= 0)
		move(c->cursor_row, c->cursor_col);
	refresh();
}

/* ---- the rest ---- */

void paint_bell(void)
{
	beep();
}

static void paint_osc_text(const char *number, const char *text)
{
	AUTO_FREE char *sequence = mem_format("\033]%s;%s\007", number, text);

	if (paint_osc)
		paint_raw(sequence);
}

void paint_title(const char *text)
{
	paint_osc_text("2", text);
}

void paint_notify(const char *text)
{
	paint_osc_text("9", text);
}

void paint_question(const void *bytes, size_t n)
{
	(void)!write(STDOUT_FILENO, bytes, n);
}

void paint_clipboard(const void *text, size_t n)
{
	AUTO_BUF struct buf out = {0};

	buf_addf(&out, "c;");
	base64_encode(text, n, &out);
	paint_osc_text("52", buf_text(&out));
}
