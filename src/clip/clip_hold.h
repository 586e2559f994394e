/* clip_hold: what a user's terminal sends, with each paste that may be a path held back until
 * its end.
 *
 * Every byte comes out again, in its order, sooner or later: the marks of a bracketed paste are
 * followed (clip_typed, which strings of a terminal's answers cannot fool), and what stands
 * between them is held while it may be paths, at most CLIP_PASTE_MAX bytes. The mark before it
 * is held too: claude waits half a second for the end of a paste that has begun, then takes what
 * follows for keys. A mark that came in pieces has gone on already. The caller gives up on a
 * paste whose end does not come. Pure. */
#ifndef CCVM_CLIP_HOLD_H
#define CCVM_CLIP_HOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "clip/clip_typed.h"

#define CLIP_HOLD_MS   1000 /* without a byte, after which the caller gives up */
#define CLIP_HOLD_MARK 6    /* bytes of the mark before a paste, and of the one behind it */

struct clip_hold { /* all zero: at the beginning */
	struct clip_typed typed;
	struct buf held;
	bool holding; /* inside of a paste that may be paths */
	bool whole;   /* held is a paste with its marks */
	size_t mark;  /* bytes of the first mark in held: all or none */
};

void clip_hold_fini(struct clip_hold *h);
/* Takes bytes up to the end of the first paste that is whole, and appends to out what may go on.
 * Returns how many were taken; when h->whole is set then, the caller does something with h->held
 * and calls clip_hold_done. */
size_t clip_hold_feed(struct clip_hold *h, const void *bytes, size_t n, struct buf *out);
/* What is held is not waited for any longer, and goes on as it is. */
void clip_hold_release(struct clip_hold *h, struct buf *out);
/* The whole paste was dealt with. */
void clip_hold_done(struct clip_hold *h);
/* The text of a whole paste, between its marks. */
const char *clip_hold_text(const struct clip_hold *h, size_t *n);

#endif
