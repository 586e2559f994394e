/* clip_event: the fields of a "clip" event: what became of an image that was to go into the guest.
 */
#ifndef CCVM_SESSION_CLIP_EVENT_H
#define CCVM_SESSION_CLIP_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "clip/clip_request.h"

struct clip_event {
	const char *verdict; /* "sent" or "refused" */
	enum clip_type type; /* CLIP_NO_TYPE: left out */
	size_t bytes;	     /* 0: left out */
	const char *reason;  /* NULL: left out */
	bool asked;	     /* the agent asked; nobody had pressed the key */
};

/* Appends them, without json_begin. Pure. */
void clip_event_add(struct buf *fields, const struct clip_event *e);

#endif
