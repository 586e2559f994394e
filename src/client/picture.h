/* picture: a paste that is paths of image files becomes one that names copies of them in the guest.
 *
 * This process runs as the user and opens what the user named; ccvm-session, which may not, gets
 * the bytes and has them put into the guest (session/paste.h). Everything that is not wanted
 * leaves the paste as it was. */
#ifndef CCVM_CLIENT_PICTURE_H
#define CCVM_CLIENT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "clip/clip_path.h"
#include "proto/wire.h"

struct picture_callbacks {
	/* to the session */
	void (*send)(void *ctx, enum wire_type type, const void *payload, size_t n);
	void (*on_done)(void *ctx, const void *text, size_t n); /* what to paste */
	void *ctx;
};

struct picture { /* all zero: at rest */
	struct picture_callbacks cb;
	struct buf text;
	struct clip_path word; /* in text */
	bool waiting;	       /* for WIRE_IMAGE_PLACED */
};

/* Looks at a paste; calls on_done at once, or, while p->waiting, after picture_on_placed. Not
 * while waiting. */
void picture_begin(struct picture *p, const struct picture_callbacks *cb, const void *text,
		   size_t n);
/* The payload of a WIRE_IMAGE_PLACED. */
void picture_on_placed(struct picture *p, const void *path, size_t n);
void picture_fini(struct picture *p);

#endif
