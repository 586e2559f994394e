/* clip_kitty: the clipboard of the user's terminal, by kitty's protocol (OSC 5522, "Copying all
 * data types to the clipboard" in kitty's documentation): the question, and the answer taken out
 * of what the terminal sends.
 *
 * The answer is a row of strings: status=OK, then status=DATA with a base64 type and base64
 * bytes each, then status=DONE; or a code of an error. It is believed as little as any other
 * input: strings, types and bytes have bounds, and what is not asked for is dropped. Pure. */
#ifndef CCVM_CLIP_KITTY_H
#define CCVM_CLIP_KITTY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "clip/clip_request.h"

#define CLIP_KITTY_STRING 8192 /* bytes of one string; a chunk of 4096 bytes is 5464 in base64 */

enum clip_kitty_result {
	CLIP_KITTY_GOING_ON,
	CLIP_KITTY_DONE,
	CLIP_KITTY_DENIED,
	CLIP_KITTY_FAILED
};

struct clip_kitty {	       /* all zero: nothing was asked */
	bool active;	       /* an answer may come: it is taken out */
	enum clip_type wanted; /* CLIP_NO_TYPE: the list */
	bool answered;	       /* the terminal knows the protocol */
	enum clip_kitty_result result;
	/* an image's bytes; of a list: our names of the types claude takes, one a line */
	struct buf data;
	size_t matched; /* bytes of the beginning that are held back */
	bool inside, escaped, too_long;
	struct buf string;
};

/* Appends the question for an image, or for the list (CLIP_NO_TYPE), and waits for its answer. */
void clip_kitty_ask(struct clip_kitty *k, enum clip_type wanted, struct buf *out);
/* Appends everything but answers to out; k->result changes when one is complete. While
 * !k->active that is everything. */
void clip_kitty_feed(struct clip_kitty *k, const void *bytes, size_t n, struct buf *out);
/* What is held back may be a key (ESC) and goes on. */
void clip_kitty_settle(struct clip_kitty *k, struct buf *out);
void clip_kitty_fini(struct clip_kitty *k);

#endif
