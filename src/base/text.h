/* text: UTF-8 (RFC 3629), and which characters may be shown to a user. Pure.
 *
 * Texts of a guest reach terminals, logs and JSON. One decoder and one table serve all of them, so
 * that no place accepts what another refuses. */
#ifndef CCVM_BASE_TEXT_H
#define CCVM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* ---- UTF-8 ---- */

/* Reads one character of well-formed UTF-8: its length, or 0 when none begins here (overlong forms,
 * surrogates, code points beyond U+10FFFF and cut sequences are invalid; NUL is valid). */
size_t text_get_utf8(const unsigned char *p, size_t n, uint32_t *ch);
/* Appends a code point. A surrogate is written as its three bytes, which text_get_utf8 refuses. */
void text_put_utf8(struct buf *out, uint32_t ch);
/* How many bytes from p on are ASCII. */
size_t text_ascii(const unsigned char *p, size_t n);
/* Whether all n bytes are well-formed UTF-8 without NUL. */
bool text_is_utf8(const void *bytes, size_t n);

/* Characters that arrive byte by byte (Unicode 15, 3.9, table 3-7). */
struct text_utf8 {
	unsigned char bytes[4];
	unsigned char n, need; /* so many are there, of so many */
};

enum text_utf8_kind {
	TEXT_UTF8_MORE,	  /* taken; the character is not complete */
	TEXT_UTF8_WHOLE,  /* taken; bytes and n are the character; the caller sets n to 0 */
	TEXT_UTF8_BROKEN, /* not taken: the n bytes before are no character; n is 0 now */
	TEXT_UTF8_STRAY,  /* taken: the byte begins no character */
};

/* A byte of 0x80 or more, or any byte where n is not 0. */
enum text_utf8_kind text_utf8_put(struct text_utf8 *u, unsigned char byte);

/* ---- characters that may be shown ---- */

/* In a cell of a screen, where position and width are ours: no control, surrogate, line separator,
 * mark of direction or tag. */
bool text_is_cell(uint32_t ch);
/* In a line that a terminal or an editor lays out: text_is_cell, and nothing that is invisible and
 * so could hide in a name. */
bool text_is_shown(uint32_t ch);

/* ---- words ---- */

/* The next word of a text, cut off in place; NULL: there is none. *rest is moved behind it. */
char *text_next_word(char **rest, const char *separators);

#endif
