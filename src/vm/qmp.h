/* qmp: a client of QEMU's machine protocol (docs/interop/qmp-spec of QEMU): bytes in, bytes out, no
 * I/O.
 *
 * QEMU runs hostile code, so its messages are bounded: lines of at most QMP_LINE_MAX bytes, of
 * JSON; anything else ends the link. */
#ifndef CCVM_VM_QMP_H
#define CCVM_VM_QMP_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define QMP_LINE_MAX 65536

struct qmp;

struct qmp_callbacks {
	/* Bytes for QEMU; they must be queued whole. */
	void (*on_output)(void *ctx, const void *bytes, size_t n);
	/* An event, with its data object (may be none); both borrowed until return. */
	void (*on_event)(void *ctx, const char *name, struct json_value data);
	void *ctx;
};

/* The answer to a command: error is NULL or QEMU's text; both borrowed until return. */
typedef void qmp_reply(void *ctx, struct json_value value, const char *error);

struct qmp *qmp_new(const struct qmp_callbacks *callbacks);
void qmp_free(struct qmp *q); /* pending replies are never called */

/* Feeds what QEMU sent. -1: the stream is not QMP; the link is unusable. */
int qmp_feed(struct qmp *q, const void *bytes, size_t n, struct err *e);

/* Sends a command; arguments is JSON text of an object, or NULL. Before the greeting it is queued.
 * reply may be NULL. */
void qmp_execute(struct qmp *q, const char *command, const char *arguments, qmp_reply *reply,
		 void *ctx);

/* What one line is; pure, for tests and fuzzing. */
enum qmp_kind { QMP_BAD, QMP_GREETING, QMP_RETURN, QMP_ERROR, QMP_EVENT };
enum qmp_kind qmp_classify(const char *line, size_t n);

#endif
