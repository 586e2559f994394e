/* clip_hold: what a user's terminal sends, with each paste that may be a path held back until its end.
 *
 * Every byte comes out again, in its order, sooner or later: the marks of a bracketed paste are followed (clip_typed, which
 * strings of a terminal's answers cannot fool), and what stands between them is held while it may be paths, at most
 * CLIP_PASTE_MAX bytes. The caller gives up on one whose end does not come. Pure. */
#ifndef CCVM_CLIP_HOLD_H
#define CCVM_CLIP_HOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "clip/clip_typed.h"

#define CLIP_HOLD_MS 1000 /* without a byte, after which the caller gives up */
#define CLIP_HOLD_END 6	  /* bytes of the mark behind a paste */

struct clip_hold { /* all zero: at the beginning */
	struct clip_typed typed;
	struct buf held;
	bool holding; /* inside of a paste that may be paths */
	bool whole;   /* held is a paste's text and the mark behind it */
};

void clip_hold_fini(struct clip_hold *h);
/* Takes bytes up to the end of the first paste that is whole, and appends to out what may go on. Returns how many were
 * taken; when h->whole is set then, the caller does something with h->held and calls clip_hold_done. */
size_t clip_hold_feed(struct clip_hold *h, const void *bytes, size_t n, struct buf *out);
/* What is held is not waited for any longer, and goes on as it is. */
void clip_hold_release(struct clip_hold *h, struct buf *out);
/* The whole paste was dealt with. */
void clip_hold_done(struct clip_hold *h);

#endif
