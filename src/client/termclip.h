/* termclip: images from the clipboard of the user's own terminal (clip_kitty), for a session
 * whose host has no display.
 *
 * The session asks (WIRE_CLIP_ASK) when a lease is open; the terminal is asked then, and its
 * answer goes to the session in the frames that ccvm-clip would send. A terminal that does not
 * answer the first question is not asked again. */
#ifndef CCVM_CLIENT_TERMCLIP_H
#define CCVM_CLIENT_TERMCLIP_H

#include <stdbool.h>
#include <stddef.h>

#include "clip/clip_kitty.h"
#include "proto/wire.h"

struct termclip_callbacks {
	/* to the session */
	void (*send)(void *ctx, enum wire_type type, const void *payload, size_t n);
	void (*show)(void *ctx, const void *bytes, size_t n); /* to the terminal, as it is */
	void *ctx;
};

struct termclip { /* all zero but cb: nothing asked */
	struct termclip_callbacks cb;
	struct clip_kitty kitty;
	bool asked;
	bool mute; /* the terminal has not answered */
};

/* The payload of a WIRE_CLIP_ASK. */
void termclip_on_ask(struct termclip *t, const void *payload, size_t n);
/* What the terminal sent; appends everything but answers to out. */
void termclip_filter(struct termclip *t, const void *bytes, size_t n, struct buf *out);
/* How long to wait for the next byte before termclip_give_up; -1: for ever. */
int termclip_patience_ms(const struct termclip *t);
void termclip_give_up(struct termclip *t, struct buf *out);
void termclip_fini(struct termclip *t);

#endif
