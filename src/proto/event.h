/* event: what happened in a session, one JSON object each: for clients, and for what users read with
 * CCVM_EVENTS. One table has all events and their members; docs/protocols/events.md is made from it.
 *
 * Members may be added; EVENT_SCHEMA changes when one changes its meaning or goes. Pure. */
#ifndef CCVM_PROTO_EVENT_H
#define CCVM_PROTO_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define EVENT_SCHEMA 1

enum event_type {
	EVENT_STATE,
	EVENT_PROGRESS,
	EVENT_NOTE,
	EVENT_RENAMED,
	EVENT_AGENT,
	EVENT_PROMPT,
	EVENT_BELL,
	EVENT_NOTIFICATION,
	EVENT_CLIP,
	EVENT_EGRESS,
	EVENT_EGRESS_QUESTION,
	EVENT_POOL,
	EVENT_OUT_OF_MEMORY,
	EVENT_FULL,
	EVENT_TYPES
};

/* All texts are borrowed, and safe to show. Of a type only what its row has is written. */
struct event {
	enum event_type type;
	/* of all but EVENT_FULL; NULL: written as null */
	int64_t time_ms, since_start_ms;
	const char *session, *name;
	/* of some; the table says of which */
	const char *state, *how, *accel, *stage, *reason, *remedy, *console, *qemu, *text, *from;
	const char *agent, *why, *title, *verdict, *kind, *host, *address, *proto, *what, *process;
	int64_t code, guest_ms, bytes, port, count, first_ms, last_ms, egress_refused, wait_ms;
	int64_t percent, total_kib, used_kib, pid, kib;
	bool asked;
};

enum event_kind {
	EVENT_TEXT,	 /* NULL: null */
	EVENT_TEXT_IF,	 /* NULL: left out */
	EVENT_NUMBER,	 /* int64_t */
	EVENT_NUMBER_IF, /* negative: left out */
	EVENT_FLAG_IF,	 /* false: left out */
};

struct event_field {
	const char *name;
	enum event_kind kind;
	size_t at; /* offset in struct event */
	const char *help;
};

struct event_row {
	const char *name;
	const struct event_field *field;
	size_t n;
	const char *help;
};
extern const struct event_row event_rows[EVENT_TYPES];
/* Members of all but EVENT_FULL, behind `event` and `schema`. */
extern const struct event_field event_common[];
extern const size_t event_common_count;

/* Appends the object, without a newline. */
void event_put(struct buf *out, const struct event *e);

#endif
