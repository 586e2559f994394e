#include "session/transcripts.h"
#include "base/buf.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TRANSCRIPTS_NAME_MAX 200

/* One character of UTF-8, as a decoder does that puts U+FFFD in place of a byte that begins none. */
static uint32_t transcripts_next(const unsigned char **p)
{
	static const struct {
		unsigned char mask, lead;
		unsigned more;
		uint32_t least;
	} forms[] = {{0x80, 0x00, 0, 0}, {0xe0, 0xc0, 1, 0x80}, {0xf0, 0xe0, 2, 0x800}, {0xf8, 0xf0, 3, 0x10000}};
	const unsigned char *s = (*p)++;

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		uint32_t c = s[0] & (unsigned char)~forms[i].mask;
		unsigned n = 0;

		if ((s[0] & forms[i].mask) != forms[i].lead)
			continue;
		for (; n < forms[i].more && (s[n + 1] & 0xc0) == 0x80; n++)
			c = c << 6 | (s[n + 1] & 0x3fu);
		if (n < forms[i].more || c < forms[i].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0xfffd;
		*p += n;
		return c;
	}
	return 0xfffd;
}

/* A JavaScript string's hash: h * 31 + unit, in 32 bits. */
static void transcripts_add(struct buf *name, uint32_t *hash, uint16_t unit)
{
	const bool plain = (unit >= '0' && unit <= '9') || (unit >= 'A' && unit <= 'Z') || (unit >= 'a' && unit <= 'z');
	const char c = plain ? (char)unit : '-';

	buf_add(name, &c, 1);
	*hash = *hash * 31 + unit;
}

static void transcripts_add_hash(struct buf *name, uint32_t hash)
{
	uint32_t v = hash & 0x80000000u ? -hash : hash;
	char digits[16];
	size_t n = sizeof(digits);

	do
		digits[--n] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
	while (v /= 36);
	buf_add(name, "-", 1);
	buf_add(name, digits + n, sizeof(digits) - n);
}

char *transcripts_folder(const char *workspace)
{
	AUTO_BUF struct buf name = {0};
	uint32_t hash = 0;

	for (const unsigned char *p = (const unsigned char *)workspace; *p;) {
		const uint32_t c = transcripts_next(&p);

		if (c > 0xffff) {
			transcripts_add(&name, &hash, (uint16_t)(0xd800 + ((c - 0x10000) >> 10)));
			transcripts_add(&name, &hash, (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff)));
		} else {
			transcripts_add(&name, &hash, (uint16_t)c);
		}
	}
	if (buf_len(&name) > TRANSCRIPTS_NAME_MAX) {
		buf_cut(&name, TRANSCRIPTS_NAME_MAX);
		transcripts_add_hash(&name, hash);
	}
	return mem_strdup(buf_text(&name));
}
