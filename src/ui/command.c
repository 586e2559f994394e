#include "ui/command.h"
#include "base/mem.h"
#include "ui/command_mode.h"

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
		model_say(m, "%.100s was started by a script: it has no terminal to type into",
			  s->name);
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
		model_say(m, "no session needs you");
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
	m->suggestion_chosen = -1;
	m->directory_typed = false;
	m->wish = WISH_SUGGEST;
}

static void command_rename(struct model *m, const struct key *k)
{
	struct model_session *s = model_chosen(m);

	(void)k;
	if (!s || s->ended)
		return;
	model_open(m, MODEL_RENAME);
	snprintf(m->line.text, sizeof(m->line.text), "%s", s->name);
}

static void command_stop(struct model *m, const struct key *k)
{
	const struct model_session *s = model_chosen(m);

	(void)k;
	if (s && s->ended && model_may_answer(m))
		model_dismiss(m, s->id);
	else if (s && !s->ended)
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
	if (!model_chosen(m) || model_chosen(m)->ended)
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
	if (s && s->ended)
		model_say(m, "%.100s has ended: only its last screen is kept", s->name);
	if (!s || !s->screen.cells || s->ended)
		return;
	model_open(m, MODEL_COPY);
	m->copy_top = s->screen.s.top;
	m->copy_line = s->screen.s.top + s->screen.s.cursor_row;
	m->copy_column = 0;
	m->copy_kind = COPY_NOTHING;
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
	if (model_living(m) == 0)
		m->wish = WISH_QUIT;
	else
		model_open(m, MODEL_ASK_QUIT);
}

static void command_restart(struct model *m, const struct key *k)
{
	const struct model_session *s = model_chosen(m);

	(void)k;
	if (s && s->ended && model_may_answer(m))
		m->wish = WISH_RESTART;
	else if (s && s->ended)
		return;
	else if (s && s->detached)
		model_open(m, MODEL_ASK_RESTART);
	else if (s)
		model_say(m, "%.100s belongs to the terminal it was started in", s->name);
}

/* The names are those of TUI_COMMANDS (conf/tui_command.h), for the option tui.keys. */
static const struct command commands[] = {
	{"Up", "up", "the session above", command_up},
	{"Down", "down", "the session below", command_down},
	{"k", "up", "the session above", command_up},
	{"j", "down", "the session below", command_down},
	{"1", "", "session 1, and so on to 9 (Alt+1 … Alt+9 everywhere)", command_number},
	{"Tab", "next-waiting", "the next session that needs you", command_next_waiting},
	{"/", "find", "find a session by letters of its name", command_find},
	{"Enter", "enter", "type into the session", command_enter},
	{"l", "list", "back to the list", command_list},
	{"a", "answer", "answer: look at the question and answer it from here", command_peek},
	{"e", "explain", "explain the session's state", command_explain},
	{"n", "new", "new session", command_new},
	{"r", "rename", "rename", command_rename},
	{"x", "stop", "stop; forget one that has ended", command_stop},
	{"R", "restart", "restart: end it and start one like it", command_restart},
	{"g", "egress", "egress: what was refused; allow or deny", command_egress},
	{"v", "events", "log of events", command_log},
	{"[", "copy", "look back, search, copy", command_copy_mode},
	{"s", "panes", "one, two or four panes", command_panes},
	{"o", "next-pane", "the next pane", command_next_pane},
	{"z", "zoom", "zoom the pane", command_zoom},
	{"C-l", "redraw", "redraw the screen", command_redraw},
	{"?", "help", "help", command_help},
	{"q", "quit", "quit; sessions go on or are stopped, as you choose", command_quit},
};

const struct command *command_at(size_t i)
{
	return i < ARRAY_LEN(commands) ? &commands[i] : NULL;
}

static const struct command *command_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

bool command_bind(struct model *m, const char *binding)
{
	const char *is = strchr(binding, '=');
	AUTO_FREE char *name = mem_strndup(binding, is ? (size_t)(is - binding) : 0);
	struct model_binding *b = &m->binding[m->bindings];

	if (!name[0] || m->bindings == MODEL_BINDINGS || !keyname_parse(&b->key, is + 1))
		return false;
	b->command = command_named(name);
	m->bindings += b->command != NULL;
	return b->command != NULL;
}

void command_key_of(const struct model *m, const struct command *c, char out[KEYNAME_SIZE])
{
	snprintf(out, KEYNAME_SIZE, "%s", c->key);
	for (int i = 0; i < m->bindings; i++)
		if (m->binding[i].command == c)
			keyname_format(out, &m->binding[i].key);
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
	for (int i = 0; i < m->bindings; i++)
		if (command_is(&m->binding[i].key, k)) {
			m->binding[i].command->run(m, k);
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

/* ---- one function a mode; true: the key is for the session ---- */

static bool command_in_list(struct model *m, const struct key *k)
{
	(void)command_run(m, k);
	return false;
}

/* Of keys that were on their way to the session's program, none does anything here. */
static void command_in_ended(struct model *m, const struct key *k)
{
	const struct model_session *s = model_active(m);

	if (k->mods || !model_may_answer(m))
		return;
	if (k->code == VIEW_KEY_ENTER) {
		model_dismiss(m, s->id);
	} else if (k->code == 'R') {
		m->chosen = (int)(s - m->session);
		m->wish = WISH_RESTART;
	}
}

static bool command_is_ended(struct model *m)
{
	const struct model_session *s = model_active(m);

	return s && s->ended;
}

static bool command_in_pane(struct model *m, const struct key *k)
{
	const bool is_prefix = command_is(k, &m->prefix);

	if (m->after_prefix) {
		m->after_prefix = false;
		if (is_prefix)
			return true; /* twice: the program gets it once */
		if (!command_run(m, k))
			model_say(m, "unknown key: ? after the prefix shows all keys");
		return false;
	}
	m->after_prefix = is_prefix;
	if (!is_prefix && command_is_ended(m)) {
		command_in_ended(m, k);
		return false;
	}
	return !is_prefix;
}

static bool command_in_peek(struct model *m, const struct key *k)
{
	if (command_is(k, &m->prefix)) {
		model_close(m);
		return false;
	}
	/* stays open, so that the answer's effect is seen; the prefix key closes it */
	return !command_is_ended(m);
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
	} wishes[] = {{'a', WISH_ALLOW},
		      {'o', WISH_ALLOW_ONCE},
		      {'d', WISH_DENY},
		      {'h', WISH_HOLD},
		      {'r', WISH_EGRESS_LOG}};

	for (size_t i = 0; i < ARRAY_LEN(wishes); i++)
		if (k->code == wishes[i].key && !k->mods &&
		    (wishes[i].wish == WISH_EGRESS_LOG || model_may_answer(m)))
			m->wish = wishes[i].wish;
	if ((k->code == VIEW_KEY_DOWN || k->code == 'j') && m->egress_chosen + 1 < m->egress_n)
		m->egress_chosen++;
	else if ((k->code == VIEW_KEY_UP || k->code == 'k') && m->egress_chosen > 0)
		m->egress_chosen--;
	else if (k->code == VIEW_KEY_ESCAPE || k->code == 'q')
		model_close(m);
	return false;
}

bool command_key(struct model *m, const struct key *k)
{
	static bool (*const modes[])(struct model *, const struct key *) = {
		[MODEL_LIST] = command_in_list,
		[MODEL_PANE] = command_in_pane,
		[MODEL_HELP] = command_in_help,
		[MODEL_LOG_PANEL] = command_in_panel,
		[MODEL_EGRESS] = command_in_egress,
		[MODEL_EXPLAIN] = command_in_panel,
		[MODEL_PEEK] = command_in_peek,
		[MODEL_COPY] = command_in_copy,
		[MODEL_SEARCH] = command_in_search,
		[MODEL_FIND] = command_in_find,
		[MODEL_RENAME] = command_in_rename,
		[MODEL_NEW] = command_in_new,
		[MODEL_ASK_STOP] = command_in_ask_stop,
		[MODEL_ASK_QUIT] = command_in_ask_quit,
		[MODEL_ASK_RESTART] = command_in_ask_restart,
		[MODEL_SAVE] = command_in_save,
	};

	const bool number = k->mods == VIEW_ALT && k->code >= '1' && k->code <= '9' &&
			    (m->mode == MODEL_LIST || m->mode == MODEL_PANE);
	bool passes = false;

	m->message[0] = '\0';
	m->keys++;
	if (number)
		model_choose(m, (int)(k->code - '1'));
	else
		passes = modes[m->mode](m, k);
	m->key_ms = m->input_ms;
	return passes;
}
