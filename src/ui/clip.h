/* clip: the clipboard of the terminal that ccvm-tui runs in (client/termclip.h), for a session that
 * asks for it. One session asks at a time; another one is refused. Called ui_clip, since src/clip
 * has the other name. */
#ifndef CCVM_UI_CLIP_H
#define CCVM_UI_CLIP_H

#include <stddef.h>

#include "base/buf.h"
#include "proto/wire.h"

struct loop;
struct ui_clip;

struct ui_clip_callbacks {
	/* To the session that asked. */
	void (*answer)(void *ctx, const char *id, enum wire_type type, const void *payload,
		       size_t n);
	/* To the terminal, as it is. */
	void (*show)(void *ctx, const void *bytes, size_t n);
	/* What was held back and is no answer of the terminal's. */
	void (*typed)(void *ctx, const void *bytes, size_t n);
	void *ctx;
};

/* Never NULL. The loop is borrowed. */
struct ui_clip *ui_clip_new(struct loop *loop, const struct ui_clip_callbacks *cb);
/* No callback comes any more. */
void ui_clip_free(struct ui_clip *c);

/* The payload of a WIRE_CLIP_ASK. */
void ui_clip_on_ask(struct ui_clip *c, const char *id, const void *payload, size_t n);
/* What the terminal sent, before libtermkey sees any of it; appends everything but answers to keys. */
void ui_clip_filter(struct ui_clip *c, const void *bytes, size_t n, struct buf *keys);

#endif
