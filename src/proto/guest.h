/* guest: the messages to and from the guest on ccvm.ctl, one JSON object a line. docs/protocols has
 * the fields, from the tables in guest.c.
 *
 * The guest may be hostile: lines are at most JSON_LINE_MAX bytes, unknown types and fields are
 * ignored, texts are cut and escaped before anyone shows them, figures that cannot be true are 0.
 * Which messages count, and how often, session/guestgate.h decides. */
#ifndef CCVM_PROTO_GUEST_H
#define CCVM_PROTO_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "proto/line.h"

#define GUEST_TEXT_MAX 512

enum guest_type {
	GUEST_UNKNOWN,
	GUEST_PARKED,
	GUEST_STAGE,
	GUEST_NOTE,
	GUEST_FAILED,
	GUEST_READY,
	GUEST_REPORT,
	GUEST_SSHD_ENDED,
	GUEST_STOPPED,
	GUEST_HOOK,
	GUEST_DENIED,
	GUEST_POOL,
	GUEST_OOM,
};
#define GUEST_TYPES (GUEST_OOM + 1)

struct guest_message {
	enum guest_type type;
	char stage[64];
	char reason[GUEST_TEXT_MAX];
	int64_t ms; /* since the guest's boot, 0 when not given */
	char process[32];
	int64_t pid;
	char address[48], proto[8];
	char hook[16];
	int64_t port, count;
	int64_t pool_total_kib, pool_used_kib;
	int64_t memory_total_kib, memory_used_kib, load_milli;
};

/* One line. Pure. Anything that is not a known message is GUEST_UNKNOWN. */
void guest_parse(const char *line, size_t n, struct guest_message *m);
/* Appends the line of a known message, its newline included. */
void guest_put(struct buf *out, const struct guest_message *m);

/* Messages to ccvm-init. */
enum guest_order_type {
	GUEST_ORDER_UNKNOWN,
	GUEST_ORDER_GO,
	GUEST_ORDER_STOP,
	GUEST_ORDER_CLOCK,
	GUEST_ORDER_POOL_LIMIT,
	GUEST_ORDER_PASTE,
};
#define GUEST_ORDER_TYPES (GUEST_ORDER_PASTE + 1)

struct guest_order {
	enum guest_order_type type;
	int64_t ns;		    /* GUEST_ORDER_CLOCK: since 1970 */
	int64_t kib;		    /* GUEST_ORDER_POOL_LIMIT */
	char token[33], suffix[16]; /* GUEST_ORDER_PASTE: see proto/clip.h */
};

void guest_order_parse(const char *line, size_t n, struct guest_order *o);
void guest_order_put(struct buf *out, const struct guest_order *o);

/* The tables, by type, for docs/protocols and tests. A row without a name is no message. */
extern const struct line_shape guest_shapes[GUEST_TYPES];
extern const struct line_shape guest_order_shapes[GUEST_ORDER_TYPES];

#endif
