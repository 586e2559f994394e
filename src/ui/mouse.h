/* mouse: what the mouse does: chooses sessions and panes, scrolls, selects in copy mode; the rest
 * is the session's. Changes the model as keys do (command) and leaves wishes in it. */
#ifndef CCVM_UI_MOUSE_H
#define CCVM_UI_MOUSE_H

#include "ui/model.h"

struct mouse {	      /* all zero at first */
	int row, col; /* where it was pressed, in the pane */
};

struct mouse_event { /* as input's */
	unsigned button, kind;
	int row, col;
};

/* On a screen of that size. NULL, or the session that the event is for: *in_row and *in_col are the
 * place in it then. */
const struct model_session *mouse_take(struct mouse *mouse, struct model *m, int cols, int rows,
				       const struct mouse_event *event, int *in_row, int *in_col);

#endif
