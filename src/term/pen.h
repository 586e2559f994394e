/* pen: applies SGR (ECMA-48 8.3.117, with the additions of xterm and kitty) to the attributes of
 * text. The versions of libvterm support different parts of it, so none is left to them. Pure. */
#ifndef CCVM_TERM_PEN_H
#define CCVM_TERM_PEN_H

#include "proto/view.h"
#include "term/scan.h"

/* Changes fg, bg and attr of the pen by one sequence. Unknown parameters are ignored. */
void pen_sgr(struct view_cell *pen, const struct scan *s);

#endif
