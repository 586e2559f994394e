#include "term/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The second byte decides about overlong forms, surrogates and what is beyond Unicode. */
static bool utf8_is_next(const struct utf8 *u, unsigned char byte)
{
	static const struct {
		unsigned char lead, least, most;
	} second[] = {{0xe0, 0xa0, 0xbf}, {0xed, 0x80, 0x9f}, {0xf0, 0x90, 0xbf}, {0xf4, 0x80, 0x8f}};

	for (size_t i = 0; u->n == 1 && i < sizeof(second) / sizeof(second[0]); i++)
		if (second[i].lead == u->bytes[0])
			return byte >= second[i].least && byte <= second[i].most;
	return byte >= 0x80 && byte <= 0xbf;
}

enum utf8_kind utf8_put(struct utf8 *u, unsigned char byte)
{
	if (u->n == 0) {
		if (byte < 0xc2 || byte > 0xf4)
			return UTF8_STRAY;
		u->need = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
	} else if (!utf8_is_next(u, byte)) {
		u->n = 0;
		return UTF8_BROKEN;
	}
	u->bytes[u->n++] = byte;
	return u->n == u->need ? UTF8_WHOLE : UTF8_MORE;
}

size_t utf8_ascii(const unsigned char *p, size_t n)
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
