/* pack: small files in one, for a reader that pays for each file it opens.
 *
 * A sequence of entries: one byte, the length of the name; the name; four bytes, the length of the
 * content, least significant first; the content. Nothing behind the last one. */
#ifndef CCVM_BASE_PACK_H
#define CCVM_BASE_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define PACK_NAME_MAX                                                                              \
	63 /* of a-z, 0-9, '_', '-' and '.', which may not be first: a file name, never a path */

struct pack_entry {
	char name[PACK_NAME_MAX + 1];
	const uint8_t *bytes; /* in what was given to pack_next */
	size_t n;
};

/* Appends an entry. Fails on a name that pack_next would refuse, and on more than 4 GiB - 1. */
int pack_add(struct buf *out, const char *name, const void *bytes, size_t n, struct err *e);

/* Reads the entry at *at of n bytes and moves *at behind it. 1: an entry, 0: the end, -1: not a
 * pack. A pure function of hostile bytes (tests/fuzz/pack.c). */
int pack_next(const void *bytes, size_t n, size_t *at, struct pack_entry *entry, struct err *e);

#endif
