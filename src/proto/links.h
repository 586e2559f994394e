/* links: the targets of linked text (OSC 8), by number: cells keep the number. The newest LINKS_MAX
 * are kept; links of older cells are dropped. ccvm-term fills one table from the guest's sequences,
 * viewers another from its frames. */
#ifndef CCVM_PROTO_LINKS_H
#define CCVM_PROTO_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define LINKS_MAX     256
#define LINKS_URI_MAX 1000

struct links {
	uint32_t last; /* the newest number */
	struct {
		uint32_t id; /* 0: none */
		char *uri;   /* owned */
	} slot[LINKS_MAX];
};

void links_fini(struct links *l);
/* Whether a URI may be kept and shown: http, https, file or mailto; printable ASCII without blanks
 * (RFC 3986 has no others, and what looks like another name cannot be made of them); no quote or
 * backslash. Pure. */
bool links_is_uri(const char *text, size_t n);
/* The number of a URI, a new one where it has none; 0 when it may not be kept. */
uint32_t links_add(struct links *l, const char *uri);
/* NULL: none, or no longer kept. Valid until the next links_add or links_take. */
const char *links_uri(const struct links *l, uint32_t id);

/* Appends a count (2 bytes) and, for each id that is known, id (4), length (2) and URI. ids may
 * hold the same one twice. */
void links_put(const struct links *l, struct buf *out, const uint32_t *ids, size_t n);
/* Reads what links_put wrote: how many bytes that was, or 0 when it is malformed. Pure but for the
 * table. */
size_t links_take(struct links *l, const unsigned char *p, size_t n);

#endif
