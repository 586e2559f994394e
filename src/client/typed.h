/* typed: what the user's terminal sends, on its way to a session; pasted paths of images are
 * looked at (picture), and what the terminal answers about its clipboard is taken out
 * (termclip). */
#ifndef CCVM_CLIENT_TYPED_H
#define CCVM_CLIENT_TYPED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "client/picture.h"
#include "client/termclip.h"
#include "clip/clip_hold.h"

#define TYPED_GROWTH 512 /* bytes that a paste may become longer by */

struct typed_callbacks {
	void (*send)(void *ctx, enum wire_type type, const void *payload, size_t n);
	void (*pass)(void *ctx, const void *bytes, size_t n); /* to the agent */
	void (*show)(void *ctx, const void *bytes, size_t n); /* to the terminal */
	void *ctx;
};

struct typed { /* all zero but cb: at rest */
	struct typed_callbacks cb;
	struct clip_hold hold;
	struct picture picture;
	struct termclip termclip;
	struct buf later; /* not looked at yet */
};

void typed_feed(struct typed *t, const void *bytes, size_t n);
/* No more is to be fed now: an image is on its way. */
bool typed_is_waiting(const struct typed *t);
/* How long to wait for the next byte before typed_give_up; -1: for ever. */
int typed_patience_ms(const struct typed *t);
void typed_give_up(struct typed *t);
/* The payload of a WIRE_CLIP_ASK. */
void typed_on_ask(struct typed *t, const void *payload, size_t n);
void typed_on_placed(struct typed *t, const void *path, size_t n);
/* Bytes that were fed and not passed on. */
size_t typed_kept(const struct typed *t);
void typed_fini(struct typed *t);

#endif
