/* keymatch: finds one key in what a terminal sends, in every form that a terminal has for it: the
 * control byte, ESC before a character (Meta), the sequences of cursor and function keys (ECMA-48,
 * xterm's ctlseqs), modifyOtherKeys, and the kitty keyboard protocol with its lock bits, event
 * types and alternate keys.
 *
 * What stands in a bracketed paste is no key: the rest of the paste would go to the user's shell.
 * A byte that comes alone is one, though, should the end of a paste have been lost. Pure. */
#ifndef CCVM_CLIENT_KEYMATCH_H
#define CCVM_CLIENT_KEYMATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "client/keyname.h"

#define KEYMATCH_HELD_MAX 48 /* bytes; a longer sequence is no key */
#define KEYMATCH_HELD_MS  50 /* how long the beginning of a sequence is held for its end */

struct keymatch { /* all zero but key: at the beginning */
	struct key key;
	bool pasting;
	size_t n;
	unsigned char held[KEYMATCH_HELD_MAX]; /* a sequence that has begun */
};

/* Takes n bytes. Adds to out what comes before the key, in order; true: the key was there, and the
 * bytes behind it are dropped. The beginning of a sequence is held. */
bool keymatch_feed(struct keymatch *m, const void *bytes, size_t n, struct buf *out);
/* Something is held: call keymatch_flush when nothing came for KEYMATCH_HELD_MS. */
bool keymatch_is_holding(const struct keymatch *m);
/* Nothing came behind what is held: it goes to out; true: it is the key (Escape). */
bool keymatch_flush(struct keymatch *m, struct buf *out);

#endif
