#include "term/grid.h"
#include "base/mem.h"

#include <string.h>

/* The ring's size does not follow the screen's, so that a resize moves no line. A power of two: a
 * line's place is found for each glyph. */
static size_t grid_ring_size(const struct grid *g)
{
	size_t n = 1;

	while (n < g->history + VIEW_ROWS_MAX)
		n *= 2;
	return n;
}

static void grid_touch(struct grid *g, struct grid_row *r)
{
	r->stamp = g->gen;
	g->changed = true;
}

void grid_touch_row(struct grid *g, int row)
{
	grid_touch(g, grid_row(g, row));
}

static void grid_touch_all(struct grid *g)
{
	for (int i = 0; i < g->rows; i++)
		grid_touch(g, grid_row(g, i));
}

/* Makes cells up to n usable; the new ones are blank. A row that is more than a few characters gets
 * the screen's width at once, since most that get so far get further. */
static void grid_use(const struct grid *g, struct grid_row *r, int n)
{
	if (n > r->size) {
		const int more = n <= 16 ? 16 : g->cols;

		r->size = (uint16_t)(n > more ? n : more);
		r->cells = mem_resize(r->cells, r->size, sizeof(*r->cells));
	}
	if (n > r->used) {
		memset(r->cells + r->used, 0, (size_t)(n - r->used) * sizeof(*r->cells));
		r->used = (uint16_t)n;
	}
}

static bool grid_is_plain(const struct view_cell *blank)
{
	return !blank->bg;
}

static void grid_clear(struct grid *g, struct grid_row *r, const struct view_cell *blank)
{
	r->used = 0;
	r->linked = false;
	if (!grid_is_plain(blank)) {
		grid_use(g, r, g->cols);
		for (int i = 0; i < g->cols; i++)
			r->cells[i] = *blank;
	}
	grid_touch(g, r);
}

void grid_init(struct grid *g, int cols, int rows, size_t history)
{
	*g = (struct grid){.cols = cols, .rows = rows, .history = history, .gen = 1};
	g->ring_mask = grid_ring_size(g) - 1;
	g->ring = mem_alloc_array(grid_ring_size(g), sizeof(*g->ring));
	g->alternate = mem_alloc_array(VIEW_ROWS_MAX, sizeof(*g->alternate));
	grid_touch_all(g);
}

void grid_fini(struct grid *g)
{
	for (size_t i = 0; i <= g->ring_mask; i++)
		free(g->ring[i].cells);
	for (size_t i = 0; i < VIEW_ROWS_MAX; i++)
		free(g->alternate[i].cells);
	free(g->ring);
	free(g->alternate);
}

const struct grid_row *grid_line(const struct grid *g, uint64_t line)
{
	return line < g->first || line >= g->top + (uint64_t)g->rows ? NULL : grid_slot(g, line);
}

static void grid_advance(struct grid *g, int n)
{
	g->top += (uint64_t)n;
	if (g->top - g->first > g->history)
		g->first = g->top - g->history;
}

int grid_resize(struct grid *g, int cols, int rows, int keep_row)
{
	static const struct view_cell blank;
	const int up = keep_row >= rows ? keep_row - rows + 1 : 0, old = g->rows;

	g->cols = cols;
	g->rows = rows;
	if (up && !g->is_alternate)
		grid_advance(g, up);
	else
		for (int i = 0; up && i < rows; i++) {
			const struct grid_row t = g->alternate[i];

			g->alternate[i] = g->alternate[i + up];
			g->alternate[i + up] = t;
		}
	for (int i = old - up; i < rows; i++)
		if (i >= 0)
			grid_clear(g, grid_row(g, i), &blank);
	for (int i = old; g->is_alternate && i < rows; i++) /* of the hidden screen */
		grid_clear(g, grid_slot(g, g->top + (uint64_t)i), &blank);
	grid_touch_all(g);
	return keep_row - up;
}

/* A cell is about to be overwritten: the other half of a wide one goes too. */
static void grid_split(struct grid_row *r, int col)
{
	if (col < r->used && (r->cells[col].attr & VIEW_TAIL) && col > 0)
		r->cells[col - 1] = (struct view_cell){.bg = r->cells[col].bg};
	if (col < r->used && (r->cells[col].attr & VIEW_WIDE) && col + 1 < r->used)
		r->cells[col + 1] = (struct view_cell){.bg = r->cells[col].bg};
}

void grid_put(struct grid *g, int row, int col, const struct view_cell *cell)
{
	struct grid_row *r = grid_row(g, row);
	const int width = cell->attr & VIEW_WIDE ? 2 : 1;

	if (cell->link)
		r->linked = true;
	if (col + width > g->cols)
		return;
	grid_use(g, r, col + width);
	grid_split(r, col);
	r->cells[col] = *cell;
	if (width == 2) {
		grid_split(r, col + 1);
		r->cells[col] = *cell;
		r->cells[col + 1] = (struct view_cell){
			.fg = cell->fg,
			.bg = cell->bg,
			.link = cell->link,
			.attr = (uint16_t)((cell->attr & ~VIEW_WIDE) | VIEW_TAIL)};
	}
	grid_touch(g, r);
}

void grid_erase(struct grid *g, int row, int from, int to, const struct view_cell *blank)
{
	struct grid_row *r = grid_row(g, row);

	grid_touch(g, r);
	if (from >= to)
		return;
	grid_split(r, from);
	grid_split(r, to - 1);
	if (grid_is_plain(blank) && to >= r->used) {
		if (from < r->used)
			r->used = (uint16_t)from;
		return;
	}
	grid_use(g, r, to);
	for (int i = from; i < to; i++)
		r->cells[i] = *blank;
}

static void grid_swap(struct grid *g, int a, int b)
{
	struct grid_row *ra = grid_row(g, a), *rb = grid_row(g, b), t = *ra;

	*ra = *rb;
	*rb = t;
}

void grid_scroll(struct grid *g, int top, int bottom, int n, const struct view_cell *blank)
{
	const int height = bottom - top;

	if (n > height)
		n = height;
	if (n < -height)
		n = -height;
	if (n > 0 && top == 0 && bottom == g->rows && !g->is_alternate) {
		grid_advance(g, n);
	} else if (n > 0) {
		for (int i = top; i < bottom - n; i++)
			grid_swap(g, i, i + n);
	} else {
		for (int i = bottom - 1; i >= top - n; i--)
			grid_swap(g, i, i + n);
	}
	for (int i = 0; i < (n > 0 ? n : -n); i++)
		grid_clear(g, grid_row(g, n > 0 ? bottom - n + i : top + i), blank);
	if (n <= 0 || top != 0 || bottom != g->rows || g->is_alternate)
		for (int i = top; i < bottom; i++)
			grid_touch(g, grid_row(g, i));
}

void grid_shift(struct grid *g, int row, int from, int to, int n, const struct view_cell *blank)
{
	struct grid_row *r = grid_row(g, row);
	const int width = to - from, by = n > 0 ? n : -n;

	if (by >= width) {
		grid_erase(g, row, from, to, blank);
		return;
	}
	grid_use(g, r, to);
	grid_split(r, from);
	if (to < r->used)
		grid_split(r, to - 1);
	if (n > 0) {
		grid_split(r, from + by);
		memmove(r->cells + from, r->cells + from + by,
			(size_t)(width - by) * sizeof(*r->cells));
		grid_erase(g, row, to - by, to, blank);
	} else {
		grid_split(r, to - by);
		memmove(r->cells + from + by, r->cells + from,
			(size_t)(width - by) * sizeof(*r->cells));
		/* The halves of what was copied lie to the right: they must not be split. */
		for (int i = from; i < from + by; i++)
			r->cells[i] = *blank;
	}
	grid_touch(g, r);
}

void grid_switch(struct grid *g, bool alternate)
{
	g->is_alternate = alternate;
	grid_touch_all(g);
}

void grid_clear_history(struct grid *g)
{
	g->first = g->top;
	g->changed = true;
}

uint64_t grid_end_generation(struct grid *g)
{
	g->changed = false;
	return g->gen++;
}

static size_t grid_visible(const struct grid *g, const struct grid_row *r)
{
	return r->used < g->cols ? r->used : (size_t)g->cols;
}

/* The links of a row that is sent, appended to ids as uint32_t. */
static void grid_collect_links(const struct grid_row *r, size_t n, struct buf *ids)
{
	for (size_t i = 0; r->linked && i < n; i++)
		if (r->cells[i].link && (i == 0 || r->cells[i - 1].link != r->cells[i].link))
			buf_add(ids, &r->cells[i].link, sizeof(uint32_t));
}

static void grid_put_links(struct buf *out, const struct links *links, const struct buf *ids)
{
	links_put(links, out, (const uint32_t *)(const void *)buf_data(ids),
		  buf_len(ids) / sizeof(uint32_t));
}

void grid_put_frame(struct grid *g, struct buf *out, struct view_state *s, uint64_t since,
		    const char *title, const struct links *links)
{
	AUTO_BUF struct buf ids = {0};
	uint16_t count = 0;
	size_t at;

	s->top = g->top;
	s->first = g->first;
	s->cols = (uint16_t)g->cols;
	s->rows = (uint16_t)g->rows;
	at = view_begin_frame(out, s, title);
	for (int i = 0; i < g->rows; i++) {
		const struct grid_row *r = grid_row(g, i);

		if (r->stamp <= since)
			continue;
		(void)view_put_row(out, (uint16_t)i, r->cells, grid_visible(g, r));
		grid_collect_links(r, grid_visible(g, r), &ids);
		count++;
	}
	view_end(out, at, count);
	grid_put_links(out, links, &ids);
}

void grid_put_history(const struct grid *g, struct buf *out, uint64_t from, unsigned count,
		      const struct links *links)
{
	AUTO_BUF struct buf ids = {0};
	const uint64_t end = g->top + (uint64_t)g->rows;
	size_t at;
	uint16_t n = 0;

	if (from < g->first)
		from = g->first;
	if (from > end)
		from = end;
	if (count > VIEW_LINES_MAX)
		count = VIEW_LINES_MAX;
	at = view_begin_history(out, from);
	for (; n < count && from + n < end; n++) {
		const struct grid_row *r = grid_slot(g, from + n);

		(void)view_put_row(out, n, r->cells, grid_visible(g, r));
		grid_collect_links(r, grid_visible(g, r), &ids);
	}
	view_end(out, at, n);
	grid_put_links(out, links, &ids);
}

/* The column of a byte of a row's text: what stands before it, in cells. */
static int grid_column(const struct grid_row *r, size_t offset)
{
	AUTO_BUF struct buf text = {0};
	int col = 0;

	for (; col < r->used; col++) {
		buf_drop(&text, buf_len(&text));
		view_row_text(&text, r->cells, (size_t)col + 1);
		if (buf_len(&text) > offset)
			break;
	}
	return col;
}

uint64_t grid_find(const struct grid *g, uint64_t from, bool down, const char *text, int *col)
{
	const uint64_t end = g->top + (uint64_t)g->rows;

	if (from >= end)
		from = end - 1;
	for (uint64_t line = from; *text && line >= g->first && line < end;
	     line += down ? 1 : UINT64_MAX) {
		AUTO_BUF struct buf row = {0};
		const struct grid_row *r = grid_slot(g, line);
		const char *found;

		view_row_text(&row, r->cells, grid_visible(g, r));
		found = strstr(buf_text(&row), text);
		if (!found)
			continue;
		*col = grid_column(r, (size_t)(found - buf_text(&row)));
		return line;
	}
	return UINT64_MAX;
}
