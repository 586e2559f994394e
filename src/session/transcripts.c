#include "session/transcripts.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TRANSCRIPTS_NAME_MAX 200

/* One character of UTF-8, as a decoder does that puts U+FFFD in place of a byte that begins none. */
static uint32_t transcripts_next(const unsigned char **p)
{
	uint32_t ch;
	const size_t n = text_get_utf8(*p, strlen((const char *)*p), &ch);

	*p += n ? n : 1;
	return n ? ch : 0xfffd;
}

/* A JavaScript string's hash: h * 31 + unit, in 32 bits. */
static void transcripts_add(struct buf *name, uint32_t *hash, uint16_t unit)
{
	const bool plain = (unit >= '0' && unit <= '9') || (unit >= 'A' && unit <= 'Z') ||
			   (unit >= 'a' && unit <= 'z');
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
