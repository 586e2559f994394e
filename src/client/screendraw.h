/* screendraw: a screen that ccvm-term has, drawn whole in the user's terminal. Pure. */
#ifndef CCVM_CLIENT_SCREENDRAW_H
#define CCVM_CLIENT_SCREENDRAW_H

#include "base/buf.h"
#include "proto/view.h"

/* The modes of the screen, its rows, and the cursor. */
void screendraw(const struct view_screen *v, struct buf *out);

#endif
