/* keyenc: the bytes a key, a paste or the mouse sends, in the modes the program asked for. Pure. */
#ifndef CCVM_TERM_KEYENC_H
#define CCVM_TERM_KEYENC_H

#include "proto/view.h"

/* code: a code point or enum view_key. Keys that no terminal sends write nothing. */
void keyenc_key(struct buf *out, uint32_t code, unsigned mods, unsigned modes);
/* Control characters other than tab and newline are left out, so that no paste can end its own
 * brackets. */
void keyenc_paste(struct buf *out, const unsigned char *text, size_t n);
void keyenc_bracket(struct buf *out, bool opens);
/* kind: 0 press, 1 release, 2 move. Nothing when the program did not ask for the mouse. */
void keyenc_mouse(struct buf *out, unsigned mods, unsigned button, unsigned kind, unsigned row,
		  unsigned col, unsigned modes);
void keyenc_focus(struct buf *out, bool gained, unsigned modes);

#endif
