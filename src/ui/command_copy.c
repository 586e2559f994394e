/* command_copy: keys in a pane's history. */
#include "ui/command.h"
#include "ui/command_mode.h"
#include "base/mem.h"

/* Keeps the line in sight and within what is kept. */
static void command_copy_go(struct model *m, int64_t by)
{
	const struct model_session *s = model_in_pane(m, m->active);
	int64_t first, last, rows, line;

	if (!s || !s->screen.cells)
		return;
	first = (int64_t)s->screen.s.first;
	rows = s->screen.rows;
	last = (int64_t)s->screen.s.top + rows - 1;
	line = (int64_t)m->copy_line + by;
	line = line < first ? first : line > last ? last : line;
	m->copy_line = (uint64_t)line;
	if (line < (int64_t)m->copy_top)
		m->copy_top = (uint64_t)line;
	else if (line >= (int64_t)m->copy_top + rows)
		m->copy_top = (uint64_t)(line - rows + 1);
	m->wish = WISH_LINES;
}

static void command_copy_column(struct model *m, int to)
{
	const struct model_session *s = model_in_pane(m, m->active);
	const int last = s && s->screen.cols ? s->screen.cols - 1 : 0;

	m->copy_column = to < 0 ? 0 : to > last ? last : to;
}

/* To the next mark of this session in one direction. */
static void command_copy_mark(struct model *m, bool down)
{
	const struct model_session *s = model_in_pane(m, m->active);
	const struct model_mark *best = NULL;

	for (int i = s && s->marks > MODEL_MARKS ? s->marks - MODEL_MARKS : 0; s && i < s->marks;
	     i++) {
		const struct model_mark *mark = &s->mark[i % MODEL_MARKS];

		if (mark->line < s->screen.s.first ||
		    (down ? mark->line <= m->copy_line : mark->line >= m->copy_line))
			continue;
		if (!best || (down ? mark->line < best->line : mark->line > best->line))
			best = mark;
	}
	if (!best) {
		model_say(m,
			  "no mark in that direction (prompts, questions and refusals set marks)");
		return;
	}
	command_copy_go(m, (int64_t)best->line - (int64_t)m->copy_line);
	model_say(m, "%s", best->what);
}

void command_copy_select(struct model *m, enum copy_kind kind)
{
	m->copy_kind = m->copy_kind == kind ? COPY_NOTHING : kind;
	m->copy_mark = m->copy_line;
	m->copy_mark_column = m->copy_column;
}

void command_copy_point(struct model *m, int row, int column)
{
	command_copy_go(m, (int64_t)m->copy_top + row - (int64_t)m->copy_line);
	command_copy_column(m, column);
}

/* Moves in the line. */
static bool command_copy_across(struct model *m, const struct key *k)
{
	const int far = VIEW_COLS_MAX;
	const struct {
		uint32_t key;
		int to;
	} moves[] = {{VIEW_KEY_LEFT, m->copy_column - 1},
		     {'h', m->copy_column - 1},
		     {VIEW_KEY_RIGHT, m->copy_column + 1},
		     {'l', m->copy_column + 1},
		     {'0', 0},
		     {'$', far}};

	for (size_t i = 0; i < ARRAY_LEN(moves); i++)
		if (moves[i].key == k->code && !k->mods) {
			command_copy_column(m, moves[i].to);
			return true;
		}
	return false;
}

static bool command_copy_move(struct model *m, const struct key *k)
{
	const struct model_session *s = model_in_pane(m, m->active);
	const int64_t page = s && s->screen.rows > 2 ? s->screen.rows - 2 : 1, far = 1 << 30;
	const struct {
		uint32_t key;
		int64_t by;
	} moves[] = {{VIEW_KEY_UP, -1},
		     {'k', -1},
		     {VIEW_KEY_DOWN, 1},
		     {'j', 1},
		     {VIEW_KEY_PAGE_UP, -page},
		     {VIEW_KEY_PAGE_DOWN, page},
		     {'g', -far},
		     {'G', far},
		     {VIEW_KEY_HOME, -far},
		     {VIEW_KEY_END, far}};

	for (size_t i = 0; i < ARRAY_LEN(moves); i++)
		if (moves[i].key == k->code) {
			command_copy_go(m, moves[i].by);
			return true;
		}
	return false;
}

bool command_in_copy(struct model *m, const struct key *k)
{
	if (command_copy_move(m, k) || command_copy_across(m, k))
		return false;
	if (k->code == '/' || k->code == '?') {
		m->search_down = k->code == '/';
		m->mode = MODEL_SEARCH;
		m->line.text[0] = '\0';
	} else if (k->code == 'n' || k->code == 'N') {
		m->search_now_down = m->search_down != (k->code == 'N');
		m->wish = WISH_SEARCH;
	} else if (k->code == '{' || k->code == '}') {
		command_copy_mark(m, k->code == '}');
	} else if (k->code == 'v' || k->code == ' ') {
		command_copy_select(m, COPY_CHARS);
	} else if (k->code == 'V') {
		command_copy_select(m, COPY_LINES);
	} else if (k->code == 'w') {
		m->mode = MODEL_SAVE;
		m->line.text[0] = '\0';
	} else if (k->code == 'y' || k->code == VIEW_KEY_ENTER) {
		m->wish = WISH_COPY;
	} else if (k->code == 'q' || k->code == VIEW_KEY_ESCAPE) {
		model_close(m);
	}
	return false;
}

bool command_in_search(struct model *m, const struct key *k)
{
	if (k->code == VIEW_KEY_ENTER) {
		m->mode = MODEL_COPY;
		m->search = m->line;
		m->search_now_down = m->search_down;
		m->wish = WISH_SEARCH;
	} else if (k->code == VIEW_KEY_ESCAPE) {
		m->mode = MODEL_COPY;
	} else {
		(void)command_edit(&m->line, k);
	}
	return false;
}

/* The name of the file for what is selected. */
bool command_in_save(struct model *m, const struct key *k)
{
	if (k->code == VIEW_KEY_ENTER && m->line.text[0])
		m->wish = WISH_SAVE;
	if (k->code == VIEW_KEY_ENTER || k->code == VIEW_KEY_ESCAPE)
		m->mode = MODEL_COPY;
	else
		(void)command_edit(&m->line, k);
	return false;
}
