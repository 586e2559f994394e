/* follow: which sessions must say what: frames of those on the screen, and their sizes and focus.
 */
#ifndef CCVM_UI_FOLLOW_H
#define CCVM_UI_FOLLOW_H

#include "ui/link.h"
#include "ui/model.h"

/* Once a turn of the loop, with the terminal's size. */
void follow_screen(struct ui_link *k, struct model *m, int cols, int rows);
/* Reads the sessions' directories, which are below base, into the model; connects to new ones. */
void follow_list(struct ui_link *k, struct model *m, const char *base);

#endif
