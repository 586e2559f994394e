/* Theory of operation. The bytes are a guest's, and the terminal is the user's.
 *
 * 1. Outside of sequences, runs of ASCII and whole characters of UTF-8 pass. A byte that is none
 *    becomes U+FFFD: terminals differ in what they make of it, and an overlong or broken form
 *    may be a control to one of them. A C1 control, as a byte or as U+0080 to U+009F, is read as
 *    xterm reads it: as ESC and a letter. So no C1 is ever written.
 * 2. A sequence is kept until it is whole, and then decided by tables: dropped, or written as it
 *    came. The terminal never sees half of one, so that nothing that is written between two
 *    calls can end up inside.
 * 3. A string (OSC, DCS, APC, PM, SOS, and screen's title, ESC k) ends with ST, and OSC with
 *    BEL; ESC and anything else ends it too, as in xterm, and begins anew. Of OSC what is on the
 *    list passes; it is kept whole, so one that is too long is dropped.
 * 4. What asks the terminal something passes only where this terminal is the one that answers:
 *    ccvm-session says so, in the stream (WIRE_ANSWERS). What asks for the clipboard, the title
 *    or the like, whose answer is somebody else's words, never passes.
 * 5. What passes and stays (modes, the keyboard's protocol, colours, …) is noted, and undone by
 *    termfilter_undo. What cannot be noted, or switches off what the guest did not switch on,
 *    does not pass; of several modes in one sequence those pass that may.
 * 6. With `open` strings and bytes pass as they are; 4 and 5 hold all the same, for the 7-bit
 *    forms. */
#include "client/termfilter.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/text.h"
#include "proto/view.h"

#include <stdlib.h>
#include <string.h>

/* From OSC on: strings. */
enum { GROUND, ESCAPE, ESCAPE_MORE, CSI, OSC, STRING, STRING_ESCAPE, OSC_ESCAPE };

/* ---- what is kept ---- */

static void termfilter_hold(struct termfilter *f, unsigned char c)
{
	if (f->n < TERMFILTER_HELD_MAX)
		f->held[f->n++] = c;
	else
		f->overlong = true;
}

static void termfilter_forget(struct termfilter *f)
{
	f->n = 0;
	f->overlong = false;
	f->state = GROUND;
}

static void termfilter_pass(struct termfilter *f, struct buf *out)
{
	if (!f->overlong || f->open)
		buf_add(out, f->held, f->n);
	termfilter_forget(f);
}

/* ---- control sequences ---- */

struct termfilter_csi {
	char leader, intermediate, final;
	int number[4]; /* -1: left out */
	size_t numbers;
	const char *text; /* behind the leader, up to the final byte */
	size_t n;
};

static void termfilter_read_numbers(struct termfilter_csi *s)
{
	const char *p = s->text, *end = p + s->n;

	for (s->numbers = 0; s->numbers < ARRAY_LEN(s->number); s->numbers++)
		s->number[s->numbers] = -1;
	for (s->numbers = 0; p < end && s->numbers < ARRAY_LEN(s->number); p++) {
		int *v = &s->number[s->numbers];

		if (*p >= '0' && *p <= '9')
			*v = *v < 0 ? *p - '0' : *v < 100000 ? *v * 10 + (*p - '0') : *v;
		else if (*p == ';')
			s->numbers++;
	}
	s->numbers += s->numbers < ARRAY_LEN(s->number) && s->n > 0;
}

static struct termfilter_csi termfilter_read_csi(const struct termfilter *f)
{
	struct termfilter_csi s = {
		.text = (const char *)f->held + 2, .n = f->n - 3, .final = (char)f->held[f->n - 1]};

	if (s.n && s.text[0] >= '<' && s.text[0] <= '?') {
		s.leader = *s.text++;
		s.n--;
	}
	if (s.n && s.text[s.n - 1] >= ' ' && s.text[s.n - 1] <= '/')
		s.intermediate = s.text[--s.n];
	termfilter_read_numbers(&s);
	return s;
}

enum verdict { PASS, ASKS, NEVER };

/* What is not here never passes: printing, lights, status lines, how titles are coded, the Linux
 * console's own; nor an unknown leader before a known question, because a terminal may overlook
 * what it does not know. */
static const struct {
	char leader, intermediate;
	const char *finals;
	enum verdict verdict;
} termfilter_csis[] = {
	{0, 0, "@ABCDEFGHIJKLMPSTXZ`abdefghlmrstu", PASS},
	{'?', 0, "JKhlrs", PASS},
	{'>', 0, "mnu", PASS},
	{'<', 0, "u", PASS},
	{'=', 0, "u", PASS},
	{0, ' ', "@Aq", PASS},	  /* SL, SR, DECSCUSR */
	{0, '!', "p", PASS},	  /* DECSTR */
	{0, '"', "q", PASS},	  /* DECSCA */
	{0, '$', "rtvxz{", PASS}, /* rectangles */
	{0, '*', "x", PASS},	  /* DECSACE */
	{0, '\'', "}~", PASS},	  /* DECIC, DECDC */
	{0, '#', "pqPQ{}", PASS}, /* stacks of attributes and colours */
	{0, 0, "cnx", ASKS},	  /* DA1, DSR, DECREQTPARM */
	{'?', 0, "nuSm", ASKS},	  /* DSR, the keyboard's flags, XTSMGRAPHICS, XTQMODKEYS */
	{'>', 0, "cq", ASKS},	  /* DA2, XTVERSION */
	{'=', 0, "c", ASKS},	  /* DA3 */
	{0, '$', "pwu", ASKS},	  /* DECRQM, DECRQPSR, DECRQTSR */
	{'?', '$', "p", ASKS},	  /* DECRQM */
	{0, '*', "y", ASKS},	  /* DECRQCRA: a checksum of what is on the screen */
	{0, '#', "RS", ASKS},	  /* XTREPORTCOLORS, XTTITLEPOS */
	{0, '\'', "|", ASKS},	  /* DECRQLP */
	{0, '&', "u", ASKS},	  /* DECRQUPSS */
	{0, '"', "v", ASKS},	  /* DECRQDE */
};

static enum verdict termfilter_judge_window(const struct termfilter_csi *s)
{
	const int what = s->number[0];

	if (what == 20 || what == 21) /* CVE-2003-0063: the answer has the guest's words */
		return NEVER;
	return what == 11 || (what >= 13 && what <= 19) ? ASKS : PASS;
}

static enum verdict termfilter_judge_csi(const struct termfilter_csi *s)
{
	for (size_t i = 0; i < ARRAY_LEN(termfilter_csis); i++)
		if (termfilter_csis[i].leader == s->leader &&
		    termfilter_csis[i].intermediate == s->intermediate &&
		    strchr(termfilter_csis[i].finals, s->final))
			return s->final == 't' && !s->leader && !s->intermediate
				       ? termfilter_judge_window(s)
				       : termfilter_csis[i].verdict;
	return NEVER;
}

/* Modes that are on in a terminal as it is found: the cursor, wrapping, repeating keys; no echo
 * of its own. */
static bool termfilter_is_usual(int number, bool ansi)
{
	return ansi ? number == 12 : number == 7 || number == 8 || number == 25;
}

/* VT52, which reads other sequences, and a locked keyboard; and what is on in one terminal and
 * off in another, so that nobody can undo it: scrolling by arrow keys, and what Alt and NumLock
 * do. */
static bool termfilter_is_foreign(int number)
{
	static const int modes[] = {2, 1007, 1034, 1035, 1036, 1037, 1039};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (modes[i] == number)
			return true;
	return false;
}

/* Whether it passes: noted, or back to what it was. */
static bool termfilter_note_mode(struct termfilter *f, int number, bool ansi, char final)
{
	/* Restored (r), it may be anything. */
	const bool usual = termfilter_is_usual(number, ansi),
		   changed = final == 'r' || (final == 'h') != usual;
	size_t i = 0;

	if (final == 's' || (number == 1048 && !ansi)) /* the cursor's place */
		return true;
	while (i < f->modes && (f->mode[i].number != number || f->mode[i].ansi != ansi))
		i++;
	if (termfilter_is_foreign(number) || (changed && i == TERMFILTER_MODES) ||
	    (!changed && i == f->modes && !usual))
		return false;
	if (changed && i == f->modes)
		f->mode[f->modes++] = (struct termfilter_mode){number, ansi};
	else if (!changed && i < f->modes)
		f->mode[i] = f->mode[--f->modes];
	if (!ansi && (number == 47 || number == 1047 || number == 1049))
		f->alternate = changed;
	return true;
}

static bool termfilter_is_modes(const struct termfilter_csi *s)
{
	return !s->intermediate && ((s->leader == '?' && strchr("hlrs", s->final)) ||
				    (!s->leader && strchr("hl", s->final)));
}

/* Those of the sequence that may. */
static void termfilter_pass_modes(struct termfilter *f, const struct termfilter_csi *s,
				  struct buf *out)
{
	const char *p = s->text, *end = p + s->n, *separator = s->leader ? "\033[?" : "\033[";
	bool any = false;

	while (p < end) {
		int number = 0;

		for (; p < end && *p != ';'; p++)
			number = number * 10 + (*p - '0');
		p += p < end;
		if (!termfilter_note_mode(f, number, !s->leader, s->final))
			continue;
		buf_addf(out, "%s%d", separator, number);
		separator = ";";
		any = true;
	}
	if (any)
		buf_add(out, &s->final, 1);
	termfilter_forget(f);
}

/* Kitty's stack of the keyboard: a program pops no more than it pushed, or it would pop what the
 * user's shell did. */
static bool termfilter_note_kitty(struct termfilter *f, const struct termfilter_csi *s)
{
	int *depth = &f->kitty[f->alternate];
	const int wanted = s->number[0] > 0 ? s->number[0] : 1;

	if (s->leader == '>' && *depth == TERMFILTER_PUSHED_MAX)
		return false;
	if (s->leader == '>')
		++*depth;
	else if (s->leader == '=')
		f->kitty_set = f->kitty_set || !*depth;
	else if (s->leader == '<' && wanted > *depth)
		return false;
	else if (s->leader == '<')
		*depth -= wanted;
	return true;
}

static bool termfilter_note_title(struct termfilter *f, const struct termfilter_csi *s)
{
	if (s->number[0] == 22 && f->titles >= TERMFILTER_PUSHED_MAX)
		return false;
	if (s->number[0] == 22)
		f->titles++;
	else if (s->number[0] == 23 && f->titles <= f->title_saved)
		return false;
	else if (s->number[0] == 23)
		f->titles--;
	return true;
}

/* XTMODKEYS, and n to switch one off; without a number m resets all, and n is about the second. */
static bool termfilter_note_modify(struct termfilter *f, const struct termfilter_csi *s)
{
	const int which = s->number[0] < 0 && s->final == 'n' ? 2 : s->number[0];

	if (which >= 0 && which < 8)
		f->modify |= (unsigned char)(1u << which);
	return which < 8;
}

/* What stays; false: it would undo what is not the guest's. */
static bool termfilter_note_csi(struct termfilter *f, const struct termfilter_csi *s)
{
	const bool plain = !s->leader && !s->intermediate;

	if (s->final == 'm' && plain)
		f->styled = true;
	else if (s->leader == '>' && !s->intermediate && strchr("mn", s->final))
		return termfilter_note_modify(f, s);
	else if ((s->final == 'r' || s->final == 's') && plain)
		f->margins = true;
	else if (s->final == 'q' && s->intermediate == ' ')
		f->shaped = true;
	else if (s->final == 'u' && s->leader)
		return termfilter_note_kitty(f, s);
	else if (s->final == 't' && plain)
		return termfilter_note_title(f, s);
	return true;
}

/* Numbers and their separators, nothing else: what is out of its place is read differently by
 * different terminals. So are parts behind a colon, but in attributes, and numbers beyond what
 * anything means. */
static bool termfilter_is_sound(const struct termfilter_csi *s)
{
	const bool colons = s->final == 'm' && !s->leader && !s->intermediate;
	int digits = 0;

	for (size_t i = 0; i < s->n; i++) {
		const char c = s->text[i];
		const bool digit = c >= '0' && c <= '9';

		digits = digit ? digits + 1 : 0;
		if (digits > 5 || (!digit && c != ';' && !(colons && c == ':')))
			return false;
	}
	return true;
}

static void termfilter_end_csi(struct termfilter *f, struct buf *out)
{
	const struct termfilter_csi s = termfilter_read_csi(f);
	const enum verdict v = termfilter_judge_csi(&s);
	const bool allowed = termfilter_is_sound(&s) && (f->open || v != NEVER) &&
			     (f->answers || v != ASKS);

	if (f->overlong || !allowed)
		termfilter_forget(f);
	else if (termfilter_is_modes(&s))
		termfilter_pass_modes(f, &s, out);
	else if (!termfilter_note_csi(f, &s))
		termfilter_forget(f);
	else
		termfilter_pass(f, out);
}

/* ---- other sequences ---- */

static void termfilter_reset(struct termfilter *f)
{
	f->modes = 0;
	f->kitty[0] = f->kitty[1] = 0;
	f->alternate = f->shaped = f->keypad = f->margins = f->charset = f->kitty_set = false;
	f->modify = 0;
}

/* ESC, with intermediate bytes perhaps, and a final one. */
static void termfilter_end_escape(struct termfilter *f, struct buf *out)
{
	const unsigned char first = f->held[1];

	if (first == 'c')
		termfilter_reset(f);
	else if (first == '=')
		f->keypad = true;
	else if (first == '>')
		f->keypad = false;
	else if (strchr("()*+-./no|}~", first))
		f->charset = true;
	/* DECID asks. Another coding (ESC %) or 8-bit answers (ESC SP) would change what bytes
	 * mean, ESC l locks the screen, ESC G asked rxvt (CVE-2021-33477). */
	if ((first == 'Z' && !f->answers) || (!f->open && strchr("!\"$%&', Gl\\", first)))
		termfilter_forget(f);
	else
		termfilter_pass(f, out);
}

/* ---- OSC ---- */

enum osc_note {
	OSC_NOTHING,
	OSC_TITLE,
	OSC_PALETTE,
	OSC_COLOUR,
	OSC_LINK,
	OSC_PROGRESS,
	OSC_POINTER
};

/* Of OSC 9 a notification, or progress: other numbers are commands of ConEmu's, macros and
 * messages among them. */
static bool termfilter_is_notice(const char *text)
{
	const size_t n = strcspn(text, ";");

	return strncmp(text, "4;", 2) == 0 || strspn(text, "0123456789 +-.") < n;
}

static bool termfilter_is_notify(const char *text)
{
	return strncmp(text, "notify;", 7) == 0;
}

/* All others are dropped: clipboards (52, 1337, 5522), files (46, 1337, 5113), fonts (50),
 * properties of windows (3). */
static const struct {
	int from, to;
	enum osc_note note;
	bool may_ask;
	bool (*form)(const char *text); /* NULL: any */
} termfilter_oscs[] = {
	{0, 2, OSC_TITLE, false, NULL},
	{4, 5, OSC_PALETTE, true, NULL},
	{7, 7, OSC_NOTHING, false, NULL},
	{8, 8, OSC_LINK, false, NULL},
	{9, 9, OSC_PROGRESS, false, termfilter_is_notice},
	{10, 19, OSC_COLOUR, true, NULL},
	{22, 22, OSC_POINTER, true, NULL},
	{66, 66, OSC_NOTHING, false, NULL},
	{104, 105, OSC_NOTHING, false, NULL},
	{110, 119, OSC_NOTHING, false, NULL},
	{133, 133, OSC_NOTHING, false, NULL},
	{777, 777, OSC_NOTHING, false, termfilter_is_notify},
};

/* Which of them it is; none: the number of all. text: behind the number. */
static size_t termfilter_find_osc(int64_t number, const char *text)
{
	size_t i = 0;

	while (i < ARRAY_LEN(termfilter_oscs) &&
	       (number < termfilter_oscs[i].from || number > termfilter_oscs[i].to))
		i++;
	if (number < 0 || (*text && *text != ';'))
		return ARRAY_LEN(termfilter_oscs);
	if (i < ARRAY_LEN(termfilter_oscs) && termfilter_oscs[i].form &&
	    !termfilter_oscs[i].form(*text ? text + 1 : text))
		return ARRAY_LEN(termfilter_oscs);
	return i;
}

static void termfilter_note_osc(struct termfilter *f, enum osc_note note, int number,
				const char *text, struct buf *out)
{
	if (note == OSC_TITLE && !f->title_saved) {
		buf_add(out, "\033[22;0t", 7);
		f->title_saved = true;
		f->titles++;
	} else if (note == OSC_PALETTE) {
		f->colours |= 1;
	} else if (note == OSC_COLOUR) {
		f->colours |= (uint16_t)(2u << (number - 10));
	} else if (note == OSC_LINK) {
		f->link = true;
	} else if (note == OSC_PROGRESS && strncmp(text, "4;", 2) == 0) {
		f->progress = true;
	} else if (note == OSC_POINTER) {
		f->pointer = true;
	}
}

/* Where a parameter is a question mark. */
static bool termfilter_osc_asks(const char *text)
{
	for (const char *p = text; p; p = strchr(p, ';')) {
		p += *p == ';';
		if (*p == '?')
			return true;
	}
	return false;
}

/* held is ESC ] and the text; how it ended: BEL or ST. */
static void termfilter_end_osc(struct termfilter *f, const char *ending, struct buf *out)
{
	AUTO_FREE char *text = mem_strndup((const char *)f->held + 2, f->n - 2);
	int64_t number = -1;
	const char *behind = text[0] == '-' ? NULL : number_take(text, &number),
		   *rest = behind ? behind : text;
	const size_t i = termfilter_find_osc(number, rest);

	if (i < ARRAY_LEN(termfilter_oscs) && termfilter_oscs[i].may_ask &&
	    termfilter_osc_asks(rest)) {
		if (!f->answers) {
			termfilter_forget(f);
			return;
		}
	} else if (i < ARRAY_LEN(termfilter_oscs) && !f->overlong) {
		termfilter_note_osc(f, termfilter_oscs[i].note, (int)number,
				    *rest ? rest + 1 : rest, out);
	} else if (!f->open) {
		termfilter_forget(f);
		return;
	}
	termfilter_pass(f, out);
	buf_add(out, ending, strlen(ending));
}

/* ---- bytes ---- */

static void termfilter_byte(struct termfilter *f, unsigned char c, struct buf *out);

static void termfilter_begin(struct termfilter *f)
{
	termfilter_forget(f);
	f->state = ESCAPE;
	termfilter_hold(f, '\033');
}

static void termfilter_on_ground(struct termfilter *f, unsigned char c, struct buf *out)
{
	if (c == '\033')
		termfilter_begin(f);
	else if (c != 0x05 || f->answers) /* ENQ asks, too */
		buf_add(out, &c, 1);
	if (c == 0x0e)
		f->charset = true;
}

static void termfilter_on_escape(struct termfilter *f, unsigned char c, struct buf *out)
{
	if (c == '\033') {
		termfilter_begin(f);
	} else if (c == 0x18 || c == 0x1a) {
		termfilter_forget(f);
	} else if (c < ' ') {
		termfilter_on_ground(f, c, out); /* acts at once */
	} else if (c == 0x7f) {
		return;
	} else {
		const bool first = f->n == 1;

		termfilter_hold(f, c);
		if (c <= '/')
			f->state = ESCAPE_MORE;
		else if (first && c == '[')
			f->state = CSI;
		else if (first && c == ']')
			f->state = OSC;
		else if (first && strchr("PX^_k", c))
			f->state = STRING;
		else
			termfilter_end_escape(f, out);
	}
}

static void termfilter_on_csi(struct termfilter *f, unsigned char c, struct buf *out)
{
	if (c == '\033') {
		termfilter_begin(f);
	} else if (c == 0x18 || c == 0x1a) {
		termfilter_forget(f);
	} else if (c < ' ') {
		termfilter_on_ground(f, c, out);
	} else if (c != 0x7f) {
		termfilter_hold(f, c);
		if (c >= '@')
			termfilter_end_csi(f, out);
	}
}

/* A string that is too long to be kept passes piece by piece where nothing is filtered. */
static void termfilter_hold_string(struct termfilter *f, unsigned char c, struct buf *out)
{
	if (f->open && f->n == TERMFILTER_HELD_MAX) {
		buf_add(out, f->held, f->n);
		f->n = 0;
		f->overlong = true;
	}
	termfilter_hold(f, c);
	if (!f->open && f->n == TERMFILTER_HELD_MAX)
		f->overlong = true;
}

/* CAN; the terminal is told where it has a part of the string. */
static void termfilter_cancel(struct termfilter *f, struct buf *out)
{
	if (f->open && f->overlong)
		buf_add(out, "\030", 1);
	termfilter_forget(f);
}

static void termfilter_on_osc(struct termfilter *f, unsigned char c, struct buf *out)
{
	if (c == 0x07)
		termfilter_end_osc(f, "\007", out);
	else if (c == '\033')
		f->state = OSC_ESCAPE;
	else if (c == 0x18 || c == 0x1a)
		termfilter_cancel(f, out);
	else if (c >= ' ')
		termfilter_hold_string(f, c, out);
}

/* The ESC of ST, or of what begins anew. */
static void termfilter_on_osc_escape(struct termfilter *f, unsigned char c, struct buf *out)
{
	if (c == '\\') {
		termfilter_end_osc(f, "\033\\", out);
		return;
	}
	termfilter_begin(f);
	termfilter_byte(f, c, out);
}

/* DCS that asks (XTGETTCAP, DECRQSS); the answer to it is not this terminal's. */
static bool termfilter_string_asks(const struct termfilter *f)
{
	return f->n >= 4 && f->held[1] == 'P' &&
	       (memcmp(f->held + 2, "+q", 2) == 0 || memcmp(f->held + 2, "$q", 2) == 0);
}

static void termfilter_on_string(struct termfilter *f, unsigned char c, struct buf *out)
{
	if (c == '\033')
		f->state = STRING_ESCAPE;
	else if (c == 0x18 || c == 0x1a)
		termfilter_cancel(f, out);
	else if (f->open)
		termfilter_hold_string(f, c, out);
}

static void termfilter_on_string_escape(struct termfilter *f, unsigned char c, struct buf *out)
{
	if (c == '\\') {
		const bool passes = f->open && (f->answers || !termfilter_string_asks(f));

		if (!passes)
			termfilter_forget(f);
		else
			termfilter_pass(f, out);
		if (passes)
			buf_add(out, "\033\\", 2);
		return;
	}
	termfilter_begin(f);
	termfilter_byte(f, c, out);
}

static void termfilter_byte(struct termfilter *f, unsigned char c, struct buf *out)
{
	static void (*const states[])(struct termfilter * f, unsigned char c, struct buf *out) = {
		[GROUND] = termfilter_on_ground,
		[ESCAPE] = termfilter_on_escape,
		[ESCAPE_MORE] = termfilter_on_escape,
		[CSI] = termfilter_on_csi,
		[OSC] = termfilter_on_osc,
		[STRING] = termfilter_on_string,
		[STRING_ESCAPE] = termfilter_on_string_escape,
		[OSC_ESCAPE] = termfilter_on_osc_escape,
	};

	if (c == '\n' && f->lines && !f->open && f->state >= OSC)
		termfilter_forget(f);
	states[f->state](f, c, out);
}

/* A character beyond ASCII: text, also of a string; anywhere else it breaks a sequence off. */
static void termfilter_character(struct termfilter *f, const unsigned char *p, size_t n,
				 struct buf *out)
{
	if (f->state == OSC || (f->state == STRING && f->open)) {
		for (size_t i = 0; i < n; i++)
			termfilter_hold_string(f, p[i], out);
		return;
	}
	if (f->state == STRING)
		return;
	termfilter_forget(f);
	buf_add(out, p, n);
}

/* U+0080 to U+009F, or such a byte: ESC and a letter. */
static void termfilter_c1(struct termfilter *f, unsigned char c, struct buf *out)
{
	termfilter_byte(f, '\033', out);
	termfilter_byte(f, (unsigned char)(c - 0x40), out);
}

/* Bytes that are no character. */
static void termfilter_broken(struct termfilter *f, const unsigned char *p, size_t n,
			      struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		if (f->open)
			termfilter_character(f, p + i, 1, out);
		else if (p[i] >= 0x80 && p[i] < 0xa0)
			termfilter_c1(f, p[i], out);
		else
			termfilter_character(f, (const unsigned char *)"\xef\xbf\xbd", 3, out);
}

static void termfilter_whole(struct termfilter *f, const unsigned char *p, size_t n,
			     struct buf *out)
{
	if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0 && !f->open)
		termfilter_c1(f, p[1], out);
	else
		termfilter_character(f, p, n, out);
}

/* One byte of 0x80 and more, or one behind a character that is not whole. False: not taken. */
static bool termfilter_utf8(struct termfilter *f, unsigned char c, struct buf *out)
{
	const size_t before = f->utf8.n;

	switch (text_utf8_put(&f->utf8, c)) {
	case TEXT_UTF8_BROKEN:
		termfilter_broken(f, f->utf8.bytes, before, out);
		return false;
	case TEXT_UTF8_STRAY:
		termfilter_broken(f, &c, 1, out);
		return true;
	case TEXT_UTF8_WHOLE:
		f->utf8.n = 0;
		termfilter_whole(f, f->utf8.bytes, before + 1, out);
		return true;
	case TEXT_UTF8_MORE:
		break;
	}
	return true;
}

/* Bytes from p on that are text: neither ESC nor another control that is looked at, nor beyond
 * ASCII but for whole characters. */
static const unsigned char *termfilter_text(const unsigned char *p, const unsigned char *end)
{
	while (p < end) {
		uint32_t ch;
		size_t n;

		while (p < end && *p < 0x80 && *p != '\033' && *p != 0x05 && *p != 0x0e)
			p++;
		if (p == end || *p < 0x80)
			break;
		n = text_get_utf8(p, (size_t)(end - p), &ch);
		if (!n || ch < 0xa0)
			break;
		p += n;
	}
	return p;
}

void termfilter_feed(struct termfilter *f, const void *bytes, size_t n, struct buf *out)
{
	const unsigned char *p = bytes, *end = p + n;

	while (p < end) {
		if (f->state == GROUND && !f->utf8.n) {
			const unsigned char *text = termfilter_text(p, end);

			buf_add(out, p, (size_t)(text - p));
			p = text;
			if (p == end)
				return;
		}
		if (f->utf8.n || *p >= 0x80) {
			p += termfilter_utf8(f, *p, out);
			continue;
		}
		termfilter_byte(f, *p, out);
		p++;
	}
}

/* ---- the end ---- */

static void termfilter_undo_modes(const struct termfilter *f, struct buf *out)
{
	for (size_t i = 0; i < f->modes; i++) {
		const struct termfilter_mode *m = &f->mode[i];

		if (m->ansi || (m->number != 47 && m->number != 1047 && m->number != 1049 &&
				m->number != 1048))
			buf_addf(out, "\033[%s%d%c", m->ansi ? "" : "?", m->number,
				 termfilter_is_usual(m->number, m->ansi) ? 'h' : 'l');
	}
}

static void termfilter_undo_screen(const struct termfilter *f, struct buf *out)
{
	for (size_t i = 0; i < f->modes; i++)
		if (!f->mode[i].ansi && (f->mode[i].number == 47 || f->mode[i].number == 1047 ||
					 f->mode[i].number == 1049))
			buf_addf(out, "\033[?%dl", f->mode[i].number);
}

static void termfilter_undo_keys(const struct termfilter *f, int screen, struct buf *out)
{
	if (f->kitty[screen])
		buf_addf(out, "\033[<%du", f->kitty[screen]);
}

static void termfilter_undo_colours(const struct termfilter *f, struct buf *out)
{
	if (f->colours & 1)
		buf_addf(out, "\033]104\033\\");
	for (int i = 0; i < 10; i++)
		if (f->colours & 2u << i)
			buf_addf(out, "\033]%d\033\\", 110 + i);
}

void termfilter_undo(struct termfilter *f, struct buf *out)
{
	const struct {
		bool wanted;
		const char *text;
	} table[] = {
		{f->styled, "\033[0m"},		  {f->link, "\033]8;;\033\\"},
		{f->shaped, "\033[0 q"},	  {f->keypad, "\033>"},
		{f->charset, "\033(B\033)B\017"}, {f->progress, "\033]9;4;0\033\\"},
		{f->pointer, "\033]22;\033\\"},	  {f->kitty_set, "\033[=0u"},
		{f->margins, "\0337\033[r\0338"}, /* which moves the cursor */
	};

	termfilter_cancel(f, out);
	termfilter_undo_modes(f, out);
	if (f->alternate)
		termfilter_undo_keys(f, 1, out);
	termfilter_undo_screen(f, out);
	termfilter_undo_keys(f, 0, out);
	for (int i = 0; i < 8; i++)
		if (f->modify & 1 << i)
			buf_addf(out, "\033[>%dm", i);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].wanted)
			buf_add(out, table[i].text, strlen(table[i].text));
	termfilter_undo_colours(f, out);
	for (; f->titles > 0; f->titles--)
		buf_addf(out, "\033[23;0t");
	*f = (struct termfilter){.open = f->open, .lines = f->lines, .answers = f->answers};
}
