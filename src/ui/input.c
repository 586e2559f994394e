/* Theory of operation. The user's terminal sends characters, sequences of keys, marks of pastes,
 * and reports of the mouse, cut anywhere; a guest cannot choose them, but can have its user's
 * mouse and clipboard send what it likes.
 *
 * 1. Pastes are found first, by their marks.
 * 2. Control sequences are kept until they are whole. Reports of the mouse, in each form a
 *    terminal may have (X10, SGR 1006, urxvt 1015), are decoded here and go nowhere else,
 *    whatever TERM says: libtermkey knows those that terminfo names, and takes a form that it
 *    does not know for typed digits, which choose sessions.
 * 3. All else goes to libtermkey, but for what it would read outside of its tables (input_tame).
 * 4. A key's bytes come together. An ESC with nothing behind it for a moment is a key
 *    (input_settle); the rest of a report that comes after that still is one. A sequence that
 *    has begun is waited for. */
#include "ui/input.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "proto/view.h"

#include <string.h>
#include <termkey.h>

#define INPUT_NONE   -1
#define INPUT_OF_ANY 27 /* ESC [ 27 ; modifiers ; character ~ */
#define INPUT_DIGITS 7	/* of the largest character, U+10FFFF */
#define INPUT_BEGIN  "\033[200~"
#define INPUT_END    "\033[201~"

/* Where in a control sequence (ECMA-48 5.4) the next byte is. */
struct input_sequence {
	enum { INPUT_OUTSIDE, INPUT_AT_ESCAPE, INPUT_AT_START, INPUT_INSIDE } at;
	unsigned char prefix; /* one of < = > ?, or 0 */
	bool spoilt;	      /* no key: it has an intermediate byte, or a number beyond all keys */
	unsigned char digits; /* of the number that is being read */
	unsigned char numbers; /* that have begun; 4: or more */
	bool in_number;
	int first; /* the first number, or none */
};

#define INPUT_HELD_MAX 64 /* of a control sequence; a longer one is no key */
#define INPUT_PLACE    3  /* bytes behind ESC [ M: button, column, row */

/* A control sequence that is kept until it is whole. */
struct input_report {
	enum { REPORT_NONE, REPORT_ESCAPE, REPORT_CSI, REPORT_PLACE } at;
	unsigned char held[INPUT_HELD_MAX];
	size_t n;	 /* may be beyond: then it is dropped at its end */
	size_t given_up; /* how many bytes at its beginning went on as a key, just before */
};

struct input {
	TermKey *tk;
	struct input_report report;
	struct input_sequence sequence;
	unsigned left; /* bytes of the character that is being read */
	struct input_callbacks cb;
	struct buf bytes; /* not given to libtermkey yet */
	struct buf paste;
	bool pasting, waiting, paste_cut;
};

struct input *input_new(const char *term, const struct input_callbacks *cb)
{
	TermKey *tk = termkey_new_abstract(term, TERMKEY_FLAG_UTF8 | TERMKEY_FLAG_CTRLC |
							 TERMKEY_FLAG_NOTERMIOS);
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
	{TERMKEY_SYM_UP, VIEW_KEY_UP},
	{TERMKEY_SYM_DOWN, VIEW_KEY_DOWN},
	{TERMKEY_SYM_LEFT, VIEW_KEY_LEFT},
	{TERMKEY_SYM_RIGHT, VIEW_KEY_RIGHT},
	{TERMKEY_SYM_HOME, VIEW_KEY_HOME},
	{TERMKEY_SYM_END, VIEW_KEY_END},
	{TERMKEY_SYM_INSERT, VIEW_KEY_INSERT},
	{TERMKEY_SYM_DELETE, VIEW_KEY_DELETE},
	{TERMKEY_SYM_PAGEUP, VIEW_KEY_PAGE_UP},
	{TERMKEY_SYM_PAGEDOWN, VIEW_KEY_PAGE_DOWN},
	{TERMKEY_SYM_ENTER, VIEW_KEY_ENTER},
	{TERMKEY_SYM_TAB, VIEW_KEY_TAB},
	{TERMKEY_SYM_BACKSPACE, VIEW_KEY_BACKSPACE},
	{TERMKEY_SYM_DEL, VIEW_KEY_BACKSPACE},
	{TERMKEY_SYM_ESCAPE, VIEW_KEY_ESCAPE},
	{TERMKEY_SYM_SPACE, ' '},
	{TERMKEY_SYM_FIND, VIEW_KEY_HOME},
	{TERMKEY_SYM_SELECT, VIEW_KEY_END},
	{TERMKEY_SYM_KPENTER, VIEW_KEY_ENTER},
};

static unsigned input_mods(int m)
{
	return (m & TERMKEY_KEYMOD_SHIFT ? VIEW_SHIFT : 0u) |
	       (m & TERMKEY_KEYMOD_ALT ? VIEW_ALT : 0u) |
	       (m & TERMKEY_KEYMOD_CTRL ? VIEW_CTRL : 0u);
}

/* False: a key we have no name for. */
static bool input_convert(const TermKeyKey *from, struct key *k)
{
	*k = (struct key){.mods = input_mods(from->modifiers)};
	if (from->type == TERMKEY_TYPE_UNICODE) {
		k->code = (uint32_t)from->code.codepoint;
		return text_is_cell(k->code);
	}
	if (from->type == TERMKEY_TYPE_FUNCTION && from->code.number >= 1 &&
	    from->code.number <= 12) {
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

static void input_on_key(struct input *in, const TermKeyKey *key)
{
	struct key k;

	if (input_convert(key, &k))
		in->cb.on_key(in->cb.ctx, &k);
}

static void input_drain(struct input *in, bool force)
{
	TermKeyKey key;
	TermKeyResult rc;

	/* By force until nothing is left, not once: what begins behind a half sequence may be
	 * another one. */
	while ((rc = force ? termkey_getkey_force(in->tk, &key) : termkey_getkey(in->tk, &key)) ==
	       TERMKEY_RES_KEY)
		input_on_key(in, &key);
	in->waiting = rc == TERMKEY_RES_AGAIN;
}

/* As libtermkey counts: a semicolon ends a number, an empty one too, and a digit begins the
 * next; nothing else is between digits. */
static void input_count(struct input_sequence *q, unsigned char c)
{
	const bool digit = c >= '0' && c <= '9';

	q->digits = c == ';' ? 0
			     : (unsigned char)(q->digits + (digit && q->digits <= INPUT_DIGITS));
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

/* libtermkey 0.22 looks a control sequence's final byte up in a table together with its prefix
 * and intermediate bytes, far behind the table's end (ESC [ / Z), and a character's number
 * before the beginning of another when it has overflowed (ESC [ 4294967000 u) or is not there at
 * all (ESC [ u). Such a sequence is no key: it is given a final byte that has no table. */
static char input_tame(struct input_sequence *q, unsigned char c)
{
	const bool first = q->at == INPUT_AT_START;

	if (q->at == INPUT_OUTSIDE || q->at == INPUT_AT_ESCAPE) {
		const bool begins = q->at == INPUT_AT_ESCAPE && c == '[';

		*q = (struct input_sequence){begins	   ? INPUT_AT_START
					     : c == '\033' ? INPUT_AT_ESCAPE
							   : INPUT_OUTSIDE,
					     .first = INPUT_NONE};
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
	return q->spoilt || q->prefix || input_lacks_number(q, c) ? 'z' : (char)c;
}

/* How many bytes a character has behind its first, as libtermkey counts them. */
static unsigned input_more(unsigned char first)
{
	return first < 0xc0 || first >= 0xfe ? 0
	       : first < 0xe0		     ? 1
	       : first < 0xf0		     ? 2
	       : first < 0xf8		     ? 3
	       : first < 0xfc		     ? 4
					     : 5;
}

/* A byte for libtermkey; one by one, since its buffer is small, and what it takes of many would
 * have to be counted. A byte above 0x7f that begins no character is not for it either. */
static void input_give(struct input *in, unsigned char c)
{
	char tame = input_tame(&in->sequence, c);

	if (c >= 0x80 && c < 0xc0 && !in->left)
		tame = '\x80';
	in->left = c >= 0x80 && c < 0xc0 ? in->left - (in->left > 0) : input_more(c);
	if (termkey_push_bytes(in->tk, &tame, 1) != 1) { /* full of what is no key: dropped */
		input_drain(in, true);
		in->sequence = (struct input_sequence){0};
		in->left = 0;
	}
	input_drain(in, false);
}

/* ---- reports of the mouse ---- */

#define INPUT_PLACE_MAX 10000 /* rows and columns of any terminal */

/* code: as in all forms, without the 32 that some add. released: the form says so itself. */
static void input_on_mouse(struct input *in, unsigned code, unsigned col, unsigned row,
			   bool released)
{
	const unsigned mods = (code & 4 ? VIEW_SHIFT : 0u) | (code & 8 ? VIEW_ALT : 0u) |
			      (code & 16 ? VIEW_CTRL : 0u);
	const bool wheel = code & 64, moved = code & 32 && !wheel, none = (code & 3) == 3;
	const unsigned kind = moved ? 2 : released || (none && !wheel) ? 1 : 0;

	/* Not the buttons beyond, not the wheel sidewards, not a move with no button held:
	 * nothing here has a use for them. */
	if (code & ~127u || (wheel && (code & 2)) || (moved && none) || (wheel && released))
		return;
	if (row < 1 || col < 1 || row > INPUT_PLACE_MAX || col > INPUT_PLACE_MAX)
		return;
	in->cb.on_mouse(in->cb.ctx, mods,
			wheel  ? 64 + (code & 1)
			: none ? 0
			       : code & 3,
			kind, (int)row - 1, (int)col - 1);
}

/* Three numbers up to the final byte; false: it is something else. */
static bool input_numbers(const unsigned char *p, const unsigned char *end, unsigned out[3])
{
	for (size_t i = 0; i < 3; i++) {
		size_t digits = 0;

		for (out[i] = 0; p < end && *p >= '0' && *p <= '9' && digits < 6; p++, digits++)
			out[i] = out[i] * 10 + (unsigned)(*p - '0');
		if (!digits || p == end || (i < 2 && *p++ != ';'))
			return false;
	}
	return p + 1 == end;
}

/* A whole sequence: true when it is the mouse's, well-formed or not; nothing of it is a key then. */
static bool input_is_report(struct input *in)
{
	struct input_report *r = &in->report;
	const unsigned char final = r->held[r->n - 1];
	const bool sgr = r->held[2] == '<';
	unsigned v[3];

	if (!sgr && (final != 'M' || (r->held[2] >= '<' && r->held[2] <= '?')))
		return false;
	if (input_numbers(r->held + 2 + sgr, r->held + r->n, v) && (sgr || v[0] >= 32))
		input_on_mouse(in, sgr ? v[0] : v[0] - 32, v[1], v[2], final == 'm');
	return true;
}

static void input_give_held(struct input *in)
{
	const struct input_report r = in->report;

	in->report = (struct input_report){0};
	for (size_t i = 0; i < r.n && i < INPUT_HELD_MAX; i++)
		input_give(in, r.held[i]);
}

static void input_hold(struct input_report *r, unsigned char c)
{
	if (r->n < INPUT_HELD_MAX)
		r->held[r->n] = c;
	r->n += r->n <= INPUT_HELD_MAX;
}

static void input_byte(struct input *in, unsigned char c);

/* In a control sequence (ECMA-48 5.4). */
static void input_csi_byte(struct input *in, unsigned char c)
{
	struct input_report *r = &in->report;

	if (c < ' ' || c > '~') { /* it is broken off: what there was of it is no key */
		*r = (struct input_report){0};
		input_byte(in, c);
		return;
	}
	input_hold(r, c);
	if (c < '@')
		return;
	if (r->n == 3 && c == 'M')
		r->at = REPORT_PLACE;
	else if (r->n > INPUT_HELD_MAX || input_is_report(in))
		*r = (struct input_report){0};
	else
		input_give_held(in);
}

static void input_place_byte(struct input *in, unsigned char c)
{
	struct input_report *r = &in->report;
	const unsigned char *p = r->held + 3;

	input_hold(r, c);
	if (r->n < 3 + INPUT_PLACE)
		return;
	if (p[0] >= 32 && p[1] > 32 && p[2] > 32)
		input_on_mouse(in, p[0] - 32u, p[1] - 32u, p[2] - 32u, false);
	*r = (struct input_report){0};
}

static void input_byte(struct input *in, unsigned char c)
{
	struct input_report *r = &in->report;

	if (r->at == REPORT_CSI) {
		input_csi_byte(in, c);
	} else if (r->at == REPORT_PLACE) {
		input_place_byte(in, c);
	} else if (c == '\033' || (r->at == REPORT_NONE && c == 0x9b && !in->left)) {
		input_give_held(in);
		input_hold(r, '\033');
		r->at = REPORT_ESCAPE;
		if (c == 0x9b)
			input_byte(in, '[');
	} else if (r->at == REPORT_ESCAPE && c == '[') {
		input_hold(r, c);
		r->at = REPORT_CSI;
	} else {
		input_give_held(in);
		input_give(in, c);
	}
}

/* The rest of a report whose ESC, or ESC [, was given up on: a slow line cuts anywhere. Nobody
 * types that in one go. */
static bool input_goes_on(const struct input *in, const unsigned char *p, size_t n)
{
	const size_t more = in->report.given_up == 1 ? 1 : 0;

	if (!in->report.given_up || n < more + 2 || (more && p[0] != '['))
		return false;
	p += more;
	n -= more;
	return (p[0] == '<' && p[1] >= '0' && p[1] <= '9') ||
	       (p[0] == 'M' && n >= 1 + INPUT_PLACE) ||
	       (p[0] >= '0' && p[0] <= '9' && memchr(p, ';', n) && memchr(p, 'M', n));
}

static void input_push(struct input *in, size_t n)
{
	const size_t given_up = in->report.given_up;

	if (n && input_goes_on(in, buf_data(&in->bytes), n)) {
		in->report = (struct input_report){0};
		for (size_t i = 0; i < given_up; i++)
			input_byte(in, (unsigned char)"\033["[i]);
	}
	if (n)
		in->report.given_up = 0;
	for (size_t i = 0; i < n; i++)
		input_byte(in, buf_data(&in->bytes)[i]);
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

static void input_forget_paste(struct input *in)
{
	buf_fini(&in->paste);
	in->paste = (struct buf){0};
}

/* Takes everything up to the marker; false: it is not there yet, and all but what may be its
 * beginning was taken. */
static bool input_up_to(struct input *in, const char *marker, bool force)
{
	const unsigned char *at = memmem(buf_data(&in->bytes), buf_len(&in->bytes), marker,
					 strlen(marker));
	const size_t keep = at || force ? 0 : input_partial(&in->bytes, marker);
	const size_t n = at ? (size_t)(at - buf_data(&in->bytes)) : buf_len(&in->bytes) - keep;

	if (!in->pasting) {
		input_push(in, n);
	} else {
		in->paste_cut = in->paste_cut || n > INPUT_PASTE_MAX - buf_len(&in->paste);
		if (in->paste_cut)
			input_forget_paste(in);
		else
			buf_add(&in->paste, buf_data(&in->bytes), n);
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
			in->cb.on_paste(in->cb.ctx, buf_text(&in->paste), buf_len(&in->paste),
					!in->paste_cut);
		input_forget_paste(in); /* it may have been large */
		in->paste_cut = false;
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
	const struct input_report *r = &in->report;

	return in->waiting || (r->at != REPORT_NONE && r->n <= 2) ||
	       (buf_len(&in->bytes) > 0 && !in->pasting);
}

void input_settle(struct input *in)
{
	size_t n;

	if (in->pasting)
		return;
	input_process(in, true);
	n = in->report.n;
	if (in->report.at != REPORT_NONE && n <= 2) {
		input_give_held(in);
		in->report.given_up = n;
	}
	input_drain(in, true);
	in->sequence = (struct input_sequence){0};
	in->left = 0;
}
