/* canvas: what ccvm-tui shows, as cells, before it goes to a terminal. Views draw on it; tests
 * compare it. */
#ifndef CCVM_UI_CANVAS_H
#define CCVM_UI_CANVAS_H

#include "proto/view.h"

struct canvas {
	int cols, rows;
	struct view_cell *cells;    /* owned */
	int cursor_row, cursor_col; /* -1: hidden */
};

struct canvas_box {
	int row, col, rows, cols;
};

/* A style: attributes and a foreground colour; views use these only. */
struct canvas_style {
	uint16_t attr;
	uint32_t fg, bg;
};

void canvas_init(struct canvas *c, int cols, int rows);
void canvas_fini(struct canvas *c);
/* Writes UTF-8 text within width cells; what does not fit ends with an ellipsis. Characters that
 * may not stand in a cell are left out. Returns the cells used. */
int canvas_text(struct canvas *c, int row, int col, int width, const struct canvas_style *style,
		const char *text);
int canvas_textf(struct canvas *c, int row, int col, int width, const struct canvas_style *style,
		 const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void canvas_fill(struct canvas *c, const struct canvas_box *box, const struct canvas_style *style);
/* A frame with a title around the box; returns the inside. */
struct canvas_box canvas_frame(struct canvas *c, const struct canvas_box *box,
			       const struct canvas_style *style, const char *title);
/* Copies rows of a session's screen from (row, col) of it on. */
void canvas_copy(struct canvas *c, const struct canvas_box *box, const struct view_screen *v,
		 int row);

#endif
