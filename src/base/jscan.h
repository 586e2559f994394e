/* jscan: walks JSON text (RFC 8259) strictly, without building a tree and without changing a byte.
 *
 * For uses where a tree loses information: the line of a value, duplicate names, the exact text of
 * a number. The caller recurses; every function returns false on the first byte that is not JSON,
 * with `at` on that byte. */
#ifndef CCVM_BASE_JSCAN_H
#define CCVM_BASE_JSCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define JSCAN_DEPTH_MAX 200 /* nesting beyond this is refused: the walk is recursive */

struct jscan {
	const char *at; /* borrowed text */
	const char *end;
};

enum jscan_step { JSCAN_BAD, JSCAN_MORE, JSCAN_DONE };

/* Skips white space; the byte that follows, or 0 at the end (a NUL byte is not JSON either). */
char jscan_peek(struct jscan *s);

/* Consumes this byte after white space. */
bool jscan_take(struct jscan *s, char c);

/* Consumes a string. Its decoded bytes are appended to `decoded` when that is not NULL: UTF-8, a
 * lone surrogate as its three bytes. */
bool jscan_string(struct jscan *s, struct buf *decoded);

/* Consumes a name and its colon. */
bool jscan_name(struct jscan *s, struct buf *decoded);

/* Stands behind the opening bracket (first) or behind an element: MORE when another element
 * follows, DONE when the closing bracket was consumed. */
enum jscan_step jscan_next(struct jscan *s, char closing, bool first);

/* Consumes one value of at most `depth` further levels. */
bool jscan_value(struct jscan *s, unsigned depth);

/* Whether the whole text is one JSON value. *bad (may be NULL) is the offset of the first wrong
 * byte. */
bool jscan_is_valid(const char *text, size_t n, size_t *bad);

#endif
