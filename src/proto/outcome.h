/* outcome: how a session ended, as WIRE_EXIT tells it, the last frame of every connection. */
#ifndef CCVM_PROTO_OUTCOME_H
#define CCVM_PROTO_OUTCOME_H

#include "proto/document.h"

struct outcome {     /* texts: owned when it was read, borrowed when it is written; NULL: none */
	int code;    /* what the client exits with */
	bool failed; /* a failure of ccvm's own, and not the agent's code */
	char *directory;	       /* what a dry run leaves */
	char *stage, *reason, *remedy; /* of the failure */
	char *console, *qemu;	       /* of the failure: the last lines of either, escaped */
};

extern const struct document_shape outcome_shape;

static inline void outcome_put(struct buf *out, const struct outcome *o)
{
	document_put(&outcome_shape, o, out);
}

/* -1, with nothing to free: malformed. */
static inline int outcome_get(const void *payload, size_t n, struct outcome *o)
{
	*o = (struct outcome){0};
	return document_get(&outcome_shape, payload, n, o);
}

static inline void outcome_fini(struct outcome *o)
{
	document_fini(&outcome_shape, o);
}

/* "" where there is none. */
static inline const char *outcome_text(const char *text)
{
	return text ? text : "";
}

#endif
