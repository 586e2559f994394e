/* grid: the rows of one terminal: a ring that holds the screen and the lines that scrolled off it,
 * and the alternate screen. Lines are counted from the start; a row that changes is stamped with
 * the current generation, so that what changed since any earlier one can be told without keeping a
 * list for each viewer. */
#ifndef CCVM_TERM_GRID_H
#define CCVM_TERM_GRID_H

#include "proto/view.h"

struct grid_row {
	struct view_cell *cells; /* owned */
	uint16_t used, size;	 /* cells beyond used are blank */
	bool linked;		 /* a cell with a link was put here since it was last empty */
	uint64_t stamp;
};

struct grid {
	int cols, rows;
	size_t history; /* lines kept above the screen */
	struct grid_row *ring, *alternate;
	size_t ring_mask;
	uint64_t top, first; /* as view_state's */
	uint64_t gen;	     /* what changes now is stamped with it */
	bool is_alternate;
	bool changed; /* since gen began */
};

static inline struct grid_row *grid_slot(const struct grid *g, uint64_t line)
{
	return &g->ring[line & g->ring_mask];
}

/* A row of the screen. */
static inline struct grid_row *grid_row(struct grid *g, int row)
{
	return g->is_alternate ? &g->alternate[row] : grid_slot(g, g->top + (uint64_t)row);
}

void grid_init(struct grid *g, int cols, int rows, size_t history);
void grid_fini(struct grid *g);
/* Within VIEW_COLS_MAX and VIEW_ROWS_MAX. Old cells stay where they were; keep_row: the screen row
 * that must stay on the screen (the cursor's), which is returned as it is numbered then. */
int grid_resize(struct grid *g, int cols, int rows, int keep_row);
const struct grid_row *grid_line(const struct grid *g, uint64_t line); /* NULL: not kept */

/* Row and column are within the screen. A wide cell's second half is written too; halves that lose
 * their other half become blank. */
void grid_put(struct grid *g, int row, int col, const struct view_cell *cell);

/* The usual case by far: a narrow character, with the pen's attributes, where no wide one is, or
 * behind the last. */
static inline void grid_put_char(struct grid *g, int row, int col, uint32_t ch,
				 const struct view_cell *pen)
{
	struct grid_row *r = grid_row(g, row);
	struct view_cell c;

	if (col > r->used || col >= r->size ||
	    (col < r->used && (r->cells[col].attr & (VIEW_WIDE | VIEW_TAIL)))) {
		c = *pen;
		c.ch = ch;
		grid_put(g, row, col, &c);
		return;
	}
	r->used += col == r->used;
	r->cells[col] = *pen;
	r->cells[col].ch = ch;
	r->linked |= pen->link != 0;
	r->stamp = g->gen;
	g->changed = true;
}

/* blank: what erased cells become (its colours). */
void grid_erase(struct grid *g, int row, int from, int to, const struct view_cell *blank);
/* Moves rows [top, bottom) by n, up when n > 0; what comes in is blank. The whole main screen
 * moving up makes history. */
void grid_scroll(struct grid *g, int top, int bottom, int n, const struct view_cell *blank);
/* Moves the cells [from, to) of a row by n, left when n > 0. */
void grid_shift(struct grid *g, int row, int from, int to, int n, const struct view_cell *blank);
void grid_switch(struct grid *g, bool alternate);
void grid_clear_history(struct grid *g);
void grid_touch_row(struct grid *g, int row); /* a cell was changed in place */
/* Ends the generation: what changes from now on is newer than the returned one. */
uint64_t grid_end_generation(struct grid *g);

/* The frame for a viewer that has generation `since`. */
void grid_put_frame(struct grid *g, struct buf *out, struct view_state *s, uint64_t since,
		    const char *title, const struct links *links);
void grid_put_history(const struct grid *g, struct buf *out, uint64_t from, unsigned count,
		      const struct links *links);
/* Looks for text (as it is) from a line on; returns the line or UINT64_MAX. */
uint64_t grid_find(const struct grid *g, uint64_t from, bool down, const char *text, int *col);

#endif
