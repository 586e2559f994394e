/* app_copy: the history for copy mode, and what is selected there on its way to the clipboard or a file. A session gives
 * VIEW_LINES_MAX lines at a time, so a long selection is asked for piece by piece. */
#include "base/file.h"
#include "base/mem.h"
#include "base/trustpath.h"
#include "ui/app_link.h"
#include "ui/app_state.h"
#include "ui/paint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define COPY_CLIPBOARD_MAX 74994 /* bytes; terminals cut or drop more than 100,000 of base64 */

static void copy_ask(struct app *a)
{
	const struct model_span *span = &a->copy_span;
	const uint64_t left = span->to - a->copy_next + 1;

	links_lines(a, model_in_pane(&a->model, a->model.active), a->copy_next, (unsigned)(left < VIEW_LINES_MAX ? left : VIEW_LINES_MAX));
}

/* What a guest printed, under a name that the user typed: by way of no link that an agent could have made. */
static void copy_to_file(struct app *a)
{
	const char *name = a->copy_file;
	struct err e;

	AUTO_CLOSE int fd = trustpath_open(name, O_WRONLY | O_CREAT | O_EXCL, 0600, &e);

	if (fd < 0 || file_write_all(fd, buf_data(&a->copy_text), buf_len(&a->copy_text), &e) < 0)
		model_say(&a->model, "%.200s%s", e.text, errno == EEXIST ? ": choose another name" : "");
	else
		model_say(&a->model, "wrote %zu bytes to %.150s", buf_len(&a->copy_text), name);
}

static void copy_to_clipboard(struct app *a)
{
	const size_t n = buf_len(&a->copy_text);

	if (n > COPY_CLIPBOARD_MAX) {
		model_say(&a->model, "%zu bytes are more than a terminal takes: w writes them to a file", n);
		return;
	}
	paint_clipboard(buf_data(&a->copy_text), n);
	model_close(&a->model);
	model_say(&a->model, "copied %zu bytes", n);
}

static void copy_end(struct app *a)
{
	if (a->copy_file[0])
		copy_to_file(a);
	else
		copy_to_clipboard(a);
	buf_fini(&a->copy_text);
	a->copying = false;
}

/* The selected part of one line. */
static void copy_add_line(struct app *a, const struct view_screen *rows, uint16_t row, uint64_t line)
{
	const struct model_span *span = &a->copy_span;
	const bool chars = span->kind == COPY_CHARS;
	const size_t first = chars && line == span->from ? (size_t)span->from_column : 0;
	const size_t end = chars && line == span->to && span->to_column + 1 < rows->cols ? (size_t)span->to_column + 1 : rows->cols;

	if (first < end)
		view_row_text(&a->copy_text, view_row(rows, row) + first, end - first);
	if (!chars || line != span->to)
		buf_add(&a->copy_text, "\n", 1);
}

static void copy_take(struct app *a, const unsigned char *bytes, size_t n, uint16_t cols)
{
	const uint64_t left = a->copy_span.to - a->copy_next + 1;
	const uint16_t lines = (uint16_t)(left < VIEW_LINES_MAX ? left : VIEW_LINES_MAX);
	struct view_screen rows = {0};

	if (view_take_history(&rows, cols, lines, bytes, n) == 0)
		for (uint16_t i = 0; i < lines; i++)
			copy_add_line(a, &rows, i, a->copy_next + i);
	view_screen_fini(&rows);
	a->copy_next += lines;
	if (a->copy_next > a->copy_span.to)
		copy_end(a);
	else
		copy_ask(a);
}

void app_on_history(struct app *a, const struct model_session *s, const unsigned char *bytes, size_t n)
{
	if (a->copying)
		copy_take(a, bytes, n, s->screen.cols);
	else if (s->screen.cells && view_take_history(&a->model.history, s->screen.cols, VIEW_LINES_MAX, bytes, n) == 0)
		a->model.copy_top = a->model.history.s.top;
}

static void copy_begin(struct app *a, const char *file)
{
	const struct model_session *s = model_in_pane(&a->model, a->model.active);

	if (!s || s->ended) {
		model_say(&a->model, "the session has ended: its lines are gone");
		return;
	}
	a->copy_span = model_selected(&a->model);
	a->copy_next = a->copy_span.from;
	snprintf(a->copy_file, sizeof(a->copy_file), "%s", file);
	buf_drop(&a->copy_text, buf_len(&a->copy_text));
	a->copying = true;
	copy_ask(a);
}

void app_wish_lines(struct app *a, struct model_session *s)
{
	(void)s;
	links_lines(a, model_in_pane(&a->model, a->model.active), a->model.copy_top, (unsigned)a->rows);
}

void app_wish_search(struct app *a, struct model_session *s)
{
	struct model *m = &a->model;

	(void)s;
	links_search(a, model_in_pane(m, m->active), m->search_now_down ? m->copy_line + 1 : m->copy_line ? m->copy_line - 1 : 0,
		     m->search_now_down, m->line.text);
}

void app_wish_copy(struct app *a, struct model_session *s)
{
	(void)s;
	copy_begin(a, "");
}

void app_wish_save(struct app *a, struct model_session *s)
{
	(void)s;
	copy_begin(a, a->model.line.text);
}
