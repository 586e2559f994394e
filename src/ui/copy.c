#include "ui/copy.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/trustpath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define COPY_CLIPBOARD_MAX 74994 /* bytes; terminals cut or drop more than 100,000 of base64 */

struct copy {
	struct model *model; /* borrowed, and the link */
	struct ui_link *link;
	copy_clipboard_fn *to_clipboard;
	bool waiting; /* the next lines are for this */
	struct model_span span;
	uint64_t next; /* line */
	struct buf text;
	char file[MODEL_TEXT]; /* empty: the clipboard */
};

struct copy *copy_new(struct model *m, struct ui_link *link, copy_clipboard_fn *to_clipboard)
{
	struct copy *c = mem_alloc(sizeof(*c));

	*c = (struct copy){.model = m, .link = link, .to_clipboard = to_clipboard};
	return c;
}

void copy_free(struct copy *c)
{
	buf_fini(&c->text);
	free(c);
}

/* The session whose history is looked at; "" is nobody's id. */
static const char *copy_session(const struct copy *c)
{
	const struct model_session *s = model_in_pane(c->model, c->model->active);

	return s ? s->id : "";
}

/* How many lines the next answer has. */
static uint16_t copy_piece(const struct copy *c)
{
	const uint64_t left = c->span.to - c->next + 1;

	return (uint16_t)(left < VIEW_LINES_MAX ? left : VIEW_LINES_MAX);
}

static void copy_ask(struct copy *c)
{
	ui_link_lines(c->link, copy_session(c), c->next, copy_piece(c));
}

/* What a guest printed, under a name that the user typed: by way of no link that an agent could
 * have made. */
static void copy_to_file(struct copy *c)
{
	const char *name = c->file;
	struct err e;

	AUTO_CLOSE int fd = trustpath_open(name, O_WRONLY | O_CREAT | O_EXCL, 0600, &e);

	if (fd < 0 || file_write_all(fd, buf_data(&c->text), buf_len(&c->text), &e) < 0)
		model_say(c->model, "%.200s%s", e.text,
			  errno == EEXIST ? ": choose another name" : "");
	else
		model_say(c->model, "wrote %zu bytes to %.150s", buf_len(&c->text), name);
}

static void copy_to_clipboard(struct copy *c)
{
	const size_t n = buf_len(&c->text);

	if (n > COPY_CLIPBOARD_MAX) {
		model_say(c->model,
			  "%zu bytes are too many for the terminal's clipboard (w writes a file)",
			  n);
		return;
	}
	c->to_clipboard(buf_data(&c->text), n);
	model_close(c->model);
	model_say(c->model, "copied %zu bytes", n);
}

static void copy_end(struct copy *c)
{
	if (c->file[0])
		copy_to_file(c);
	else
		copy_to_clipboard(c);
	buf_fini(&c->text);
	c->waiting = false;
}

/* The selected part of one line. */
static void copy_add_line(struct copy *c, const struct view_screen *rows, uint16_t row,
			  uint64_t line)
{
	const struct model_span *span = &c->span;
	const bool chars = span->kind == COPY_CHARS;
	const size_t first = chars && line == span->from ? (size_t)span->from_column : 0;
	const size_t end = chars && line == span->to && span->to_column + 1 < rows->cols
				   ? (size_t)span->to_column + 1
				   : rows->cols;

	if (first < end)
		view_row_text(&c->text, view_row(rows, row) + first, end - first);
	if (!chars || line != span->to)
		buf_add(&c->text, "\n", 1);
}

static void copy_take(struct copy *c, const unsigned char *message, size_t n, uint16_t cols)
{
	const uint16_t lines = copy_piece(c);
	struct view_screen rows = {0};

	if (view_take_history(&rows, cols, lines, message, n) == 0)
		for (uint16_t i = 0; i < lines; i++)
			copy_add_line(c, &rows, i, c->next + i);
	view_screen_fini(&rows);
	c->next += lines;
	if (c->next > c->span.to)
		copy_end(c);
	else
		copy_ask(c);
}

void copy_selected(struct copy *c, const char *file)
{
	const struct model_session *s = model_in_pane(c->model, c->model->active);

	if (!s || s->ended) {
		model_say(c->model, "the session has ended: its history is gone");
		return;
	}
	c->span = model_selected(c->model);
	c->next = c->span.from;
	snprintf(c->file, sizeof(c->file), "%s", file);
	buf_drop(&c->text, buf_len(&c->text));
	c->waiting = true;
	copy_ask(c);
}

void copy_show(struct copy *c, unsigned rows)
{
	ui_link_lines(c->link, copy_session(c), c->model->copy_top, rows);
}

void copy_search(struct copy *c)
{
	const struct model *m = c->model;
	const uint64_t from = m->search_now_down ? m->copy_line + 1
			      : m->copy_line	 ? m->copy_line - 1
						 : 0;

	ui_link_search(c->link, copy_session(c), from, m->search_now_down, m->search.text);
}

void copy_on_history(struct copy *c, const struct model_session *s, const unsigned char *message,
		     size_t n)
{
	struct model *m = c->model;

	if (c->waiting)
		copy_take(c, message, n, s->screen.cols);
	else if (s->screen.cells &&
		 view_take_history(&m->history, s->screen.cols, VIEW_LINES_MAX, message, n) == 0)
		m->copy_top = m->history.s.top;
}

void copy_on_found(struct copy *c, const unsigned char *message, size_t n)
{
	struct view_found found;

	if (model_take_found(c->model,
			     view_get_found(message, n, &found) ? found.line : UINT64_MAX))
		copy_show(c, VIEW_ROWS_MAX);
}

void copy_on_end(struct copy *c, const char *id)
{
	if (strcmp(c->model->pane[c->model->active], id) == 0)
		c->waiting = false;
}
