#include "client/keymatch.h"
#include "base/text.h"
#include "proto/view.h"

#include <string.h>

#define KEYMATCH_ESC 0x1b

/* Bits of a modifier parameter less one (xterm's ctlseqs, "PC-Style Function Keys"; the kitty
 * protocol, "Modifiers"). The locks above them and Super and Hyper say nothing here. */
enum { KEYMATCH_SHIFT = 1, KEYMATCH_ALT = 2, KEYMATCH_CTRL = 4, KEYMATCH_META = 32 };

/* Keys that have a final letter (ESC [ A, ESC O A), or a number before ~. */
static const struct {
	uint32_t code;
	char letter;
	unsigned number;
} keymatch_functions[] = {
	{VIEW_KEY_UP, 'A', 0},	    {VIEW_KEY_DOWN, 'B', 0},	{VIEW_KEY_RIGHT, 'C', 0},
	{VIEW_KEY_LEFT, 'D', 0},    {VIEW_KEY_HOME, 'H', 1},	{VIEW_KEY_END, 'F', 4},
	{VIEW_KEY_HOME, 0, 7},	    {VIEW_KEY_END, 0, 8},	{VIEW_KEY_INSERT, 0, 2},
	{VIEW_KEY_DELETE, 0, 3},    {VIEW_KEY_PAGE_UP, 0, 5},	{VIEW_KEY_PAGE_DOWN, 0, 6},
	{VIEW_KEY_F1, 'P', 11},	    {VIEW_KEY_F1 + 1, 'Q', 12}, {VIEW_KEY_F1 + 2, 'R', 13},
	{VIEW_KEY_F1 + 3, 'S', 14}, {VIEW_KEY_F1 + 4, 0, 15},	{VIEW_KEY_F1 + 5, 0, 17},
	{VIEW_KEY_F1 + 6, 0, 18},   {VIEW_KEY_F1 + 7, 0, 19},	{VIEW_KEY_F1 + 8, 0, 20},
	{VIEW_KEY_F1 + 9, 0, 21},   {VIEW_KEY_F1 + 10, 0, 23},	{VIEW_KEY_F1 + 11, 0, 24},
};

/* Keys that are a character of their own. */
static const struct {
	uint32_t code;
	uint32_t character;
} keymatch_characters[] = {
	{VIEW_KEY_ENTER, '\r'},
	{VIEW_KEY_TAB, '\t'},
	{VIEW_KEY_BACKSPACE, 0x7f},
	{VIEW_KEY_ESCAPE, KEYMATCH_ESC},
};

static uint32_t keymatch_character(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(keymatch_characters); i++)
		if (keymatch_characters[i].code == code)
			return keymatch_characters[i].character;
	return code;
}

/* The byte that Ctrl makes of a character (ECMA-48's C0, as terminals have them); -1: none. */
static int keymatch_control(uint32_t c)
{
	if (c == ' ' || c == '@')
		return 0;
	if (c == '?')
		return 0x7f;
	if (c == '/')
		return 0x1f;
	return (c >= 'a' && c <= 'z') || (c >= '[' && c <= '_') || (c >= 'A' && c <= 'Z')
		       ? (int)(c & 0x1f)
		       : -1;
}

/* One byte or one character, with or without ESC before it. */
static bool keymatch_is_text(const struct key *k, const unsigned char *p, size_t n)
{
	const bool alt = n > 1 && p[0] == KEYMATCH_ESC;
	const unsigned char *text = p + alt;
	const size_t length = n - alt;
	uint32_t c;

	if (length == 0 || alt != !!(k->mods & VIEW_ALT) || k->mods & VIEW_SHIFT)
		return false;
	if (k->mods & VIEW_CTRL)
		return length == 1 && keymatch_control(k->code) == text[0];
	return text_get_utf8(text, length, &c) == length && c == keymatch_character(k->code);
}

/* A parameter of a control sequence: numbers between colons. An empty one is 0. */
struct keymatch_parameter {
	unsigned sub[3];
};

#define KEYMATCH_PARAMETERS 3

/* Reads up to the final byte; false: it has something else than numbers. Later ones are left. */
static bool keymatch_read(const unsigned char *p, const unsigned char *end,
			  struct keymatch_parameter out[KEYMATCH_PARAMETERS])
{
	size_t i = 0, sub = 0;

	for (; p < end; p++) {
		if (*p == ';') {
			i++;
			sub = 0;
		} else if (*p == ':') {
			sub++;
		} else if (*p < '0' || *p > '9') {
			return false;
		} else if (i < KEYMATCH_PARAMETERS && sub < 3 && out[i].sub[sub] <= 0x10ffff) {
			out[i].sub[sub] = out[i].sub[sub] * 10 + (*p - '0');
		}
	}
	return true;
}

static unsigned keymatch_mods(unsigned parameter)
{
	const unsigned bits = parameter ? parameter - 1 : 0;

	return (bits & KEYMATCH_SHIFT ? VIEW_SHIFT : 0u) |
	       (bits & (KEYMATCH_ALT | KEYMATCH_META) ? VIEW_ALT : 0u) |
	       (bits & KEYMATCH_CTRL ? VIEW_CTRL : 0u);
}

/* The key's own code, the one with Shift, and the one of the same place on the base layout: on a
 * keyboard of another script C-b is the key where b would be. */
static bool keymatch_is_code(const struct key *k, const unsigned code[3], unsigned mods)
{
	const uint32_t wanted = keymatch_character(k->code);
	const uint32_t lower = wanted >= 'A' && wanted <= 'Z' ? wanted + 32 : wanted;

	if (mods == k->mods && (code[0] == wanted || code[0] == lower || code[2] == wanted))
		return true;
	return code[1] == wanted && mods == (k->mods | VIEW_SHIFT);
}

static bool keymatch_is_function(const struct key *k, unsigned char final, unsigned number)
{
	for (size_t i = 0; i < ARRAY_LEN(keymatch_functions); i++)
		if (keymatch_functions[i].code == k->code &&
		    (final == '~' ? number && keymatch_functions[i].number == number
				  : keymatch_functions[i].letter == (char) final))
			return true;
	return false;
}

static bool keymatch_is_sequence(const struct key *k, const unsigned char *p, size_t n)
{
	struct keymatch_parameter v[KEYMATCH_PARAMETERS] = {0};
	const unsigned char final = p[n - 1];
	unsigned code[3] = {0};

	if (!keymatch_read(p + 2, p + n - 1, v) || v[1].sub[1] == 3) /* a release */
		return false;
	if (final == 'u')
		return keymatch_is_code(k, v[0].sub, keymatch_mods(v[1].sub[0]));
	if (final == '~' && v[0].sub[0] == 27) { /* modifyOtherKeys */
		code[0] = v[2].sub[0];
		return keymatch_is_code(k, code, keymatch_mods(v[1].sub[0]));
	}
	return keymatch_mods(v[1].sub[0]) == k->mods && keymatch_is_function(k, final, v[0].sub[0]);
}

static bool keymatch_is(const struct keymatch *m)
{
	if (m->n >= 3 && m->held[0] == KEYMATCH_ESC && (m->held[1] == '[' || m->held[1] == 'O'))
		return keymatch_is_sequence(&m->key, m->held, m->n);
	return keymatch_is_text(&m->key, m->held, m->n);
}

/* How many bytes a character has in UTF-8, by its first one. */
static size_t keymatch_length(unsigned char first)
{
	return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
}

/* Whether what is held is whole: a character, ESC and a character, or a control sequence. */
static bool keymatch_is_whole(const struct keymatch *m)
{
	const unsigned char last = m->held[m->n - 1];

	if (m->n == KEYMATCH_HELD_MAX)
		return true;
	if (m->held[0] != KEYMATCH_ESC)
		return m->n >= keymatch_length(m->held[0]);
	if (m->n == 1)
		return false;
	if (m->held[1] == '[')
		return m->n > 2 && (last < ' ' || (last >= '@' && last <= '~'));
	if (m->held[1] == 'O')
		return m->n > 2 && (last < '0' || last > ';');
	return m->n > keymatch_length(m->held[1]);
}

static bool keymatch_holds(const struct keymatch *m, const char *sequence)
{
	return m->n == strlen(sequence) && memcmp(m->held, sequence, m->n) == 0;
}

/* What is held is over: the key, or it goes on its way. */
static bool keymatch_end(struct keymatch *m, bool alone, struct buf *out)
{
	const bool found = (!m->pasting || alone) && keymatch_is(m);

	if (keymatch_holds(m, "\033[200~"))
		m->pasting = true;
	else if (keymatch_holds(m, "\033[201~"))
		m->pasting = false;
	if (!found)
		buf_add(out, m->held, m->n);
	m->n = 0;
	return found;
}

bool keymatch_feed(struct keymatch *m, const void *bytes, size_t n, struct buf *out)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++) {
		/* ESC begins anew: Escape and then a key, or a sequence that was cut off. */
		if (m->n && p[i] == KEYMATCH_ESC && keymatch_end(m, false, out))
			return true;
		m->held[m->n++] = p[i];
		if (keymatch_is_whole(m) && keymatch_end(m, n == 1, out))
			return true;
	}
	return false;
}

bool keymatch_is_holding(const struct keymatch *m)
{
	return m->n > 0;
}

bool keymatch_flush(struct keymatch *m, struct buf *out)
{
	return m->n && keymatch_end(m, false, out);
}
