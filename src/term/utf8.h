/* utf8: puts characters together that come byte by byte (Unicode 15, 3.9, table 3-7). Pure. */
#ifndef CCVM_TERM_UTF8_H
#define CCVM_TERM_UTF8_H

#include <stddef.h>

struct utf8 {
	unsigned char bytes[4];
	unsigned char n, need; /* so many are there, of so many */
};

enum utf8_kind {
	UTF8_MORE,   /* taken; the character is not whole */
	UTF8_WHOLE,  /* taken; bytes and n are the character; the caller sets n to 0 */
	UTF8_BROKEN, /* not taken: what came before is no character, and is gone */
	UTF8_STRAY,  /* taken: the byte begins no character */
};

/* A byte of 0x80 or more, or any byte where n is not 0. */
enum utf8_kind utf8_put(struct utf8 *u, unsigned char byte);
/* How many bytes from p on are ASCII. */
size_t utf8_ascii(const unsigned char *p, size_t n);

#endif
