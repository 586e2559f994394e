/* clip_event: the fields of a "clip" event: what became of an image that was to go into the guest.
 */
#ifndef CCVM_SESSION_CLIP_EVENT_H
#define CCVM_SESSION_CLIP_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "clip/clip_request.h"
#include "proto/event.h"

struct clip_event {
	const char *verdict; /* "sent" or "refused" */
	enum clip_type type; /* CLIP_NO_TYPE: left out */
	size_t bytes;	     /* 0: left out */
	const char *reason;  /* NULL: left out */
	bool asked;	     /* the agent asked; nobody had pressed the key */
};

/* As the table has it (proto/event.h). Pure. */
struct event clip_event_make(const struct clip_event *e);

#endif
