#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *bytes, size_t n, struct buf *out)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i += 3) {
		const uint32_t v = (uint32_t)p[i] << 16 |
				   (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
				   (i + 2 < n ? p[i + 2] : 0);
		const char four[] = {base64_digits[v >> 18], base64_digits[v >> 12 & 63],
				     i + 1 < n ? base64_digits[v >> 6 & 63] : '=',
				     i + 2 < n ? base64_digits[v & 63] : '='};

		buf_add(out, four, 4);
	}
}

bool base64_decode(const char *text, size_t n, struct buf *out)
{
	uint32_t v = 0;
	unsigned bits = 0;

	while (n && text[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		const char *digit = memchr(base64_digits, text[i], sizeof(base64_digits) - 1);

		if (!digit)
			return false;
		v = v << 6 | (uint32_t)(digit - base64_digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		buf_add(out, &(unsigned char){(unsigned char)(v >> bits)}, 1);
		v &= (1u << bits) - 1;
	}
	return true;
}
