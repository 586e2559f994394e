/* termfilter_check: whether bytes hold nothing that termfilter is to filter. It looks for the
 * constructs themselves, wherever they are, and shares nothing with the filter. Aborts with what
 * it found. */
#ifndef CCVM_TESTS_UNIT_TERMFILTER_CHECK_H
#define CCVM_TESTS_UNIT_TERMFILTER_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "proto/view.h"

static inline void check_die(const char *what, const unsigned char *p, size_t n, size_t at)
{
	fprintf(stderr, "%s at %zu of:", what, at);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " %02x", p[i]);
	fprintf(stderr, "\n");
	abort();
}

/* Behind ESC ]: a number of the list, a bounded text without controls, and its end. */
static inline void check_osc(const unsigned char *p, size_t n, size_t at)
{
	static const int allowed[] = {0,   1,	2,   4,	  5,   7,   8,	 9,   10,  11,	12,  13,
				      14,  15,	16,  17,  18,  19,  22,	 66,  104, 105, 110, 111,
				      112, 113, 114, 115, 116, 117, 118, 119, 133, 777};
	size_t i = at + 2, digits = i;
	int number = 0;
	bool found = false;

	for (; i < n && p[i] >= '0' && p[i] <= '9'; i++)
		number = number < 100000 ? number * 10 + (p[i] - '0') : number;
	for (size_t k = 0; k < sizeof(allowed) / sizeof(allowed[0]); k++)
		found = found || allowed[k] == number;
	if (i == digits || !found)
		check_die("OSC", p, n, at);
	while (i < n && p[i] >= ' ')
		i++;
	if (i == n || (p[i] != 7 && !(p[i] == 27 && i + 1 < n && p[i + 1] == '\\')))
		check_die("OSC without an end", p, n, at);
}

/* Behind ESC [: numbers, a final byte, and nothing that stays on unseen or prints. */
static inline void check_csi(const unsigned char *p, size_t n, size_t at)
{
	size_t i = at + 2;
	char final;

	while (i < n && p[i] >= ' ' && p[i] <= '?')
		i++;
	if (i == n)
		check_die("CSI without an end", p, n, at);
	final = (char)p[i];
	if (strchr("]ioqyzw|}~", final) && (p[i - 1] < ' ' || p[i - 1] > '/') &&
	    !(final == 'q' && p[at + 2] == '>'))
		check_die("CSI", p, n, at);
	if ((p[at + 2] == '>' && strchr("tTpsf", final)) ||
	    (p[i - 1] == '$' && strchr("}~|", final)) ||
	    (p[i - 1] == '\'' && strchr("z{w", final)) || (p[i - 1] == '"' && final == 'p'))
		check_die("what is not undone", p, n, at);
	if (memchr(p + at, ':', i - at) && (final != 'm' || p[at + 2] == '>'))
		check_die("a colon", p, n, at);
	if ((final == 'h' || final == 'l') && i - at == 4 && p[at + 2] == '?' && p[at + 3] == '2')
		check_die("VT52", p, n, at);
	if (final == 't' && i - at == 4 && p[at + 2] == '2' &&
	    (p[at + 3] == '0' || p[at + 3] == '1'))
		check_die("a report of the title", p, n, at);
}

static inline void check_filtered(const unsigned char *p, size_t n, bool answers)
{
	for (size_t i = 0; i < n;) {
		uint32_t ch;
		const size_t length = text_get_utf8(p + i, n - i, &ch);

		if (p[i] >= 0x80 && !length)
			check_die("no UTF-8", p, n, i);
		if (length && ch >= 0x80 && ch < 0xa0)
			check_die("C1", p, n, i);
		if (p[i] == 27 && i + 1 == n)
			check_die("half a sequence", p, n, i);
		if (p[i] == 27 && strchr("PX^_k", p[i + 1]) && p[i + 1])
			check_die("a string", p, n, i);
		if (p[i] == 27 && (p[i + 1] == '%' || p[i + 1] == ' '))
			check_die("a coding", p, n, i);
		if (p[i] == 27 && p[i + 1] == ']')
			check_osc(p, n, i);
		if (p[i] == 27 && p[i + 1] == '[')
			check_csi(p, n, i);
		if (!answers && (p[i] == 5 || (p[i] == 27 && p[i + 1] == 'Z')))
			check_die("a question", p, n, i);
		i += p[i] >= 0x80 ? length : 1;
	}
}

#endif
