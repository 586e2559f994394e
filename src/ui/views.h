/* views: the model as cells. Pure: the same model always gives the same canvas. */
#ifndef CCVM_UI_VIEWS_H
#define CCVM_UI_VIEWS_H

#include "ui/canvas.h"
#include "ui/model.h"

/* Where a pane's program is drawn, without its header. False: the pane is not on the screen. */
bool views_pane_box(const struct model *m, int cols, int rows, int pane, struct canvas_box *box);
/* The pane and the place in its program that a place on the screen belongs to; -1: none. */
int views_pane_at(struct model *m, int cols, int rows, int row, int col, int *in_row, int *in_col);
/* The session of the list at this place; -1: none. */
int views_list_at(const struct model *m, int cols, int rows, int row, int col);
void views_draw(struct model *m, struct canvas *c);

#endif
