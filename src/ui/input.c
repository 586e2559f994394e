#include "ui/input.h"
#include "base/buf.h"
#include "base/mem.h"
#include "proto/view.h"

#include <string.h>
#include <termkey.h>

#define INPUT_PASTE_MAX (1u << 20) /* a longer one is cut */
#define INPUT_NONE	-1
#define INPUT_OF_ANY	27 /* ESC [ 27 ; modifiers ; character ~ */
#define INPUT_DIGITS	7 /* of the largest character, U+10FFFF */
#define INPUT_BEGIN	"\033[200~"
#define INPUT_END	"\033[201~"

/* Where in a control sequence (ECMA-48 5.4) the next byte is. */
struct input_sequence {
	enum { INPUT_OUTSIDE, INPUT_AT_ESCAPE, INPUT_AT_START, INPUT_INSIDE } at;
	unsigned char prefix; /* one of < = > ?, or 0 */
	bool spoilt;	      /* no key: it has an intermediate byte, or a number beyond all keys */
	unsigned char digits; /* of the number that is being read */
	unsigned char numbers; /* that have begun; 4: or more */
	bool in_number;
	int first; /* the first number, or none */
	unsigned char place;  /* bytes that say where the mouse is, whatever they are: three behind ESC [ M */
};

struct input {
	TermKey *tk;
	struct input_sequence sequence;
	unsigned left; /* bytes of the character that is being read */
	struct input_callbacks cb;
	struct buf bytes; /* not given to libtermkey yet */
	struct buf paste;
	bool pasting, waiting;
};

struct input *input_new(const char *term, const struct input_callbacks *cb)
{
	TermKey *tk = termkey_new_abstract(term, TERMKEY_FLAG_UTF8 | TERMKEY_FLAG_CTRLC | TERMKEY_FLAG_NOTERMIOS);
	struct input *in;

	if (!tk)
		return NULL;
	in = mem_alloc(sizeof(*in));
	in->tk = tk;
	in->cb = *cb;
	return in;
}

void input_free(struct input *in)
{
	if (!in)
		return;
	termkey_destroy(in->tk);
	buf_fini(&in->bytes);
	buf_fini(&in->paste);
	free(in);
}

static const struct {
	TermKeySym sym;
	uint32_t code;
} input_symbols[] = {
	{TERMKEY_SYM_UP, VIEW_KEY_UP},		{TERMKEY_SYM_DOWN, VIEW_KEY_DOWN},	 {TERMKEY_SYM_LEFT, VIEW_KEY_LEFT},
	{TERMKEY_SYM_RIGHT, VIEW_KEY_RIGHT},	{TERMKEY_SYM_HOME, VIEW_KEY_HOME},	 {TERMKEY_SYM_END, VIEW_KEY_END},
	{TERMKEY_SYM_INSERT, VIEW_KEY_INSERT},	{TERMKEY_SYM_DELETE, VIEW_KEY_DELETE},	 {TERMKEY_SYM_PAGEUP, VIEW_KEY_PAGE_UP},
	{TERMKEY_SYM_PAGEDOWN, VIEW_KEY_PAGE_DOWN}, {TERMKEY_SYM_ENTER, VIEW_KEY_ENTER}, {TERMKEY_SYM_TAB, VIEW_KEY_TAB},
	{TERMKEY_SYM_BACKSPACE, VIEW_KEY_BACKSPACE}, {TERMKEY_SYM_DEL, VIEW_KEY_BACKSPACE}, {TERMKEY_SYM_ESCAPE, VIEW_KEY_ESCAPE},
	{TERMKEY_SYM_SPACE, ' '},		{TERMKEY_SYM_FIND, VIEW_KEY_HOME},	 {TERMKEY_SYM_SELECT, VIEW_KEY_END},
	{TERMKEY_SYM_KPENTER, VIEW_KEY_ENTER},
};

static unsigned input_mods(int m)
{
	return (m & TERMKEY_KEYMOD_SHIFT ? VIEW_SHIFT : 0u) | (m & TERMKEY_KEYMOD_ALT ? VIEW_ALT : 0u) |
	       (m & TERMKEY_KEYMOD_CTRL ? VIEW_CTRL : 0u);
}

/* False: a key we have no name for. */
static bool input_convert(const TermKeyKey *from, struct key *k)
{
	*k = (struct key){.mods = input_mods(from->modifiers)};
	if (from->type == TERMKEY_TYPE_UNICODE) {
		k->code = (uint32_t)from->code.codepoint;
		return view_is_char(k->code);
	}
	if (from->type == TERMKEY_TYPE_FUNCTION && from->code.number >= 1 && from->code.number <= 12) {
		k->code = VIEW_KEY_F1 + (uint32_t)from->code.number - 1;
		return true;
	}
	for (size_t i = 0; from->type == TERMKEY_TYPE_KEYSYM && i < ARRAY_LEN(input_symbols); i++)
		if (input_symbols[i].sym == from->code.sym) {
			k->code = input_symbols[i].code;
			return true;
		}
	return false;
}

static void input_on_mouse(struct input *in, const TermKeyKey *key)
{
	TermKeyMouseEvent event;
	int button = 0, row = 0, col = 0;
	unsigned code, kind;

	if (termkey_interpret_mouse(in->tk, key, &event, &button, &row, &col) != TERMKEY_RES_KEY || row < 1 || col < 1)
		return;
	kind = event == TERMKEY_MOUSE_PRESS ? 0 : event == TERMKEY_MOUSE_DRAG ? 2 : 1;
	code = button >= 4 && button <= 5 ? 60u + (unsigned)button : button >= 1 && button <= 3 ? (unsigned)button - 1 : 0;
	in->cb.on_mouse(in->cb.ctx, input_mods(key->modifiers), code, kind, row - 1, col - 1);
}

static void input_on_key(struct input *in, const TermKeyKey *key)
{
	struct key k;

	if (key->type == TERMKEY_TYPE_MOUSE)
		input_on_mouse(in, key);
	else if (input_convert(key, &k))
		in->cb.on_key(in->cb.ctx, &k);
}

static void input_drain(struct input *in, bool force)
{
	TermKeyKey key;
	TermKeyResult rc;

	/* By force until nothing is left, not once: what begins behind a half sequence may be another one. */
	while ((rc = force ? termkey_getkey_force(in->tk, &key) : termkey_getkey(in->tk, &key)) == TERMKEY_RES_KEY)
		input_on_key(in, &key);
	in->waiting = rc == TERMKEY_RES_AGAIN;
}

/* As libtermkey counts: a semicolon ends a number, an empty one too, and a digit begins the next; nothing else is between digits. */
static void input_count(struct input_sequence *q, unsigned char c)
{
	const bool digit = c >= '0' && c <= '9';

	q->digits = c == ';' ? 0 : (unsigned char)(q->digits + (digit && q->digits <= INPUT_DIGITS));
	if ((digit || c == ';') && !q->in_number && q->numbers < 4)
		q->numbers++;
	if (digit || c == ';')
		q->in_number = digit;
	if (digit && q->numbers == 1 && q->digits <= INPUT_DIGITS)
		q->first = (q->first == INPUT_NONE ? 0 : q->first) * 10 + (c - '0');
}

/* What would be read from a number that is not there. */
static bool input_lacks_number(const struct input_sequence *q, unsigned char c)
{
	return ((c == 'u' || c == '~') && q->first == INPUT_NONE) ||
	       (c == '~' && q->first == INPUT_OF_ANY && !(q->numbers == 3 && q->in_number));
}

/* libtermkey 0.22 looks a control sequence's final byte up in a table together with its prefix and intermediate bytes, far
 * behind the table's end (ESC [ / Z), and a character's number before the beginning of another when it has overflowed (ESC [
 * 4294967000 u) or is not there at all (ESC [ u). Such a sequence is no key: it is given a final byte that has no table. The one
 * prefix that is needed is that of the mouse. */
static char input_tame(struct input_sequence *q, unsigned char c)
{
	const bool first = q->at == INPUT_AT_START;
	const bool mouse = q->prefix == '<' && (c == 'M' || c == 'm') && !q->spoilt;

	if (q->place) {
		q->place--;
		return (char)c;
	}
	if (q->at == INPUT_OUTSIDE || q->at == INPUT_AT_ESCAPE) {
		const bool begins = q->at == INPUT_AT_ESCAPE && c == '[';

		*q = (struct input_sequence){begins ? INPUT_AT_START : c == '\033' ? INPUT_AT_ESCAPE : INPUT_OUTSIDE, .first = INPUT_NONE};
		return (char)c;
	}
	q->at = INPUT_INSIDE;
	if (first && c >= '<' && c <= '?')
		q->prefix = c;
	input_count(q, c);
	if ((c >= ' ' && c <= '/') || q->digits > INPUT_DIGITS)
		q->spoilt = true;
	if (c < '@' || c > '\177')
		return (char)c;
	q->at = INPUT_OUTSIDE;
	q->place = c == 'M' && !q->prefix && !q->spoilt && q->numbers < 3 ? 3 : 0;
	return q->spoilt || (q->prefix && !mouse) || input_lacks_number(q, c) ? 'z' : (char)c;
}

/* How many bytes a character has behind its first, as libtermkey counts them. */
static unsigned input_more(unsigned char first)
{
	return first < 0xc0 || first >= 0xfe ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf8 ? 3 : first < 0xfc ? 4 : 5;
}

/* n bytes for libtermkey, one by one: its buffer is small, and what it takes of many would have to be counted. A byte
 * above 0x7f that begins no character (0x9b is a control sequence's beginning to it) is not for it either. */
static void input_push(struct input *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = buf_data(&in->bytes)[i];
		const bool in_place = in->sequence.place > 0;
		char tame = input_tame(&in->sequence, c);

		if (c >= 0x80 && c < 0xc0 && !in->left && !in_place)
			tame = '\x80';
		in->left = in_place ? 0 : c >= 0x80 && c < 0xc0 ? in->left - (in->left > 0) : input_more(c);
		if (termkey_push_bytes(in->tk, &tame, 1) != 1) { /* full of what is no key: dropped */
			input_drain(in, true);
			in->sequence = (struct input_sequence){0};
			in->left = 0;
		}
		input_drain(in, false);
	}
	buf_drop(&in->bytes, n);
}

/* How many bytes at the end may be the beginning of the marker. */
static size_t input_partial(const struct buf *b, const char *marker)
{
	const size_t n = buf_len(b);
	size_t keep = strlen(marker) - 1;

	for (keep = keep < n ? keep : n; keep > 0; keep--)
		if (memcmp(buf_data(b) + n - keep, marker, keep) == 0)
			return keep;
	return 0;
}

/* Takes everything up to the marker; false: it is not there yet, and all but what may be its beginning was taken. */
static bool input_up_to(struct input *in, const char *marker, bool force)
{
	const unsigned char *at = memmem(buf_data(&in->bytes), buf_len(&in->bytes), marker, strlen(marker));
	const size_t keep = at || force ? 0 : input_partial(&in->bytes, marker);
	const size_t n = at ? (size_t)(at - buf_data(&in->bytes)) : buf_len(&in->bytes) - keep;

	if (!in->pasting) {
		input_push(in, n);
	} else {
		const size_t room = INPUT_PASTE_MAX - buf_len(&in->paste);

		buf_add(&in->paste, buf_data(&in->bytes), n < room ? n : room);
		buf_drop(&in->bytes, n);
	}
	if (at)
		buf_drop(&in->bytes, strlen(marker));
	return at != NULL;
}

static void input_process(struct input *in, bool force)
{
	while (input_up_to(in, in->pasting ? INPUT_END : INPUT_BEGIN, force)) {
		if (in->pasting)
			in->cb.on_paste(in->cb.ctx, buf_text(&in->paste));
		buf_drop(&in->paste, buf_len(&in->paste));
		in->pasting = !in->pasting;
	}
}

void input_feed(struct input *in, const char *bytes, size_t n)
{
	buf_add(&in->bytes, bytes, n);
	input_process(in, false);
}

bool input_is_waiting(const struct input *in)
{
	return in->waiting || (buf_len(&in->bytes) > 0 && !in->pasting);
}

void input_settle(struct input *in)
{
	if (in->pasting)
		return;
	input_process(in, true);
	input_drain(in, true);
	if (in->waiting) /* for the mouse's place: force does not end that */
		return;
	in->sequence = (struct input_sequence){0};
	in->left = 0;
}
