#include "term/scan.h"

#include <string.h>

enum { SCAN_GROUND, SCAN_ESCAPE, SCAN_IN_CSI, SCAN_IN_OSC, SCAN_IN_DCS, SCAN_IN_STRING };

#define SCAN_NUMBER_MAX 65535

static void scan_digit(struct scan *s, unsigned char c)
{
	int *v;

	if (s->numbers == 0) {
		s->numbers = 1;
		s->number[0] = -1;
		s->sub[0] = false;
	}
	v = &s->number[s->numbers - 1];
	*v = (*v < 0 ? 0 : *v) * 10 + (c - '0');
	if (*v > SCAN_NUMBER_MAX)
		*v = SCAN_NUMBER_MAX;
}

static void scan_separator(struct scan *s, unsigned char c)
{
	if (s->numbers == 0) {
		s->number[0] = -1;
		s->sub[0] = false;
		s->numbers = 1;
	}
	if (s->numbers == SCAN_NUMBERS)
		return; /* surplus parameters run into the last one, which is capped */
	s->number[s->numbers] = -1;
	s->sub[s->numbers++] = c == ':';
}

static void scan_begin(struct scan *s)
{
	s->state = SCAN_ESCAPE;
	s->intermediate = s->leader = s->final = 0;
	s->numbers = 0;
}

/* Controls in the middle of a sequence; those that end it have no effect of their own. */
static enum scan_kind scan_control(struct scan *s, unsigned char c)
{
	if (c == 0x1b)
		scan_begin(s);
	else if (c == 0x18 || c == 0x1a)
		s->state = SCAN_GROUND;
	else
		return SCAN_CONTROL;
	return SCAN_NOTHING;
}

static enum scan_kind scan_csi(struct scan *s, unsigned char c)
{
	if (c < 0x20)
		return scan_control(s, c);
	if (c >= '0' && c <= '9') {
		scan_digit(s, c);
	} else if (c == ';' || c == ':') {
		scan_separator(s, c);
	} else if (c >= 0x3c && c <= 0x3f) {
		s->leader = (char)c;
	} else if (c >= 0x20 && c <= 0x2f) {
		s->intermediate = (char)c;
	} else if (c >= 0x40 && c <= 0x7e) {
		s->state = SCAN_GROUND;
		s->final = (char)c;
		return SCAN_CSI;
	}
	return SCAN_NOTHING;
}

static enum scan_kind scan_escape(struct scan *s, unsigned char c)
{
	if (c < 0x20)
		return scan_control(s, c);
	if (c == 0x7f)
		return SCAN_NOTHING;
	s->state = SCAN_GROUND;
	if (c >= 0x20 && c <= 0x2f) {
		s->state = SCAN_ESCAPE;
		s->intermediate = (char)c;
	} else if (s->intermediate) {
		s->final = (char)c;
		return SCAN_ESCAPE_SEQUENCE;
	} else if (c == '[') {
		s->state = SCAN_IN_CSI;
	} else if (c == ']' || c == 'P') {
		s->state = c == ']' ? SCAN_IN_OSC : SCAN_IN_DCS;
		s->n = 0;
		s->overlong = false;
	} else if (c == 'X' || c == '^' || c == '_') {
		s->state = SCAN_IN_STRING;
	} else if (c >= 0x30 && c <= 0x7e) {
		s->final = (char)c;
		return SCAN_ESCAPE_SEQUENCE;
	}
	return SCAN_NOTHING;
}

/* *back: the byte that ended the string is to be read again, since an ESC also begins what
 * follows. */
static enum scan_kind scan_string(struct scan *s, unsigned char c, bool *back)
{
	const bool osc = s->state == SCAN_IN_OSC, dcs = s->state == SCAN_IN_DCS;

	*back = c == 0x1b;
	if (c == 0x1b || (osc && c == 0x07)) {
		s->state = SCAN_GROUND;
		s->text[osc || dcs ? s->n : 0] = '\0';
		return osc ? SCAN_OSC : dcs ? SCAN_DCS : SCAN_NOTHING;
	}
	if (c == 0x18 || c == 0x1a)
		s->state = SCAN_GROUND;
	else if ((osc || dcs) && s->n == SCAN_TEXT_MAX)
		s->overlong = true;
	else if ((osc || dcs) && c >= 0x20)
		s->text[s->n++] = (char)c;
	return SCAN_NOTHING;
}

/* Text up to the next ESC; where there is none, a sequence begins. */
static size_t scan_text(struct scan *s, const unsigned char *p, size_t n)
{
	const unsigned char *esc = memchr(p, 0x1b, n);

	if (esc == p)
		scan_begin(s);
	return esc ? (size_t)(esc - p) : n;
}

size_t scan_next(struct scan *s, const unsigned char *p, size_t n, enum scan_kind *kind)
{
	size_t i = 0;

	for (*kind = SCAN_NOTHING; i < n && *kind == SCAN_NOTHING;) {
		bool back = false;

		if (s->state == SCAN_GROUND) {
			const size_t text = scan_text(s, p + i, n - i);

			if (text && i == 0)
				*kind = SCAN_TEXT;
			if (text)
				return i + (i == 0 ? text : 0);
		} else if (s->state == SCAN_ESCAPE) {
			*kind = scan_escape(s, p[i]);
		} else if (s->state == SCAN_IN_CSI) {
			*kind = scan_csi(s, p[i]);
		} else {
			*kind = scan_string(s, p[i], &back);
		}
		i += !back;
	}
	return i;
}

bool scan_is_outside(const struct scan *s)
{
	return s->state == SCAN_GROUND;
}
