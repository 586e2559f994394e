#include "base/jscan.h"
#include "base/text.h"

#include <string.h>

static bool jscan_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

char jscan_peek(struct jscan *s)
{
	while (s->at < s->end &&
	       (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
	return s->at < s->end ? *s->at : '\0';
}

bool jscan_take(struct jscan *s, char c)
{
	if (jscan_peek(s) != c || s->at == s->end)
		return false;
	s->at++;
	return true;
}

static bool jscan_hex4(struct jscan *s, unsigned *out)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++, s->at++) {
		static const char digits[] = "0123456789abcdef";
		const char *d;

		if (s->at == s->end || !*s->at)
			return false;
		d = strchr(digits, *s->at >= 'A' && *s->at <= 'F' ? *s->at + ('a' - 'A') : *s->at);
		if (!d)
			return false;
		v = v << 4 | (unsigned)(d - digits);
	}
	*out = v;
	return true;
}

/* Behind "\u". A high surrogate joins the low one that follows it. */
static bool jscan_unicode(struct jscan *s, struct buf *decoded)
{
	unsigned high;
	unsigned low;

	if (!jscan_hex4(s, &high))
		return false;
	if (high >= 0xd800 && high < 0xdc00 && s->end - s->at >= 6 && s->at[0] == '\\' &&
	    s->at[1] == 'u') {
		struct jscan ahead = {s->at + 2, s->end};

		if (!jscan_hex4(&ahead, &low)) {
			s->at = ahead.at;
			return false;
		}
		if (low >= 0xdc00 && low < 0xe000) {
			s->at = ahead.at;
			high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	if (decoded)
		text_put_utf8(decoded, high);
	return true;
}

static bool jscan_escape(struct jscan *s, struct buf *decoded)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *hit;

	if (s->at == s->end || !*s->at)
		return false;
	if (*s->at == 'u') {
		s->at++;
		return jscan_unicode(s, decoded);
	}
	hit = strchr(from, *s->at);
	if (!hit)
		return false;
	if (decoded)
		buf_add(decoded, &to[hit - from], 1);
	s->at++;
	return true;
}

bool jscan_string(struct jscan *s, struct buf *decoded)
{
	if (!jscan_take(s, '"'))
		return false;
	while (s->at < s->end) {
		const char *run = s->at;

		while (s->at < s->end && *s->at != '"' && *s->at != '\\' &&
		       (unsigned char)*s->at >= 0x20)
			s->at++;
		if (decoded)
			buf_add(decoded, run, (size_t)(s->at - run));
		if (s->at == s->end || (unsigned char)*s->at < 0x20)
			return false;
		if (*s->at++ == '"')
			return true;
		if (!jscan_escape(s, decoded))
			return false;
	}
	return false;
}

bool jscan_name(struct jscan *s, struct buf *decoded)
{
	return jscan_string(s, decoded) && jscan_take(s, ':');
}

enum jscan_step jscan_next(struct jscan *s, char closing, bool first)
{
	if (jscan_take(s, closing))
		return JSCAN_DONE;
	if (first)
		return JSCAN_MORE;
	if (!jscan_take(s, ','))
		return JSCAN_BAD;
	return jscan_peek(s) == closing ? JSCAN_BAD : JSCAN_MORE;
}

static bool jscan_digits(struct jscan *s)
{
	const char *start = s->at;

	while (s->at < s->end && jscan_is_digit(*s->at))
		s->at++;
	return s->at > start;
}

static bool jscan_number(struct jscan *s)
{
	if (*s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0')
		s->at++;
	else if (!jscan_digits(s))
		return false;
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!jscan_digits(s))
			return false;
	}
	if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		if (!jscan_digits(s))
			return false;
	}
	return true;
}

static bool jscan_word(struct jscan *s)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(s->end - s->at) >= n && memcmp(s->at, words[i], n) == 0) {
			s->at += n;
			return true;
		}
	}
	return false;
}

static bool jscan_container(struct jscan *s, char closing, unsigned depth)
{
	enum jscan_step step;

	if (depth == 0)
		return false;
	s->at++;
	for (bool first = true; (step = jscan_next(s, closing, first)) == JSCAN_MORE;
	     first = false) {
		if (closing == '}' && !jscan_name(s, NULL))
			return false;
		if (!jscan_value(s, depth - 1))
			return false;
	}
	return step == JSCAN_DONE;
}

bool jscan_value(struct jscan *s, unsigned depth)
{
	char c = jscan_peek(s);

	if (c == '{')
		return jscan_container(s, '}', depth);
	if (c == '[')
		return jscan_container(s, ']', depth);
	if (c == '"')
		return jscan_string(s, NULL);
	if (c == '-' || jscan_is_digit(c))
		return jscan_number(s);
	return jscan_word(s);
}

bool jscan_is_valid(const char *text, size_t n, size_t *bad)
{
	struct jscan s = {text, text + n};
	bool ok = jscan_value(&s, JSCAN_DEPTH_MAX);

	jscan_peek(&s);
	if (bad)
		*bad = (size_t)(s.at - text);
	return ok && s.at == s.end;
}
