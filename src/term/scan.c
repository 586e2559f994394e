#include "term/scan.h"

#include <string.h>

enum { SCAN_GROUND, SCAN_ESCAPE, SCAN_IN_CSI, SCAN_IN_OSC, SCAN_IN_STRING };

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
		return; /* what is too many runs together into the last, which is capped */
	s->number[s->numbers] = -1;
	s->sub[s->numbers++] = c == ':';
}

static void scan_begin(struct scan *s, const unsigned char *esc)
{
	s->state = SCAN_ESCAPE;
	s->esc = esc;
	s->intermediate = s->leader = s->final = 0;
	s->numbers = 0;
}

/* True at the end of a sequence. */
static bool scan_csi(struct scan *s, const unsigned char *p)
{
	const unsigned char c = *p;

	if (c >= '0' && c <= '9')
		scan_digit(s, c);
	else if (c == ';' || c == ':')
		scan_separator(s, c);
	else if (c >= 0x3c && c <= 0x3f)
		s->leader = (char)c;
	else if (c >= 0x20 && c <= 0x2f)
		s->intermediate = (char)c;
	else if (c >= 0x40 && c <= 0x7e) {
		s->state = SCAN_GROUND;
		s->final = (char)c;
		return true;
	} else if (c == 0x1b)
		scan_begin(s, p);
	else if (c == 0x18 || c == 0x1a)
		s->state = SCAN_GROUND;
	else
		s->esc = NULL; /* other controls act in the middle of a sequence and do not end it */
	return false;
}

static enum scan_kind scan_escape(struct scan *s, const unsigned char *p)
{
	const unsigned char c = *p;

	s->state = SCAN_GROUND;
	if (c == 0x1b) {
		scan_begin(s, p);
	} else if (c < 0x20 && c != 0x18 && c != 0x1a) {
		s->state = SCAN_ESCAPE;
		s->esc = NULL;
	} else if (c >= 0x20 && c <= 0x2f) {
		s->state = SCAN_ESCAPE;
		s->intermediate = (char)c;
	} else if (s->intermediate) {
		s->final = (char)c;
		return SCAN_ESCAPE_SEQUENCE;
	} else if (c == '[') {
		s->state = SCAN_IN_CSI;
	} else if (c == ']') {
		s->state = SCAN_IN_OSC;
		s->n = 0;
		s->overlong = false;
		return SCAN_STRING;
	} else if (c == 'P' || c == 'X' || c == '^' || c == '_') {
		s->state = SCAN_IN_STRING;
		return SCAN_STRING;
	} else if (c >= 0x30 && c <= 0x7e) {
		s->final = (char)c;
		return SCAN_ESCAPE_SEQUENCE;
	}
	return SCAN_NOTHING;
}

/* The end of a string; *back: the byte that ended it is to be read again, since an ESC also begins what follows. */
static enum scan_kind scan_string(struct scan *s, unsigned char c, bool *back)
{
	const bool osc = s->state == SCAN_IN_OSC;

	*back = c == 0x1b;
	if (c == 0x1b || (osc && c == 0x07)) {
		s->state = SCAN_GROUND;
		s->text[osc ? s->n : 0] = '\0';
		return osc ? SCAN_OSC : SCAN_STRING_END;
	}
	if (c == 0x18 || c == 0x1a) {
		s->state = SCAN_GROUND;
		return SCAN_STRING_END;
	}
	if (osc && s->n == SCAN_TEXT_MAX)
		s->overlong = true;
	else if (osc && c >= 0x20)
		s->text[s->n++] = (char)c;
	return SCAN_NOTHING;
}

bool scan_is_in_string(const struct scan *s)
{
	return s->state == SCAN_IN_OSC || s->state == SCAN_IN_STRING;
}

size_t scan_next(struct scan *s, const unsigned char *p, size_t n, enum scan_kind *kind)
{
	*kind = SCAN_NOTHING;
	for (size_t i = 0; i < n; i++) {
		const unsigned char *esc;
		bool back = false;

		switch (s->state) {
		case SCAN_GROUND:
			esc = memchr(p + i, 0x1b, n - i);
			if (!esc)
				return n;
			i = (size_t)(esc - p);
			scan_begin(s, esc);
			break;
		case SCAN_ESCAPE:
			*kind = scan_escape(s, p + i);
			break;
		case SCAN_IN_CSI:
			if (scan_csi(s, p + i))
				*kind = SCAN_CSI;
			break;
		default:
			*kind = scan_string(s, p[i], &back);
			break;
		}
		if (*kind != SCAN_NOTHING)
			return back ? i : i + 1;
	}
	return n;
}
