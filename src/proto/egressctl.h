/* egressctl: what clients ask a session about its network, and the rows of the answer: one JSON
 * object a frame, by the tables in egressctl.c; docs/protocols has the fields. */
#ifndef CCVM_PROTO_EGRESSCTL_H
#define CCVM_PROTO_EGRESSCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/line.h"

#define EGRESSCTL_ENTRY_MAX 1024

enum egressctl_request_type {
	EGRESSCTL_NO_REQUEST,
	EGRESSCTL_LOG,
	EGRESSCTL_RULES,
	EGRESSCTL_WATCH,
	EGRESSCTL_ALLOW,
	EGRESSCTL_DENY,
};
#define EGRESSCTL_REQUESTS (EGRESSCTL_DENY + 1)

struct egressctl_request {
	enum egressctl_request_type type;
	/* of EGRESSCTL_ALLOW and EGRESSCTL_DENY: as the user wrote it */
	char entry[EGRESSCTL_ENTRY_MAX];
	bool once;
};

enum egressctl_row_type {
	EGRESSCTL_NO_ROW,
	EGRESSCTL_CONNECTION,
	EGRESSCTL_RULE,
	EGRESSCTL_DONE,
};
#define EGRESSCTL_ROWS (EGRESSCTL_DONE + 1)

struct egressctl_row { /* texts without control characters */
	enum egressctl_row_type type;
	/* a connection that the guest tried; an event of it has these fields as well */
	char verdict[8], host[256], address[48], proto[8], reason[128];
	int64_t port, count, first_ms, last_ms;
	/* a rule */
	char rule[20], entry[EGRESSCTL_ENTRY_MAX], from[16];
	/* the end of an answer; error empty: the request succeeded */
	char error[ERR_TEXT_MAX], remedy[ERR_TEXT_MAX];
};

/* Append one object, without a newline. */
void egressctl_request_put(struct buf *out, const struct egressctl_request *r);
void egressctl_row_put(struct buf *out, const struct egressctl_row *r);
/* What is malformed, or unknown, has type 0. Pure. */
void egressctl_request_parse(struct egressctl_request *r, const void *text, size_t n);
void egressctl_row_parse(struct egressctl_row *r, const void *text, size_t n);

/* The tables, by type; the first row of each is no message. */
extern const struct line_shape egressctl_requests[EGRESSCTL_REQUESTS];
extern const struct line_shape egressctl_rows[EGRESSCTL_ROWS];

#endif
