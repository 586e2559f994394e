#include "base/text.h"
#include "base/mem.h"

#include <string.h>

/* ---- UTF-8 ---- */

static unsigned char text_length(unsigned char lead)
{
	return lead < 0x80   ? 1
	       : lead < 0xc2 ? 0
	       : lead < 0xe0 ? 2
	       : lead < 0xf0 ? 3
	       : lead < 0xf5 ? 4
			     : 0;
}

/* Whether a byte may stand at place `at` behind the lead. The second byte decides about overlong
 * forms, surrogates and what is beyond Unicode. */
static bool text_is_next(unsigned char lead, size_t at, unsigned char byte)
{
	unsigned char least = 0x80, most = 0xbf;

	if (at == 1) {
		least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : least;
		most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : most;
	}
	return byte >= least && byte <= most;
}

size_t text_get_utf8(const unsigned char *p, size_t n, uint32_t *ch)
{
	const size_t length = n ? text_length(p[0]) : 0;

	if (length == 0 || length > n)
		return 0;
	*ch = length == 1 ? p[0] : p[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (!text_is_next(p[0], i, p[i]))
			return 0;
		*ch = *ch << 6 | (p[i] & 0x3f);
	}
	return length;
}

void text_put_utf8(struct buf *out, uint32_t ch)
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	const size_t n = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;
	unsigned char b[4];

	for (size_t i = n - 1; i > 0; i--, ch >>= 6)
		b[i] = (unsigned char)(0x80 | (ch & 0x3f));
	b[0] = (unsigned char)(lead[n] | ch);
	buf_add(out, b, n);
}

size_t text_ascii(const unsigned char *p, size_t n)
{
	size_t i = 0;
	uint64_t eight;

	for (; i + sizeof(eight) <= n; i += sizeof(eight)) {
		memcpy(&eight, p + i, sizeof(eight));
		if (eight & 0x8080808080808080u)
			break;
	}
	while (i < n && p[i] < 0x80)
		i++;
	return i;
}

bool text_is_utf8(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n;) {
		uint32_t ch;
		const size_t length = text_get_utf8(p + i, n - i, &ch);

		if (length == 0 || ch == 0)
			return false;
		i += length;
	}
	return true;
}

enum text_utf8_kind text_utf8_put(struct text_utf8 *u, unsigned char byte)
{
	if (u->n == 0) {
		u->need = text_length(byte);
		if (u->need < 2)
			return TEXT_UTF8_STRAY;
	} else if (!text_is_next(u->bytes[0], u->n, byte)) {
		u->n = 0;
		return TEXT_UTF8_BROKEN;
	}
	u->bytes[u->n++] = byte;
	return u->n == u->need ? TEXT_UTF8_WHOLE : TEXT_UTF8_MORE;
}

/* ---- characters that may be shown ---- */

/* Characters not listed here are allowed everywhere. Joiners and selectors of emoji may stand in a
 * cell, whose width is ours, but not in a line. */
static const struct {
	uint32_t from, to;
	bool cell;
} text_hidden[] = {
	/* controls; some terminals act on C1 too */
	{0, 0x1f, false},
	{0x7f, 0x9f, false},
	{0x00ad, 0x00ad, true},	 /* soft hyphen */
	{0x061c, 0x061c, false}, /* mark of direction */
	{0x180e, 0x180e, true},	 /* Mongolian vowel separator */
	{0x200b, 0x200d, true},	 /* zero width space, joiners */
	{0x200e, 0x200f, false},
	{0x2028, 0x202e, false}, /* direction, line separators */
	/* word joiner, invisible operators */
	{0x2060, 0x2065, true},
	{0x2066, 0x2069, false},       /* direction */
	{0x206a, 0x206f, true},	       /* deprecated format characters */
	{0xd800, 0xdfff, false},       /* surrogates */
	{0xfeff, 0xfeff, true},	       /* byte order mark */
	{0xfff9, 0xfffb, false},       /* annotations */
	{0xe0000, 0xe0fff, false},     /* tags */
	{0x110000, UINT32_MAX, false}, /* beyond Unicode */
};

static bool text_may_stand(uint32_t ch, bool in_cell)
{
	if (ch >= 0x20 && ch < 0x7f)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(text_hidden) && text_hidden[i].from <= ch; i++)
		if (ch <= text_hidden[i].to)
			return in_cell && text_hidden[i].cell;
	return true;
}

bool text_is_cell(uint32_t ch)
{
	return text_may_stand(ch, true);
}

bool text_is_shown(uint32_t ch)
{
	return text_may_stand(ch, false);
}

/* ---- words ---- */

char *text_next_word(char **rest, const char *separators)
{
	char *word = *rest + strspn(*rest, separators);
	const size_t n = strcspn(word, separators);

	if (n == 0)
		return NULL;
	*rest = word + n + (word[n] != '\0');
	word[n] = '\0';
	return word;
}
