#include "term/keyenc.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

/* CSI number ~, CSI letter, or a control character. */
static const struct {
	uint32_t key;
	char letter; /* CSI [1;mods] letter; SS3 letter in application mode */
	int number;  /* CSI number [;mods] ~ */
	/* plain; with modifiers as CSI character;mods u where the program knows that */
	int character;
} keyenc_keys[] = {
	{VIEW_KEY_UP, 'A', 0, 0},	 {VIEW_KEY_DOWN, 'B', 0, 0},   {VIEW_KEY_RIGHT, 'C', 0, 0},
	{VIEW_KEY_LEFT, 'D', 0, 0},	 {VIEW_KEY_HOME, 'H', 0, 0},   {VIEW_KEY_END, 'F', 0, 0},
	{VIEW_KEY_INSERT, 0, 2, 0},	 {VIEW_KEY_DELETE, 0, 3, 0},   {VIEW_KEY_PAGE_UP, 0, 5, 0},
	{VIEW_KEY_PAGE_DOWN, 0, 6, 0},	 {VIEW_KEY_ENTER, 0, 0, 13},   {VIEW_KEY_TAB, 0, 0, 9},
	{VIEW_KEY_BACKSPACE, 0, 0, 127}, {VIEW_KEY_ESCAPE, 0, 0, 27},  {VIEW_KEY_F1, 'P', 0, 0},
	{VIEW_KEY_F1 + 1, 'Q', 0, 0},	 {VIEW_KEY_F1 + 2, 'R', 0, 0}, {VIEW_KEY_F1 + 3, 'S', 0, 0},
	{VIEW_KEY_F1 + 4, 0, 15, 0},	 {VIEW_KEY_F1 + 5, 0, 17, 0},  {VIEW_KEY_F1 + 6, 0, 18, 0},
	{VIEW_KEY_F1 + 7, 0, 19, 0},	 {VIEW_KEY_F1 + 8, 0, 20, 0},  {VIEW_KEY_F1 + 9, 0, 21, 0},
	{VIEW_KEY_F1 + 10, 0, 23, 0},	 {VIEW_KEY_F1 + 11, 0, 24, 0},
};

static bool keyenc_is_ss3(uint32_t key, unsigned modes)
{
	return (key >= VIEW_KEY_F1 && key < VIEW_KEY_F1 + 4) ||
	       ((modes & VIEW_CURSOR_KEYS) && key <= VIEW_KEY_END);
}

static void keyenc_control(struct buf *out, uint32_t key, int character, unsigned mods,
			   unsigned modes)
{
	if (key == VIEW_KEY_TAB && mods == VIEW_SHIFT) {
		buf_add(out, "\033[Z", 3);
		return;
	}
	if (mods && (modes & VIEW_KITTY_KEYS)) {
		buf_addf(out, "\033[%d;%uu", character, mods + 1);
		return;
	}
	if (mods & VIEW_ALT ||
	    (key == VIEW_KEY_ENTER && (mods & VIEW_SHIFT))) /* as terminals are set up for claude */
		buf_add(out, "\033", 1);
	buf_add(out, (const char[]){(char)character}, 1);
}

static void keyenc_named(struct buf *out, uint32_t key, unsigned mods, unsigned modes)
{
	for (size_t i = 0; i < ARRAY_LEN(keyenc_keys); i++) {
		if (keyenc_keys[i].key != key)
			continue;
		if (keyenc_keys[i].character)
			keyenc_control(out, key, keyenc_keys[i].character, mods, modes);
		else if (keyenc_keys[i].number && mods)
			buf_addf(out, "\033[%d;%u~", keyenc_keys[i].number, mods + 1);
		else if (keyenc_keys[i].number)
			buf_addf(out, "\033[%d~", keyenc_keys[i].number);
		else if (mods)
			buf_addf(out, "\033[1;%u%c", mods + 1, keyenc_keys[i].letter);
		else
			buf_addf(out, "\033%c%c", keyenc_is_ss3(key, modes) ? 'O' : '[',
				 keyenc_keys[i].letter);
	}
}

/* What Ctrl makes of a character; -1: nothing. */
static int keyenc_ctrl(uint32_t ch)
{
	if (ch >= 'a' && ch <= 'z')
		return (int)ch - 'a' + 1;
	if (ch >= '@' && ch <= '_')
		return (int)ch - '@';
	return ch == ' ' ? 0 : ch == '?' ? 127 : ch == '/' ? 31 : -1;
}

void keyenc_key(struct buf *out, uint32_t code, unsigned mods, unsigned modes)
{
	int control = -1;

	if (code >= VIEW_KEY_BASE) {
		keyenc_named(out, code, mods, modes);
		return;
	}
	if (mods & VIEW_CTRL) {
		control = keyenc_ctrl(code);
		if (control < 0 || (modes & VIEW_KITTY_KEYS && mods & ~(unsigned)VIEW_CTRL)) {
			if (modes & VIEW_KITTY_KEYS)
				buf_addf(out, "\033[%u;%uu", code, mods + 1);
			return;
		}
	}
	if (control < 0 && !text_is_cell(code))
		return;
	if (mods & VIEW_ALT)
		buf_add(out, "\033", 1);
	if (control >= 0)
		buf_add(out, (const char[]){(char)control}, 1);
	else
		text_put_utf8(out, code);
}

void keyenc_bracket(struct buf *out, bool opens)
{
	buf_add(out, opens ? "\033[200~" : "\033[201~", 6);
}

void keyenc_paste(struct buf *out, const unsigned char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = text_get_utf8(text + i, n - i, &ch);

		if (len && ch == '\n')
			buf_add(out, "\r", 1);
		else if (len && (ch == '\t' || ch == '\r' || text_is_cell(ch)))
			buf_add(out, text + i, len);
		i += len ? len : 1;
	}
}

void keyenc_mouse(struct buf *out, unsigned mods, unsigned button, unsigned kind, unsigned row,
		  unsigned col, unsigned modes)
{
	const unsigned wanted = VIEW_MOUSE_CLICK | VIEW_MOUSE_DRAG | VIEW_MOUSE_MOVE;
	unsigned code = button + (mods & VIEW_SHIFT ? 4 : 0) + (mods & VIEW_ALT ? 8 : 0) +
			(mods & VIEW_CTRL ? 16 : 0);

	if (!(modes & wanted) || row >= VIEW_ROWS_MAX || col >= VIEW_COLS_MAX ||
	    (kind == 2 && !(modes & (VIEW_MOUSE_DRAG | VIEW_MOUSE_MOVE))))
		return;
	if (kind == 2)
		code += 32;
	if (modes & VIEW_MOUSE_SGR) {
		buf_addf(out, "\033[<%u;%u;%u%c", code, col + 1, row + 1, kind == 1 ? 'm' : 'M');
	} else if (row < 223 && col < 223) {
		const unsigned char bytes[] = {0x1b,
					       '[',
					       'M',
					       (unsigned char)(32 + (kind == 1 ? 3 : code)),
					       (unsigned char)(33 + col),
					       (unsigned char)(33 + row)};

		buf_add(out, bytes, sizeof(bytes));
	}
}

void keyenc_focus(struct buf *out, bool gained, unsigned modes)
{
	if (modes & VIEW_FOCUS_EVENTS)
		buf_add(out, gained ? "\033[I" : "\033[O", 3);
}
