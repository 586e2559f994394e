#include "ui/canvas.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>
#include <string.h>
#include <wchar.h>

void canvas_init(struct canvas *c, int cols, int rows)
{
	*c = (struct canvas){.cols = cols, .rows = rows, .cursor_row = -1, .cursor_col = -1};
	c->cells = mem_alloc_array((size_t)cols * (size_t)rows, sizeof(*c->cells));
}

void canvas_fini(struct canvas *c)
{
	free(c->cells);
	c->cells = NULL;
}

static struct view_cell *canvas_at(struct canvas *c, int row, int col)
{
	return row >= 0 && row < c->rows && col >= 0 && col < c->cols
		       ? &c->cells[row * c->cols + col]
		       : NULL;
}

static void canvas_set(struct canvas *c, int row, int col, const struct canvas_style *s,
		       uint32_t ch, unsigned extra)
{
	struct view_cell *cell = canvas_at(c, row, col);

	if (cell)
		*cell = (struct view_cell){
			.ch = ch, .fg = s->fg, .bg = s->bg, .attr = (uint16_t)(s->attr | extra)};
}

/* Cells of a character as the C library sees it; it decides what curses will do. */
static int canvas_width(uint32_t ch)
{
	return ch < 0x80 ? 1 : wcwidth((wchar_t)ch);
}

static int canvas_text_width(const char *text)
{
	size_t n = strlen(text);
	int width = 0;

	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = text_get_utf8((const unsigned char *)text + i, n - i, &ch);
		int w = len && text_is_cell(ch) ? canvas_width(ch) : 0;

		width += w > 0 ? w : 0;
		i += len ? len : 1;
	}
	return width;
}

int canvas_text(struct canvas *c, int row, int col, int width, const struct canvas_style *style,
		const char *text)
{
	const size_t n = strlen(text);
	const bool cut = canvas_text_width(text) > width;
	int used = 0;

	if (width <= 0)
		return 0;
	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = text_get_utf8((const unsigned char *)text + i, n - i, &ch);
		int w = len && text_is_cell(ch) ? canvas_width(ch) : 0;

		i += len ? len : 1;
		if (w <= 0)
			continue;
		if (used + w > width - cut)
			break;
		canvas_set(c, row, col + used, style, ch, w == 2 ? VIEW_WIDE : 0);
		if (w == 2)
			canvas_set(c, row, col + used + 1, style, 0, VIEW_TAIL);
		used += w;
	}
	if (cut)
		canvas_set(c, row, col + used++, style, 0x2026, 0);
	return used;
}

int canvas_textf(struct canvas *c, int row, int col, int width, const struct canvas_style *style,
		 const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vformat(fmt, ap);
	va_end(ap);
	return canvas_text(c, row, col, width, style, text);
}

void canvas_fill(struct canvas *c, const struct canvas_box *box, const struct canvas_style *style)
{
	for (int row = box->row; row < box->row + box->rows; row++)
		for (int col = box->col; col < box->col + box->cols; col++)
			canvas_set(c, row, col, style, ' ', 0);
}

struct canvas_box canvas_frame(struct canvas *c, const struct canvas_box *box,
			       const struct canvas_style *style, const char *title)
{
	const struct canvas_style plain = {0};
	const int last_row = box->row + box->rows - 1, last_col = box->col + box->cols - 1;

	canvas_fill(c, box, &plain);
	for (int col = box->col + 1; col < last_col; col++) {
		canvas_set(c, box->row, col, style, 0x2500, 0);
		canvas_set(c, last_row, col, style, 0x2500, 0);
	}
	for (int row = box->row + 1; row < last_row; row++) {
		canvas_set(c, row, box->col, style, 0x2502, 0);
		canvas_set(c, row, last_col, style, 0x2502, 0);
	}
	canvas_set(c, box->row, box->col, style, 0x250c, 0);
	canvas_set(c, box->row, last_col, style, 0x2510, 0);
	canvas_set(c, last_row, box->col, style, 0x2514, 0);
	canvas_set(c, last_row, last_col, style, 0x2518, 0);
	canvas_textf(c, box->row, box->col + 2, box->cols - 4, style, " %s ", title);
	return (struct canvas_box){box->row + 1, box->col + 1, box->rows - 2, box->cols - 2};
}

void canvas_copy(struct canvas *c, const struct canvas_box *box, const struct view_screen *v,
		 int row)
{
	const int cols = box->cols < v->cols ? box->cols : v->cols;

	for (int i = 0; i < box->rows && row + i < v->rows; i++) {
		const struct view_cell *from = view_row(v, (uint16_t)(row + i));
		struct view_cell *to = canvas_at(c, box->row + i, box->col);

		if (!to)
			return;
		memcpy(to, from, (size_t)cols * sizeof(*to));
		if (to[cols - 1].attr & VIEW_WIDE) /* its other half is outside */
			to[cols - 1] = (struct view_cell){.bg = to[cols - 1].bg};
	}
}
