#include "ui/views.h"
#include "base/mem.h"
#include "ui/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- styles ---- */

enum views_style { PLAIN, DIM, BOLD, BAR, ACTIVE, LIVE, OVERLAY, WAITING, STYLES };

static const struct canvas_style views_themes[][STYLES] = {
	[THEME_DARK] = {[DIM] = {VIEW_DIM, 0, 0},
			[BOLD] = {VIEW_BOLD, 0, 0},
			[BAR] = {VIEW_REVERSE, 0, 0},
			[ACTIVE] = {VIEW_REVERSE | VIEW_BOLD, 0, 0},
			[LIVE] = {VIEW_BOLD, VIEW_INDEXED(9), 0},
			[OVERLAY] = {0, VIEW_INDEXED(10), 0},
			[WAITING] = {VIEW_BOLD, VIEW_INDEXED(11), 0}},
	/* Bright colours cannot be read on white. */
	[THEME_LIGHT] = {[DIM] = {VIEW_DIM, 0, 0},
			 [BOLD] = {VIEW_BOLD, 0, 0},
			 [BAR] = {VIEW_REVERSE, 0, 0},
			 [ACTIVE] = {VIEW_REVERSE | VIEW_BOLD, 0, 0},
			 [LIVE] = {VIEW_BOLD, VIEW_INDEXED(1), 0},
			 [OVERLAY] = {0, VIEW_INDEXED(2), 0},
			 [WAITING] = {VIEW_BOLD, VIEW_INDEXED(5), 0}},
	/* LIVE is what one should not overlook. */
	[THEME_MONO] = {[DIM] = {VIEW_DIM, 0, 0},
			[BOLD] = {VIEW_BOLD, 0, 0},
			[BAR] = {VIEW_REVERSE, 0, 0},
			[ACTIVE] = {VIEW_REVERSE | VIEW_BOLD, 0, 0},
			[LIVE] = {VIEW_BOLD | VIEW_UNDERLINE_ONE, 0, 0},
			[WAITING] = {VIEW_BOLD | VIEW_REVERSE, 0, 0}},
};

/* of the drawing under way */
static const struct canvas_style *views_now = views_themes[THEME_DARK];

/* ---- geometry ---- */

static int views_list_width(const struct model *m, int cols)
{
	if (m->zoomed)
		return 0;
	return cols < 60 ? 13 : cols < 100 ? 24 : 32;
}

/* The whole of a pane, its header included. */
static bool views_pane_outer(const struct model *m, int cols, int rows, int pane,
			     struct canvas_box *box)
{
	const int left = views_list_width(m, cols), bar = left ? 1 : 0;
	const struct canvas_box all = {1, left + bar, rows - 2, cols - left - bar};
	const int across = m->panes > 1 ? 2 : 1, down = m->panes > 2 ? 2 : 1;

	if (pane >= m->panes || (m->zoomed && pane != m->active))
		return false;
	if (m->zoomed || m->panes == 1) {
		*box = all;
	} else {
		const int x = pane % across, y = pane / across,
			  wide = (all.cols - (across - 1)) / across, high = all.rows / down;

		*box = (struct canvas_box){all.row + y * high, all.col + x * (wide + 1),
					   y ? all.rows - high : high,
					   x ? all.cols - wide - 1 : wide};
	}
	return box->rows >= 2 && box->cols >= 2;
}

bool views_pane_box(const struct model *m, int cols, int rows, int pane, struct canvas_box *box)
{
	if (!views_pane_outer(m, cols, rows, pane, box))
		return false;
	box->row++;
	box->rows--;
	return true;
}

/* The first row of a session's screen that is shown: its cursor stays in sight where the pane is
 * too small. */
static int views_first_row(const struct view_screen *v, int rows)
{
	const int beyond = v->s.cursor_row - rows + 1;

	return v->rows <= rows || beyond <= 0 ? 0 : beyond;
}

int views_pane_at(struct model *m, int cols, int rows, int row, int col, int *in_row, int *in_col)
{
	for (int i = 0; i < m->panes; i++) {
		const struct model_session *s = model_in_pane(m, i);
		struct canvas_box b;

		if (!views_pane_box(m, cols, rows, i, &b) || row < b.row || row >= b.row + b.rows ||
		    col < b.col || col >= b.col + b.cols)
			continue;
		*in_row = row - b.row +
			  (s && s->screen.cells ? views_first_row(&s->screen, b.rows) : 0);
		*in_col = col - b.col;
		return i;
	}
	return -1;
}

static int views_lines_each(const struct model *m, int rows)
{
	return m->n * 2 <= rows - 2 ? 2 : 1;
}

int views_list_at(const struct model *m, int cols, int rows, int row, int col)
{
	const int i = (row - 1) / views_lines_each(m, rows);

	return col < views_list_width(m, cols) && row > 0 && i < m->n ? i : -1;
}

/* ---- words ---- */

static void views_age(int64_t since_ms, int64_t now_ms, char *out, size_t size)
{
	int64_t s = since_ms > 0 && now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0;

	if (s < 60)
		snprintf(out, size, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(out, size, "%" PRId64 "m", s / 60);
	else
		snprintf(out, size, "%" PRId64 "h%02" PRId64, s / 3600, s / 60 % 60);
}

/* How it ended: "exit 3 after 4m". */
static void views_end(const struct model_session *s, char *out, size_t size)
{
	char age[24];

	views_age(s->started_ms, s->ended_ms, age, sizeof(age));
	if (s->has_code)
		snprintf(out, size, "%s %" PRId64 " after %s",
			 strcmp(s->state, "failed") == 0 ? "failed" : "exit", s->code, age);
	else
		snprintf(out, size, "killed after %s", age);
}

/* What it does, in one word: the agent's state where it is known, else the session's. */
static const char *views_doing(const struct model_session *s)
{
	const bool runs = strcmp(s->state, "running") == 0;

	return runs && s->agent[0] && strcmp(s->agent, "unknown") != 0 ? s->agent : s->state;
}

static int64_t views_since(const struct model_session *s)
{
	return views_doing(s) == s->agent ? s->agent_since_ms : s->state_since_ms;
}

static const struct {
	const char *doing, *mark;
	enum views_style style;
} views_marks[] = {
	{"waiting", "?", WAITING}, {"working", "*", BOLD},   {"idle", "-", DIM},
	{"running", ">", PLAIN},   {"failed", "!", WAITING}, {"ended", "x", DIM},
};

static const char *views_mark(const struct model_session *s, const struct canvas_style **style)
{
	*style = &views_now[DIM];
	if (s->question[0] || s->unseen_bell) {
		*style = &views_now[WAITING];
		return "!";
	}
	for (size_t i = 0; i < ARRAY_LEN(views_marks); i++)
		if (strcmp(views_marks[i].doing, views_doing(s)) == 0) {
			*style = &views_now[views_marks[i].style];
			return views_marks[i].mark;
		}
	return ".";
}

static void views_egress(const struct model_session *s, char *out, size_t size)
{
	if (strcmp(s->egress, "locked") != 0)
		snprintf(out, size, "open");
	else if (s->refused == 0)
		snprintf(out, size, "locked");
	else
		snprintf(out, size, "locked %" PRId64 " refused %.60s", s->refused,
			 s->last_refused);
}

static void views_memory(const struct model_session *s, char *out, size_t size)
{
	snprintf(out, size, "%" PRId64 "/%" PRId64 "M", s->memory_used_kib / 1024,
		 s->memory_total_kib / 1024);
}

#define VIEWS_POOL_BAR 5 /* cells */

/* The guest tells both numbers. */
static int views_pool_filled(const struct model_session *s)
{
	const double part = (double)s->pool_used_kib / (double)s->pool_total_kib;

	return part <= 0 ? 0 : part >= 1 ? VIEWS_POOL_BAR : (int)(part * VIEWS_POOL_BAR + 0.5);
}

static void views_pool(const struct model_session *s, char *out, size_t size)
{
	static const char full[] = "#####", empty[] = ".....";

	_Static_assert(sizeof(full) == VIEWS_POOL_BAR + 1 && sizeof(empty) == sizeof(full),
		       "one character a cell");
	if (strcmp(s->pool, "on") == 0 && s->pool_total_kib > 0)
		snprintf(out, size, "[%.*s%s] %" PRId64 "/%" PRId64 "M", views_pool_filled(s), full,
			 empty + views_pool_filled(s), s->pool_used_kib / 1024,
			 s->pool_total_kib / 1024);
	else
		snprintf(out, size, "%s", s->pool[0] ? s->pool : "none");
}

/* ---- the list ---- */

static void views_list_row(const struct model *m, struct canvas *c, int i, int row, int width,
			   int lines)
{
	const struct model_session *s = &m->session[i];
	const struct canvas_style *mark_style,
		*name = i == m->chosen ? &views_now[ACTIVE] : &views_now[PLAIN];
	const char *mark = views_mark(s, &mark_style);
	char age[24], egress[128];
	const int badge = 5;

	views_age(views_since(s), m->now_ms, age, sizeof(age));
	canvas_textf(c, row, 0, 1, &views_now[DIM], i < 9 ? "%d" : " ", i + 1);
	canvas_text(c, row, 1, 1, mark_style, mark);
	canvas_fill(c, &(struct canvas_box){row, 2, 1, width - 2}, name);
	canvas_text(c, row, 2, width - 2 - badge, name, s->name);
	canvas_text(c, row, width - badge + 1, badge - 1,
		    s->overlay ? &views_now[OVERLAY] : &views_now[LIVE],
		    s->overlay ? "OVER" : "LIVE");
	if (lines < 2)
		return;
	if (s->ended)
		views_end(s, egress, sizeof(egress));
	else
		views_egress(s, egress, sizeof(egress));
	if (s->ended)
		canvas_text(c, row + 1, 2, width - 2, &views_now[DIM], egress);
	else
		canvas_textf(c, row + 1, 2, width - 2, &views_now[DIM], "%s %s %s", views_doing(s),
			     age, egress);
}

static void views_list(const struct model *m, struct canvas *c)
{
	const int width = views_list_width(m, c->cols), lines = views_lines_each(m, c->rows),
		  room = (c->rows - 2) / lines;
	const int first = m->chosen >= room ? m->chosen - room + 1 : 0;

	if (!width)
		return;
	for (int row = 1; row < c->rows - 1; row++)
		canvas_text(c, row, width, 1, &views_now[DIM], "\xe2\x94\x82");
	for (int i = first; i < m->n && i - first < room; i++)
		views_list_row(m, c, i, 1 + (i - first) * lines, width, lines);
	if (m->n == 0)
		canvas_text(c, 1, 0, width, &views_now[DIM], "no sessions");
}

/* ---- panes ---- */

static void views_header(const struct model *m, struct canvas *c, const struct canvas_box *b,
			 const struct model_session *s, bool active)
{
	const struct canvas_style *style = active ? &views_now[BAR] : &views_now[DIM];
	char age[24], egress[128], memory[64], pool[64];
	int used;

	views_age(views_since(s), m->now_ms, age, sizeof(age));
	views_egress(s, egress, sizeof(egress));
	views_memory(s, memory, sizeof(memory));
	views_pool(s, pool, sizeof(pool));
	canvas_fill(c, &(struct canvas_box){b->row, b->col, 1, b->cols}, style);
	used = canvas_textf(c, b->row, b->col, b->cols, style, " %s",
			    s->overlay ? "OVERLAY" : "LIVE");
	if (s->ended) {
		views_end(s, egress, sizeof(egress));
		(void)canvas_textf(c, b->row, b->col + used, b->cols - used, style,
				   " %.60s \xc2\xb7 ended \xc2\xb7 %s", s->name, egress);
		return;
	}
	used += canvas_textf(c, b->row, b->col + used, b->cols - used, style,
			     " %.60s \xc2\xb7 %s %s", s->name, views_doing(s), age);
	(void)canvas_textf(c, b->row, b->col + used, b->cols - used, style,
			   " \xc2\xb7 egress %s \xc2\xb7 RAM %s \xc2\xb7 load %" PRId64
			   ".%02" PRId64 " \xc2\xb7 pool %s",
			   egress, memory, s->load_milli / 1000, s->load_milli / 10 % 100, pool);
}

static void views_cursor(const struct model *m, struct canvas *c, const struct canvas_box *b,
			 const struct view_screen *v, int first, bool ended)
{
	const int row = v->s.cursor_row - first, col = v->s.cursor_col;

	if (m->mode != MODEL_PANE || ended || !(v->s.modes & VIEW_CURSOR_VISIBLE) || row < 0 ||
	    row >= b->rows || col >= b->cols)
		return;
	c->cursor_row = b->row + row;
	c->cursor_col = b->col + col;
}

/* Whether a place of the history is selected. */
static bool views_is_selected(const struct model_span *span, uint64_t line, int col)
{
	if (line < span->from || line > span->to)
		return false;
	return span->kind == COPY_LINES || ((line > span->from || col >= span->from_column) &&
					    (line < span->to || col <= span->to_column));
}

static void views_history(const struct model *m, struct canvas *c, const struct canvas_box *b)
{
	const struct model_span span = model_selected(m);

	if (m->history.cells)
		canvas_copy(c, b, &m->history, 0);
	for (int row = 0; row < b->rows; row++) {
		const uint64_t line = m->copy_top + (uint64_t)row;

		for (int col = 0; col < b->cols; col++)
			if (views_is_selected(&span, line, col))
				c->cells[(b->row + row) * c->cols + b->col + col]
					.attr ^= VIEW_REVERSE;
		if (line == m->copy_line && m->copy_column < b->cols && m->mode == MODEL_COPY) {
			c->cursor_row = b->row + row;
			c->cursor_col = b->col + m->copy_column;
		}
	}
}

static void views_pane(struct model *m, struct canvas *c, int pane)
{
	struct model_session *s = model_in_pane(m, pane);
	struct canvas_box outer, b;

	if (!views_pane_outer(m, c->cols, c->rows, pane, &outer) ||
	    !views_pane_box(m, c->cols, c->rows, pane, &b))
		return;
	if (!s) {
		canvas_text(c, outer.row, outer.col, outer.cols, &views_now[DIM],
			    m->n ? " (empty)" : " n starts a session here; ? shows all keys");
		return;
	}
	views_header(m, c, &outer, s, pane == m->active);
	if ((m->mode == MODEL_COPY || m->mode == MODEL_SEARCH || m->mode == MODEL_SAVE) &&
	    pane == m->active) {
		views_history(m, c, &b);
	} else if (s->screen.cells) {
		const int first = views_first_row(&s->screen, b.rows);

		canvas_copy(c, &b, &s->screen, first);
		if (pane == m->active)
			views_cursor(m, c, &b, &s->screen, first, s->ended);
	} else if (s->ended) {
		canvas_text(c, b.row, b.col, b.cols, &views_now[DIM],
			    "ended: its screen was never shown");
	} else {
		canvas_text(c, b.row, b.col, b.cols, &views_now[DIM],
			    s->terminal ? "starting" : "started by a script: it has no screen");
	}
	if (outer.col + outer.cols < c->cols)
		for (int row = outer.row; row < outer.row + outer.rows; row++)
			canvas_text(c, row, outer.col + outer.cols, 1, &views_now[DIM],
				    "\xe2\x94\x82");
}

/* ---- bars ---- */

static void views_title(const struct model *m, struct canvas *c)
{
	const int waiting = model_waiting(m), living = model_living(m);
	int used;

	canvas_fill(c, &(struct canvas_box){0, 0, 1, c->cols}, &views_now[BAR]);
	used = canvas_textf(c, 0, 0, c->cols, &views_now[BAR], " ccvm  %d session%s", living,
			    living == 1 ? "" : "s");
	if (m->n > living)
		used += canvas_textf(c, 0, used, c->cols - used, &views_now[BAR], "  %d ended",
				     m->n - living);
	if (waiting)
		used += canvas_textf(c, 0, used, c->cols - used, &views_now[ACTIVE],
				     "  %d need%s you", waiting, waiting == 1 ? "s" : "");
	if (strcmp(m->spare.state, "running") == 0)
		canvas_text(c, 0, used, c->cols - used, &views_now[BAR], "  spare ready");
}

static const struct {
	enum model_mode mode;
	const char *text;
} views_hints[] = {
	{MODEL_LIST,
	 "Enter type  Tab next waiting  a answer  n new  x stop  g egress  ? help  q quit"},
	{MODEL_HELP, "Up Down scroll  any other key closes"},
	{MODEL_LOG_PANEL, "any key closes"},
	{MODEL_EGRESS, "a allow  o allow once  d deny  h hold and ask  r reread  Esc closes"},
	{MODEL_EXPLAIN, "any key closes"},
	{MODEL_COPY, "Up Down PgUp PgDn g G  / ? n N search  { } marks  v V select  y copy  w to a "
		     "file  q back"},
	{MODEL_NEW, "Enter start  Tab completes, next field  C-n C-p directories  Space switches "
		    "the mode  Esc back"},
	{MODEL_RENAME, "Enter rename  Esc back"},
};

static void views_line(const struct model *m, struct canvas *c, int row)
{
	const char *label = m->mode == MODEL_FIND   ? "session:"
			    : m->mode == MODEL_SAVE ? "write to file:"
			    : m->search_down	    ? "/"
						    : "?";

	c->cursor_row = row;
	c->cursor_col = canvas_textf(c, row, 0, c->cols - 1, &views_now[PLAIN], "%s %s", label,
				     m->line.text);
}

/* The link under the cursor of copy mode, or NULL. */
static const char *views_link(const struct model *m)
{
	const struct view_screen *v = &m->history;
	const uint64_t row = m->copy_line - v->s.top;

	if (m->mode != MODEL_COPY || !v->cells || m->copy_line < v->s.top || row >= v->rows ||
	    m->copy_column >= v->cols)
		return NULL;
	return links_uri(&v->links, view_row(v, (uint16_t)row)[m->copy_column].link);
}

static void views_ended(const struct model_session *s, struct canvas *c, int row,
			const char *prefix)
{
	char end[64];

	views_end(s, end, sizeof(end));
	canvas_textf(c, row, 0, c->cols, &views_now[PLAIN],
		     "%s: Enter closes%s  (%s l: the list; other keys do nothing)", end,
		     s->detached ? "  R restarts" : "", prefix);
}

static void views_status(struct model *m, struct canvas *c)
{
	const int row = c->rows - 1;
	const char *link = views_link(m);
	const struct model_session *s = model_active(m);
	char prefix[KEYNAME_SIZE];

	keyname_format(prefix, &m->prefix);
	canvas_fill(c, &(struct canvas_box){row, 0, 1, c->cols}, &views_now[DIM]);
	if (m->message[0])
		canvas_text(c, row, 0, c->cols, &views_now[BOLD], m->message);
	else if (link)
		canvas_textf(c, row, 0, c->cols, &views_now[PLAIN], "link: %s", link);
	else if (m->mode == MODEL_FIND || m->mode == MODEL_SEARCH || m->mode == MODEL_SAVE)
		views_line(m, c, row);
	else if (m->mode == MODEL_PANE && s && s->ended && !m->after_prefix)
		views_ended(s, c, row, prefix);
	else if (m->mode == MODEL_PANE)
		canvas_textf(c, row, 0, c->cols, &views_now[DIM], "%s %s", prefix,
			     m->after_prefix
				     ? "…  l list  n new  s panes  z zoom  [ look back  ? help"
				     : "then l: back to the list; then ?: all keys");
	else if (m->mode == MODEL_PEEK)
		canvas_textf(c, row, 0, c->cols, &views_now[DIM],
			     "keys go to the session; %s closes", prefix);
	for (size_t i = 0; !m->message[0] && !link && i < ARRAY_LEN(views_hints); i++)
		if (views_hints[i].mode == m->mode)
			canvas_text(c, row, 0, c->cols, &views_now[DIM], views_hints[i].text);
}

/* ---- dialogs and panels ---- */

static struct canvas_box views_dialog(struct canvas *c, int cols, int rows, const char *title)
{
	const int wide = cols < c->cols ? cols : c->cols,
		  high = rows < c->rows - 2 ? rows : c->rows - 2;

	return canvas_frame(
		c, &(struct canvas_box){(c->rows - high) / 2, (c->cols - wide) / 2, high, wide},
		&views_now[BOLD], title);
}

static void views_help(struct model *m, struct canvas *c)
{
	struct canvas_box b = views_dialog(c, 66, c->rows - 2, "keys");
	const struct command *k;

	for (int i = m->help_top, row = 0; row < b.rows && (k = command_at((size_t)i));
	     i++, row++) {
		char key[KEYNAME_SIZE];

		command_key_of(m, k, key);
		canvas_text(c, b.row + row, b.col + 1, 8, &views_now[BOLD], key);
		canvas_text(c, b.row + row, b.col + 10, b.cols - 10, &views_now[PLAIN], k->help);
	}
}

static void views_log(struct model *m, struct canvas *c)
{
	struct canvas_box b = views_dialog(c, c->cols - 4, c->rows - 4, "events");
	int from = m->log_n > b.rows ? m->log_n - b.rows : 0;

	if (m->log_n - from > MODEL_LOG)
		from = m->log_n - MODEL_LOG;
	for (int i = from; i < m->log_n; i++)
		canvas_text(c, b.row + i - from, b.col + 1, b.cols - 2, &views_now[PLAIN],
			    m->log[i % MODEL_LOG]);
}

static void views_egress_panel(struct model *m, struct canvas *c)
{
	const struct model_session *s = model_chosen(m);
	struct canvas_box b = views_dialog(c, c->cols - 4, c->rows - 4, "egress");
	const int first = m->egress_chosen >= b.rows - 2 ? m->egress_chosen - b.rows + 3 : 0;

	if (!s)
		return;
	canvas_textf(c, b.row, b.col + 1, b.cols - 2, &views_now[BOLD], "%.60s: %s%s%.100s",
		     s->name, s->egress, s->question[0] ? ", asks for " : "", s->question);
	for (int i = first; i < m->egress_n && i - first < b.rows - 2; i++) {
		const struct model_egress_row *r = &m->egress[i];

		canvas_textf(c, b.row + 2 + i - first, b.col + 1, b.cols - 2,
			     i == m->egress_chosen ? &views_now[BAR] : &views_now[PLAIN],
			     "%-8s %s  %" PRId64 "x  %s", r->verdict, r->entry, r->count,
			     r->reason);
	}
	if (!m->egress_n)
		canvas_text(c, b.row + 2, b.col + 1, b.cols - 2, &views_now[DIM],
			    "no connection was tried yet");
}

static void views_explain(struct model *m, struct canvas *c)
{
	const struct model_session *s = model_chosen(m);
	struct canvas_box b = views_dialog(c, 70, 10, "why");
	char age[24], memory[64];

	if (!s)
		return;
	views_age(views_since(s), m->now_ms, age, sizeof(age));
	views_memory(s, memory, sizeof(memory));
	canvas_textf(c, b.row, b.col + 1, b.cols - 2, &views_now[BOLD], "%.100s (%s)", s->name,
		     s->id);
	canvas_textf(c, b.row + 1, b.col + 1, b.cols - 2, &views_now[PLAIN],
		     "session %s, agent %s for %s", s->state, s->agent, age);
	canvas_textf(c, b.row + 2, b.col + 1, b.cols - 2, &views_now[PLAIN], "because %s", s->why);
	canvas_textf(c, b.row + 3, b.col + 1, b.cols - 2, &views_now[PLAIN], "title: %s", s->title);
	canvas_textf(c, b.row + 4, b.col + 1, b.cols - 2, &views_now[PLAIN], "workspace: %s",
		     s->workspace);
	canvas_textf(c, b.row + 5, b.col + 1, b.cols - 2, &views_now[PLAIN], "%s",
		     s->overlay ? "OVERLAY: edits are discarded at exit"
				: "LIVE: edits land in the workspace");
	canvas_textf(c, b.row + 6, b.col + 1, b.cols - 2, &views_now[PLAIN],
		     "memory %s, load %" PRId64 ".%02" PRId64, memory, s->load_milli / 1000,
		     s->load_milli / 10 % 100);
}

/* The last rows of the chosen session's screen that are not blank. */
static void views_peek(struct model *m, struct canvas *c)
{
	const struct model_session *s = model_chosen(m);
	struct canvas_box b = views_dialog(c, c->cols - 4, c->rows * 2 / 3, s ? s->name : "");
	int last;

	if (!s || !s->screen.cells)
		return;
	for (last = s->screen.rows; last > 1; last--) {
		AUTO_BUF struct buf text = {0};

		view_row_text(&text, view_row(&s->screen, (uint16_t)(last - 1)), s->screen.cols);
		if (buf_len(&text))
			break;
	}
	canvas_copy(c, &b, &s->screen, last > b.rows ? last - b.rows : 0);
}

static void views_rename(struct model *m, struct canvas *c)
{
	struct canvas_box b = views_dialog(c, 50, 3, "new name");

	c->cursor_row = b.row;
	c->cursor_col = b.col + 1 +
			canvas_text(c, b.row, b.col + 1, b.cols - 2, &views_now[PLAIN],
				    m->line.text);
}

static void views_new(struct model *m, struct canvas *c)
{
	static const char *const labels[FORM_FIELDS] = {
		[FORM_DIRECTORY] = "directory", [FORM_NAME] = "name",
		[FORM_MODE] = "mode",		[FORM_MEMORY] = "memory MiB",
		[FORM_CORES] = "cores",		[FORM_POOL] = "pool GiB",
		[FORM_ALLOWLIST] = "allowlist", [FORM_ARGUMENTS] = "arguments",
		[FORM_PROMPT] = "prompt",
	};
	struct canvas_box b = views_dialog(
		c, 70, FORM_FIELDS + 2 + (m->form_field == FORM_DIRECTORY ? m->suggestions : 0),
		"new session");
	int row = b.row;

	for (int i = 0; i < FORM_FIELDS && row < b.row + b.rows; i++, row++) {
		const bool here = i == m->form_field;
		int used;

		canvas_text(c, row, b.col + 1, 11, here ? &views_now[BOLD] : &views_now[DIM],
			    labels[i]);
		used = canvas_text(c, row, b.col + 13, b.cols - 14, &views_now[PLAIN],
				   m->form[i].text);
		if (here) {
			c->cursor_row = row;
			c->cursor_col = b.col + 13 + used;
		}
		for (int k = 0;
		     i == FORM_DIRECTORY && here && k < m->suggestions && row + 1 < b.row + b.rows;
		     k++)
			canvas_text(c, ++row, b.col + 15, b.cols - 16,
				    k == m->suggestion_chosen ? &views_now[BAR] : &views_now[DIM],
				    m->suggestion[k].text);
	}
}

/* Before the end of a guest: what is lost with it. */
static void views_ask_end(struct model *m, struct canvas *c, const char *title, const char *before,
			  const char *after, const char *keys)
{
	const struct model_session *s = model_chosen(m);
	struct canvas_box b = views_dialog(c, 60, 5, title);

	if (!s)
		return;
	canvas_textf(c, b.row, b.col + 1, b.cols - 2, &views_now[BOLD], "%s %.100s%s", before,
		     s->name, after);
	canvas_text(c, b.row + 1, b.col + 1, b.cols - 2, &views_now[PLAIN],
		    s->overlay ? "OVERLAY: everything it changed is lost."
			       : "Its edits are in the workspace; the rest of the guest is lost.");
	canvas_text(c, b.row + 2, b.col + 1, b.cols - 2, &views_now[PLAIN], keys);
}

static void views_ask_stop(struct model *m, struct canvas *c)
{
	views_ask_end(m, c, "stop", "Stop", "?", "y stops it, any other key does not");
}

static void views_ask_restart(struct model *m, struct canvas *c)
{
	views_ask_end(m, c, "restart", "End", " and start one like it?",
		      "y restarts it, any other key does not");
}

static void views_ask_quit(struct model *m, struct canvas *c)
{
	struct canvas_box b = views_dialog(c, 60, 5, "quit");

	canvas_textf(c, b.row, b.col + 1, b.cols - 2, &views_now[BOLD], "%d session%s.",
		     model_living(m), model_living(m) == 1 ? "" : "s");
	canvas_text(c, b.row + 1, b.col + 1, b.cols - 2, &views_now[PLAIN],
		    "l or Enter: quit and leave them running");
	canvas_text(c, b.row + 2, b.col + 1, b.cols - 2, &views_now[PLAIN],
		    "S: stop those of ccvm-tui and ccvmctl new, then quit");
}

static const struct {
	enum model_mode mode;
	void (*draw)(struct model *m, struct canvas *c);
} views_overlays[] = {
	{MODEL_HELP, views_help},
	{MODEL_LOG_PANEL, views_log},
	{MODEL_EGRESS, views_egress_panel},
	{MODEL_EXPLAIN, views_explain},
	{MODEL_PEEK, views_peek},
	{MODEL_RENAME, views_rename},
	{MODEL_NEW, views_new},
	{MODEL_ASK_STOP, views_ask_stop},
	{MODEL_ASK_QUIT, views_ask_quit},
	{MODEL_ASK_RESTART, views_ask_restart},
};

void views_draw(struct model *m, struct canvas *c)
{
	views_now = views_themes[m->theme];
	views_title(m, c);
	views_list(m, c);
	for (int i = 0; i < m->panes; i++)
		views_pane(m, c, i);
	views_status(m, c);
	for (size_t i = 0; i < ARRAY_LEN(views_overlays); i++)
		if (views_overlays[i].mode == m->mode)
			views_overlays[i].draw(m, c);
}
