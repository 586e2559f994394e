/* typed: what the user's terminal sends, on its way to a session; pasted paths of images are looked at (picture). */
#ifndef CCVM_CLIENT_TYPED_H
#define CCVM_CLIENT_TYPED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "client/picture.h"
#include "clip/clip_hold.h"

#define TYPED_GROWTH 512 /* bytes that a paste may become longer by */

struct typed_callbacks {
	void (*send)(void *ctx, enum wire_type type, const void *payload, size_t n);
	void (*pass)(void *ctx, const void *bytes, size_t n); /* to the agent */
	void *ctx;
};

struct typed { /* all zero but cb: at rest */
	struct typed_callbacks cb;
	struct clip_hold hold;
	struct picture picture;
	struct buf later; /* not looked at yet */
};

void typed_feed(struct typed *t, const void *bytes, size_t n);
/* No more is to be fed now: an image is on its way. */
bool typed_is_waiting(const struct typed *t);
/* Something may be held back: call typed_give_up when nothing was fed for CLIP_HOLD_MS. */
bool typed_is_holding(const struct typed *t);
void typed_give_up(struct typed *t);
void typed_on_placed(struct typed *t, const void *path, size_t n);
/* Bytes that were fed and not passed on. */
size_t typed_kept(const struct typed *t);
void typed_fini(struct typed *t);

#endif
