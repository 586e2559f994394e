#include "ui/command.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* ---- commands of the list ---- */

static void command_up(struct model *m, const struct key *k)
{
	(void)k;
	model_choose(m, m->chosen - 1);
}

static void command_down(struct model *m, const struct key *k)
{
	(void)k;
	model_choose(m, m->chosen + 1);
}

static void command_number(struct model *m, const struct key *k)
{
	model_choose(m, (int)(k->code - '1'));
}

static void command_enter(struct model *m, const struct key *k)
{
	struct model_session *s = model_chosen(m);

	(void)k;
	model_show(m);
	if (!s)
		return;
	if (!s->terminal) {
		model_say(m, "%.100s was started by a script: there is nothing to type into", s->name);
		return;
	}
	s->unseen_bell = false;
	m->mode = MODEL_PANE;
}

static void command_list(struct model *m, const struct key *k)
{
	(void)k;
	m->mode = MODEL_LIST;
	m->zoomed = false;
}

static void command_next_waiting(struct model *m, const struct key *k)
{
	const int next = model_next_waiting(m);

	(void)k;
	if (next < 0)
		model_say(m, "nobody waits for you");
	else
		model_choose(m, next);
}

static void command_find(struct model *m, const struct key *k)
{
	(void)k;
	model_open(m, MODEL_FIND);
}

static void command_peek(struct model *m, const struct key *k)
{
	(void)k;
	if (model_chosen(m))
		model_open(m, MODEL_PEEK);
}

static void command_new(struct model *m, const struct key *k)
{
	(void)k;
	model_open(m, MODEL_NEW);
	m->form_field = 0;
}

static void command_rename(struct model *m, const struct key *k)
{
	struct model_session *s = model_chosen(m);

	(void)k;
	if (!s)
		return;
	model_open(m, MODEL_RENAME);
	snprintf(m->line.text, sizeof(m->line.text), "%s", s->name);
}

static void command_stop(struct model *m, const struct key *k)
{
	(void)k;
	if (model_chosen(m))
		model_open(m, MODEL_ASK_STOP);
}

static void command_explain(struct model *m, const struct key *k)
{
	(void)k;
	if (model_chosen(m))
		model_open(m, MODEL_EXPLAIN);
}

static void command_egress(struct model *m, const struct key *k)
{
	(void)k;
	if (!model_chosen(m))
		return;
	model_open(m, MODEL_EGRESS);
	m->egress_n = m->egress_chosen = 0;
	m->wish = WISH_EGRESS_LOG;
}

static void command_log(struct model *m, const struct key *k)
{
	(void)k;
	model_open(m, MODEL_LOG_PANEL);
}

static void command_help(struct model *m, const struct key *k)
{
	(void)k;
	model_open(m, MODEL_HELP);
	m->help_top = 0;
}

static void command_panes(struct model *m, const struct key *k)
{
	(void)k;
	model_set_panes(m, m->panes == 1 ? 2 : m->panes == 2 ? 4 : 1);
}

static void command_next_pane(struct model *m, const struct key *k)
{
	(void)k;
	m->active = (m->active + 1) % m->panes;
	for (int i = 0; i < m->n; i++)
		if (strcmp(m->session[i].id, m->pane[m->active]) == 0)
			m->chosen = i;
}

static void command_zoom(struct model *m, const struct key *k)
{
	(void)k;
	m->zoomed = !m->zoomed;
}

static void command_copy_mode(struct model *m, const struct key *k)
{
	struct model_session *s = model_in_pane(m, m->active);

	(void)k;
	if (!s || !s->screen.cells)
		return;
	model_open(m, MODEL_COPY);
	m->copy_top = s->screen.s.top;
	m->copy_line = s->screen.s.top + s->screen.s.cursor_row;
	m->copy_marked = false;
	m->wish = WISH_LINES;
}

static void command_redraw(struct model *m, const struct key *k)
{
	(void)k;
	m->wish = WISH_REDRAW;
}

static void command_quit(struct model *m, const struct key *k)
{
	(void)k;
	if (m->n == 0)
		m->wish = WISH_QUIT;
	else
		model_open(m, MODEL_ASK_QUIT);
}

static const struct command commands[] = {
	{"Up", "the session above", command_up},
	{"Down", "the session below", command_down},
	{"k", "the session above", command_up},
	{"j", "the session below", command_down},
	{"1", "session 1, and so on to 9 (Alt+1 … Alt+9 everywhere)", command_number},
	{"Tab", "the next session that needs you", command_next_waiting},
	{"/", "find a session by letters of its name", command_find},
	{"Enter", "type into the session", command_enter},
	{"l", "back to the list", command_list},
	{"a", "answer: look at the question and answer it from here", command_peek},
	{"e", "explain the session's state", command_explain},
	{"n", "new session", command_new},
	{"r", "rename", command_rename},
	{"x", "stop", command_stop},
	{"g", "egress: what was refused; allow or deny", command_egress},
	{"v", "log of events", command_log},
	{"[", "look back, search, copy", command_copy_mode},
	{"s", "one, two or four panes", command_panes},
	{"o", "the next pane", command_next_pane},
	{"z", "zoom the pane", command_zoom},
	{"C-l", "draw everything anew", command_redraw},
	{"?", "help", command_help},
	{"q", "quit; sessions go on or are stopped, as you choose", command_quit},
};

const struct command *command_at(size_t i)
{
	return i < ARRAY_LEN(commands) ? &commands[i] : NULL;
}

static bool command_is(const struct key *a, const struct key *b)
{
	return a->code == b->code && a->mods == b->mods;
}

static bool command_run(struct model *m, const struct key *k)
{
	if (k->code >= '1' && k->code <= '9' && !k->mods) {
		command_number(m, k);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct key wanted;

		if (keyname_parse(&wanted, commands[i].key) && command_is(&wanted, k)) {
			commands[i].run(m, k);
			return true;
		}
	}
	return false;
}

/* ---- a line being typed ---- */

static void command_line_add(struct model_line *line, uint32_t ch)
{
	AUTO_BUF struct buf text = {0};
	size_t n = strlen(line->text);

	view_put_utf8(&text, ch);
	if (n + buf_len(&text) < sizeof(line->text))
		memcpy(line->text + n, buf_text(&text), buf_len(&text) + 1);
}

static void command_line_back(struct model_line *line)
{
	size_t n = strlen(line->text);

	while (n > 0 && (line->text[n - 1] & 0xc0) == 0x80)
		n--;
	line->text[n ? n - 1 : 0] = '\0';
}

/* True when the key changed the line. */
static bool command_edit(struct model_line *line, const struct key *k)
{
	if (k->code == VIEW_KEY_BACKSPACE)
		command_line_back(line);
	else if (k->code == 'u' && k->mods == VIEW_CTRL)
		line->text[0] = '\0';
	else if (k->code < VIEW_KEY_BASE && !(k->mods & (VIEW_CTRL | VIEW_ALT)) && view_is_char(k->code))
		command_line_add(line, k->code);
	else
		return false;
	return true;
}

/* ---- one function a mode; true: the key is for the session ---- */

static bool command_in_list(struct model *m, const struct key *k)
{
	(void)command_run(m, k);
	return false;
}

static bool command_in_pane(struct model *m, const struct key *k)
{
	const bool is_prefix = command_is(k, &m->prefix);

	if (m->after_prefix) {
		m->after_prefix = false;
		if (is_prefix)
			return true; /* twice: the program gets it once */
		if (!command_run(m, k))
			model_say(m, "no such key; ? behind the prefix shows them");
		return false;
	}
	m->after_prefix = is_prefix;
	return !is_prefix;
}

static bool command_in_peek(struct model *m, const struct key *k)
{
	if (command_is(k, &m->prefix)) {
		model_close(m);
		return false;
	}
	return true; /* stays open, so that the answer's effect is seen; the prefix key closes it */
}

static bool command_in_help(struct model *m, const struct key *k)
{
	if (k->code == VIEW_KEY_DOWN || k->code == 'j')
		m->help_top += m->help_top < (int)ARRAY_LEN(commands) - 1;
	else if (k->code == VIEW_KEY_UP || k->code == 'k')
		m->help_top -= m->help_top > 0;
	else
		model_close(m);
	return false;
}

static bool command_in_panel(struct model *m, const struct key *k)
{
	(void)k;
	model_close(m);
	return false;
}

static bool command_in_egress(struct model *m, const struct key *k)
{
	static const struct {
		uint32_t key;
		enum model_wish wish;
	} wishes[] = {{'a', WISH_ALLOW}, {'o', WISH_ALLOW_ONCE}, {'d', WISH_DENY}, {'h', WISH_HOLD}, {'r', WISH_EGRESS_LOG}};

	for (size_t i = 0; i < ARRAY_LEN(wishes); i++)
		if (k->code == wishes[i].key && !k->mods)
			m->wish = wishes[i].wish;
	if ((k->code == VIEW_KEY_DOWN || k->code == 'j') && m->egress_chosen + 1 < m->egress_n)
		m->egress_chosen++;
	else if ((k->code == VIEW_KEY_UP || k->code == 'k') && m->egress_chosen > 0)
		m->egress_chosen--;
	else if (k->code == VIEW_KEY_ESCAPE || k->code == 'q')
		model_close(m);
	return false;
}

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

static bool command_copy_move(struct model *m, const struct key *k)
{
	const struct model_session *s = model_in_pane(m, m->active);
	const int64_t page = s && s->screen.rows > 2 ? s->screen.rows - 2 : 1, far = 1 << 30;
	const struct {
		uint32_t key;
		int64_t by;
	} moves[] = {{VIEW_KEY_UP, -1}, {'k', -1}, {VIEW_KEY_DOWN, 1}, {'j', 1}, {VIEW_KEY_PAGE_UP, -page}, {VIEW_KEY_PAGE_DOWN, page},
		     {'g', -far},	{'G', far}, {VIEW_KEY_HOME, -far}, {VIEW_KEY_END, far}};

	for (size_t i = 0; i < ARRAY_LEN(moves); i++)
		if (moves[i].key == k->code) {
			command_copy_go(m, moves[i].by);
			return true;
		}
	return false;
}

static bool command_in_copy(struct model *m, const struct key *k)
{
	if (command_copy_move(m, k))
		return false;
	if (k->code == '/' || k->code == '?') {
		m->search_down = k->code == '/';
		m->mode = MODEL_SEARCH;
		m->line.text[0] = '\0';
	} else if (k->code == 'n' || k->code == 'N') {
		m->search_down = m->search_down != (k->code == 'N');
		m->wish = WISH_SEARCH;
	} else if (k->code == 'v' || k->code == ' ') {
		m->copy_marked = !m->copy_marked;
		m->copy_mark = m->copy_line;
	} else if (k->code == 'y' || k->code == VIEW_KEY_ENTER) {
		m->wish = WISH_COPY;
	} else if (k->code == 'q' || k->code == VIEW_KEY_ESCAPE) {
		model_close(m);
	}
	return false;
}

static bool command_in_search(struct model *m, const struct key *k)
{
	if (k->code == VIEW_KEY_ENTER) {
		m->mode = MODEL_COPY;
		m->wish = WISH_SEARCH;
	} else if (k->code == VIEW_KEY_ESCAPE) {
		m->mode = MODEL_COPY;
	} else {
		(void)command_edit(&m->line, k);
	}
	return false;
}

static bool command_in_find(struct model *m, const struct key *k)
{
	if (k->code == VIEW_KEY_ENTER || k->code == VIEW_KEY_ESCAPE)
		model_close(m);
	else if (command_edit(&m->line, k) && m->line.text[0])
		model_choose(m, model_find_by_letters(m, m->line.text));
	return false;
}

static bool command_in_rename(struct model *m, const struct key *k)
{
	if (k->code == VIEW_KEY_ENTER && m->line.text[0])
		m->wish = WISH_RENAME;
	if (k->code == VIEW_KEY_ENTER || k->code == VIEW_KEY_ESCAPE)
		model_close(m);
	else
		(void)command_edit(&m->line, k);
	return false;
}

static bool command_in_new(struct model *m, const struct key *k)
{
	if (k->code == VIEW_KEY_ENTER) {
		m->wish = WISH_NEW;
		model_close(m);
	} else if (k->code == VIEW_KEY_ESCAPE) {
		model_close(m);
	} else if (k->code == VIEW_KEY_DOWN || (k->code == VIEW_KEY_TAB && !k->mods)) {
		m->form_field = (m->form_field + 1) % FORM_FIELDS;
	} else if (k->code == VIEW_KEY_UP || k->code == VIEW_KEY_TAB) {
		m->form_field = (m->form_field + FORM_FIELDS - 1) % FORM_FIELDS;
	} else if (m->form_field == FORM_MODE) {
		if (k->code == ' ' || k->code == VIEW_KEY_LEFT || k->code == VIEW_KEY_RIGHT)
			strcpy(m->form[FORM_MODE].text, strcmp(m->form[FORM_MODE].text, "overlay") == 0 ? "live" : "overlay");
	} else {
		(void)command_edit(&m->form[m->form_field], k);
	}
	return false;
}

static bool command_in_ask_stop(struct model *m, const struct key *k)
{
	if (k->code == 'y')
		m->wish = WISH_STOP;
	model_close(m);
	return false;
}

static bool command_in_ask_quit(struct model *m, const struct key *k)
{
	if (k->code == 'l' || k->code == VIEW_KEY_ENTER)
		m->wish = WISH_QUIT;
	else if (k->code == 'S')
		m->wish = WISH_QUIT_AND_STOP;
	model_close(m);
	return false;
}

bool command_key(struct model *m, const struct key *k)
{
	static bool (*const modes[])(struct model *, const struct key *) = {
		[MODEL_LIST] = command_in_list,		[MODEL_PANE] = command_in_pane,	     [MODEL_HELP] = command_in_help,
		[MODEL_LOG_PANEL] = command_in_panel,	[MODEL_EGRESS] = command_in_egress,  [MODEL_EXPLAIN] = command_in_panel,
		[MODEL_PEEK] = command_in_peek,		[MODEL_COPY] = command_in_copy,	     [MODEL_SEARCH] = command_in_search,
		[MODEL_FIND] = command_in_find,		[MODEL_RENAME] = command_in_rename,  [MODEL_NEW] = command_in_new,
		[MODEL_ASK_STOP] = command_in_ask_stop, [MODEL_ASK_QUIT] = command_in_ask_quit,
	};

	m->message[0] = '\0';
	if (k->mods == VIEW_ALT && k->code >= '1' && k->code <= '9' && (m->mode == MODEL_LIST || m->mode == MODEL_PANE)) {
		model_choose(m, (int)(k->code - '1'));
		return false;
	}
	return modes[m->mode](m, k);
}

bool command_paste(struct model *m, const char *text)
{
	struct model_line *line = m->mode == MODEL_NEW && m->form_field != FORM_MODE ? &m->form[m->form_field]
				  : m->mode == MODEL_RENAME || m->mode == MODEL_FIND || m->mode == MODEL_SEARCH ? &m->line : NULL;
	const size_t n = strlen(text);

	if (!line)
		return m->mode == MODEL_PANE || m->mode == MODEL_PEEK;
	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = view_get_utf8((const unsigned char *)text + i, n - i, &ch);

		if (len && view_is_char(ch))
			command_line_add(line, ch);
		i += len ? len : 1;
	}
	return false;
}
