/* pen: what SGR (ECMA-48 8.3.117, with the additions of xterm and kitty) makes of the attributes of text. The versions of
 * libvterm know different parts of it, so none of it is left to them. Pure. */
#ifndef CCVM_TERM_PEN_H
#define CCVM_TERM_PEN_H

#include "proto/view.h"
#include "term/scan.h"

/* Changes fg, bg and attr of the pen by one sequence. What is not known changes nothing. */
void pen_sgr(struct view_cell *pen, const struct scan *s);

#endif
