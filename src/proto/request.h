/* request: a client's request for a new session, as WIRE_START carries it: one JSON object;
 * docs/protocols has its members. The workspace is the working directory ccvm-session is started
 * in, so that a path of any bytes arrives whole. */
#ifndef CCVM_PROTO_REQUEST_H
#define CCVM_PROTO_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/document.h"
#include "proto/hostenv.h"

struct request {
	char *options;	     /* owned; JSON for conf_from_json */
	struct hostenv host; /* owned; all that a session knows of the user's environment */
	bool shell;
	bool tty;   /* the agent gets a PTY */
	char *term; /* owned */
	int cols, rows;
	bool dryrun;
	bool detached; /* outlives the client that started it */
	/* started ahead of need: ends when no client is connected; a new name makes it an
	 * ordinary session */
	bool spare;
	char *name; /* owned; NULL: the directory's */
};

/* Whether a session may be called so: one line of printable text, 64 bytes at most. Pure. */
bool request_is_name(const void *text, size_t n);

/* Appends the request as JSON. Pure. */
void request_put(struct buf *out, const struct request *r);
/* The strings are the caller's to free, by request_fini. Pure. */
int request_parse(struct request *r, const void *json, size_t n, struct err *e);
void request_fini(struct request *r);

extern const struct document_shape request_shape;

#endif
