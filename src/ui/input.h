/* input: bytes of the user's terminal to keys, pastes and mouse events. Pure but for
 * libtermkey's terminfo; the only user of libtermkey. */
#ifndef CCVM_UI_INPUT_H
#define CCVM_UI_INPUT_H

#include "client/keyname.h"

#define INPUT_PASTE_MAX (32u << 20) /* bytes; a longer one is refused whole */

struct input;

struct input_callbacks {
	void (*on_key)(void *ctx, const struct key *k);
	/* whole: false, and no text, for one that was longer than INPUT_PASTE_MAX */
	void (*on_paste)(void *ctx, const char *text, size_t n, bool whole);
	/* kind: 0 press, 1 release, 2 move; button as VIEW_MOUSE's; row and column from 0 */
	void (*on_mouse)(void *ctx, unsigned mods, unsigned button, unsigned kind, int row,
			 int col);
	void *ctx;
};

/* NULL when libtermkey does not know the terminal. */
struct input *input_new(const char *term, const struct input_callbacks *cb);
void input_free(struct input *in);
void input_feed(struct input *in, const char *bytes, size_t n);
/* Whether a lone ESC may be the beginning of something: call input_settle when nothing came for
 * a moment. */
bool input_is_waiting(const struct input *in);
void input_settle(struct input *in);

#endif
