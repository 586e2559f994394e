#include "ui/model.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void model_init(struct model *m, int64_t now_ms)
{
	memset(m, 0, sizeof(*m));
	m->panes = 1;
	m->now_ms = now_ms;
	(void)keyname_parse(&m->prefix, "C-\\");
}

void model_fini(struct model *m)
{
	for (int i = 0; i < m->n; i++) {
		view_screen_fini(&m->session[i].screen);
		buf_fini(&m->session[i].record);
	}
	view_screen_fini(&m->history);
}

struct model_session *model_find(struct model *m, const char *id)
{
	for (int i = 0; i < m->n; i++)
		if (id[0] && strcmp(m->session[i].id, id) == 0)
			return &m->session[i];
	return NULL;
}

struct model_session *model_chosen(struct model *m)
{
	return m->chosen >= 0 && m->chosen < m->n ? &m->session[m->chosen] : NULL;
}

struct model_session *model_in_pane(struct model *m, int pane)
{
	return pane < m->panes ? model_find(m, m->pane[pane]) : NULL;
}

struct model_session *model_active(struct model *m)
{
	return m->mode == MODEL_PEEK ? model_chosen(m) : model_in_pane(m, m->active);
}

/* ---- the list ---- */

static void model_copy_text(char *out, size_t size, const struct json_line *l, const char *name)
{
	const char *text = json_get_string(l, name);

	if (text)
		snprintf(out, size, "%s", text);
}

static void model_copy_fields(struct model_session *s, const struct json_line *l)
{
	const struct {
		const char *name;
		char *text;
		size_t size;
	} texts[] = {
		{"name", s->name, sizeof(s->name)},
		{"workspace", s->workspace, sizeof(s->workspace)},
		{"state", s->state, sizeof(s->state)},
		{"agent", s->agent, sizeof(s->agent)},
		{"agent_why", s->why, sizeof(s->why)},
		{"why", s->why, sizeof(s->why)},
		{"title", s->title, sizeof(s->title)},
		{"egress", s->egress, sizeof(s->egress)},
		{"pool", s->pool, sizeof(s->pool)},
		{"pool_reason", s->pool_reason, sizeof(s->pool_reason)},
		{"egress_last_refused", s->last_refused, sizeof(s->last_refused)},
	};
	const struct {
		const char *name;
		int64_t *value;
	} numbers[] = {
		{"state_since_ms", &s->state_since_ms},
		{"agent_since_ms", &s->agent_since_ms},
		{"started_ms", &s->started_ms},
		{"egress_refused", &s->refused},
		{"guest_memory_total_kib", &s->memory_total_kib},
		{"guest_memory_used_kib", &s->memory_used_kib},
		{"guest_load_milli", &s->load_milli},
		{"cores", &s->cores},
		{"pool_total_kib", &s->pool_total_kib},
		{"pool_used_kib", &s->pool_used_kib},
	};
	const char *mode = json_get_string(l, "mode");
	const int64_t refused = s->refused;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		model_copy_text(texts[i].text, texts[i].size, l, texts[i].name);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		json_get_int(l, numbers[i].name, numbers[i].value);
	if (s->refused < refused) /* the file is written once a second and may be behind an event */
		s->refused = refused;
	if (mode)
		s->overlay = strcmp(mode, "overlay") == 0;
	s->terminal = json_get_bool(l, "terminal", s->terminal);
	s->detached = json_get_bool(l, "detached", s->detached);
}

void model_begin_list(struct model *m)
{
	m->spare.seen = false;
	for (int i = 0; i < m->n; i++)
		m->session[i].seen = false;
}

static void model_remove(struct model *m, int at)
{
	view_screen_fini(&m->session[at].screen);
	buf_fini(&m->session[at].record);
	for (int i = 0; i < MODEL_PANES; i++)
		if (strcmp(m->pane[i], m->session[at].id) == 0)
			m->pane[i][0] = '\0';
	m->n--;
	memmove(&m->session[at], &m->session[at + 1], (size_t)(m->n - at) * sizeof(m->session[0]));
	memset(&m->session[m->n], 0, sizeof(m->session[0]));
	if (m->chosen > at || m->chosen >= m->n)
		m->chosen = m->chosen > 0 ? m->chosen - 1 : 0;
}

/* Whether a key may be on its way to it: then it must not give its place to another one. */
static bool model_is_in_use(const struct model *m, int at)
{
	for (int i = 0; i < m->panes; i++)
		if (strcmp(m->pane[i], m->session[at].id) == 0)
			return true;
	return at == m->chosen;
}

/* The list is full: the first that has ended and is nowhere on the screen goes. */
static void model_make_room(struct model *m)
{
	for (int i = 0; i < m->n; i++)
		if (m->session[i].ended && !model_is_in_use(m, i)) {
			model_remove(m, i);
			return;
		}
}

/* In the order they were started, so that a new one moves no number. */
static struct model_session *model_insert(struct model *m, const char *id, int64_t started_ms)
{
	int at;

	if (m->n == MODEL_SESSIONS)
		model_make_room(m);
	at = m->n;
	if (m->n == MODEL_SESSIONS)
		return NULL;
	while (at > 0 && m->session[at - 1].started_ms > started_ms)
		at--;
	memmove(&m->session[at + 1], &m->session[at], (size_t)(m->n - at) * sizeof(m->session[0]));
	m->session[at] = (struct model_session){0};
	snprintf(m->session[at].id, sizeof(m->session[at].id), "%s", id);
	m->chosen += at <= m->chosen && m->n > 0;
	m->n++;
	return &m->session[at];
}

/* Spares stay out of the list, also those of other directories, which another ccvm-tui keeps. */
static void model_take_spare(struct model *m, const char *id, const struct json_line *l)
{
	const char *workspace = json_get_string(l, "workspace");

	if (!workspace || strcmp(workspace, m->spare_directory) != 0 ||
	    (m->spare.id[0] && strcmp(m->spare.id, id) != 0))
		return;
	snprintf(m->spare.id, sizeof(m->spare.id), "%s", id);
	model_copy_fields(&m->spare, l);
	m->spare.seen = true;
}

void model_take_status(struct model *m, const char *id, const struct json_line *l)
{
	struct model_session *s = model_find(m, id);
	int64_t started = 0;

	if (json_get_bool(l, "spare", false)) {
		model_take_spare(m, id, l);
		return;
	}
	json_get_int(l, "started_ms", &started);
	if (!s)
		s = model_insert(m, id, started);
	if (!s)
		return;
	s->seen = true;
	if (s->ended && s->has_code) /* its directory goes a moment later than its last word came */
		return;
	s->ended = false;
	model_copy_fields(s, l);
}

bool model_spare_fits(const struct model *m)
{
	for (int i = FORM_MEMORY; i < FORM_FIELDS; i++)
		if (m->form[i].text[0])
			return false;
	return m->spare.id[0] && strcmp(m->spare.state, "running") == 0 &&
	       strcmp(m->form[FORM_DIRECTORY].text, m->spare.workspace) == 0 &&
	       strcmp(m->form[FORM_MODE].text, m->spare.overlay ? "overlay" : "live") == 0;
}

/* Its pane, its place in the list and the focus stay as they are: keys that are on their way to
 * it must reach nothing else. */
static void model_end(struct model *m, struct model_session *s)
{
	if (s->ended)
		return;
	s->ended = true;
	s->ended_ms = m->now_ms;
	s->unseen_bell = false;
	s->question[0] = '\0';
	s->agent[0] = '\0';
	if (strcmp(s->state, "failed") != 0)
		snprintf(s->state, sizeof(s->state), "ended");
	s->state_since_ms = m->now_ms;
	model_say(m, "%.200s has ended", s->name);
	model_add_log(m, m->message);
	if (model_active(m) == s) {
		m->message[0] = '\0'; /* the line says it, and what keys do now */
		m->after_prefix = false;
		m->shown_ms = 0;
	}
}

void model_take_exit(struct model *m, const char *id, const struct outcome *o)
{
	struct model_session *s = model_find(m, id);

	if (!s)
		return;
	s->has_code = true;
	s->code = o->code;
	if (o->failed)
		snprintf(s->state, sizeof(s->state), "failed");
	model_end(m, s);
}

void model_dismiss(struct model *m, const char *id)
{
	const struct model_session *s = model_find(m, id);

	if (!s || !s->ended)
		return;
	model_remove(m, (int)(s - m->session));
	if (m->mode == MODEL_PANE && !model_active(m))
		m->mode = MODEL_LIST;
	if (m->n && !model_in_pane(m, m->active))
		model_show(m);
}

void model_replace(struct model *m, const char *id, const char *by)
{
	const struct model_session *old = model_find(m, id), *s = model_find(m, by);

	if (!old || !s || old == s)
		return;
	if (model_chosen(m) == old)
		m->chosen = (int)(s - m->session);
	for (int i = 0; i < m->panes; i++)
		if (strcmp(m->pane[i], id) == 0)
			memcpy(m->pane[i], s->id, sizeof(s->id));
	model_dismiss(m, id);
}

int model_living(const struct model *m)
{
	int n = 0;

	for (int i = 0; i < m->n; i++)
		n += !m->session[i].ended;
	return n;
}

void model_end_list(struct model *m)
{
	if (!m->spare.seen)
		m->spare = (struct model_session){0};
	for (int i = m->n - 1; i >= 0; i--) {
		if (m->session[i].seen)
			continue;
		model_end(m, &m->session[i]);
		if (!m->session[i].terminal && !model_is_in_use(m, i)) /* scripts' come and go */
			model_remove(m, i);
	}
	if (m->n && !model_in_pane(m, m->active))
		model_show(m);
}

/* ---- which keys answer ---- */

void model_on_input(struct model *m, int64_t ms)
{
	m->input_ms = ms;
}

void model_on_painted(struct model *m, int64_t ms)
{
	if (!m->shown_ms)
		m->shown_ms = ms;
}

bool model_may_answer(const struct model *m)
{
	return m->shown_ms && m->input_ms - m->shown_ms >= MODEL_SETTLE_MS &&
	       m->input_ms - m->key_ms >= MODEL_SETTLE_MS;
}

/* ---- events ---- */

bool model_is_looked_at(const struct model *m, const struct model_session *s)
{
	return m->mode == MODEL_PANE && strcmp(m->pane[m->active], s->id) == 0;
}

static void model_log_event(struct model *m, const struct model_session *s,
			    const struct json_line *l)
{
	static const char *const fields[] = {"state", "agent", "stage", "text", "host", "reason"};
	char text[MODEL_TEXT];
	int n = snprintf(text, sizeof(text), "%s: %s", s->name, json_get_string(l, "event"));

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *value = json_get_string(l, fields[i]);

		if (value && n > 0 && (size_t)n < sizeof(text))
			n += snprintf(text + n, sizeof(text) - (size_t)n, " %s", value);
	}
	model_add_log(m, text);
}

static void model_on_question(struct model *m, struct model_session *s, const struct json_line *l)
{
	int64_t port = 0;

	json_get_int(l, "port", &port);
	snprintf(s->question, sizeof(s->question), "%.200s:%d",
		 json_get_string(l, "host") ? json_get_string(l, "host") : "?", (int)port);
	model_say(m, "%.80s asks for %.120s: g opens the egress panel", s->name, s->question);
	if (s == model_chosen(m)) /* the panel's keys are about this name from now on */
		m->shown_ms = 0;
}

/* What was pasted, or why nothing was. */
static void model_on_clip(struct model *m, const struct model_session *s, const struct json_line *l)
{
	const char *type = json_get_string(l, "type"), *reason = json_get_string(l, "reason");
	int64_t bytes = 0;

	if (json_get_int(l, "bytes", &bytes) && type)
		model_say(m, "%.8s %d KB → %.64s", type, (int)((bytes + 1023) / 1024), s->name);
	else if (json_get_bool(l, "asked", false))
		model_say(m, "%.64s asked for an image and got none: %.160s", s->name,
			  reason ? reason : "");
	else
		model_say(m, "no image → %.64s: %.160s", s->name, reason ? reason : "");
}

static bool model_needs_user(const struct model_session *s)
{
	return strcmp(s->agent, "waiting") == 0 || s->unseen_bell || s->question[0];
}

bool model_take_event(struct model *m, const char *id, const struct json_line *l)
{
	struct model_session *s = model_find(m, id);
	const char *event = json_get_string(l, "event"), *agent = json_get_string(l, "agent");
	bool calls = false;

	if (!s || s->ended || !event || strcmp(event, "progress") == 0)
		return false;
	if (strcmp(event, "agent") == 0) {
		s->agent_since_ms = m->now_ms;
		calls = agent && strcmp(agent, "waiting") == 0 && strcmp(s->agent, "waiting") != 0;
		if (calls)
			model_add_mark(s, "a question");
	} else if (strcmp(event, "prompt") == 0) {
		model_add_mark(s, "a prompt");
	} else if (strcmp(event, "state") == 0) {
		s->state_since_ms = m->now_ms;
	} else if (strcmp(event, "bell") == 0 || strcmp(event, "notification") == 0) {
		/* Once, until it is looked at: a guest may ring as often as it likes. */
		calls = !model_needs_user(s);
		s->unseen_bell = !model_is_looked_at(m, s);
	} else if (strcmp(event, "egress") == 0) {
		model_copy_text(s->last_refused, sizeof(s->last_refused), l, "host");
		model_add_mark(s, "refused: %.60s", s->last_refused);
	} else if (strcmp(event, "clip") == 0) {
		model_on_clip(m, s, l);
	} else if (strcmp(event, "egress-question") == 0) {
		model_on_question(m, s, l);
		calls = true;
	}
	model_log_event(m, s, l);
	model_copy_fields(s, l);
	return calls && !model_is_looked_at(m, s);
}

void model_take_egress_row(struct model *m, const struct egressctl_row *row)
{
	struct model_egress_row *r = &m->egress[m->egress_n];

	if (row->type == EGRESSCTL_DONE && row->error[0])
		model_say(m, "%s", row->error);
	if (row->type != EGRESSCTL_CONNECTION || m->egress_n == MODEL_EGRESS_ROWS)
		return;
	*r = (struct model_egress_row){.count = row->count};
	snprintf(r->entry, sizeof(r->entry), "%.240s:%d", row->host, (int)row->port);
	snprintf(r->verdict, sizeof(r->verdict), "%s", row->verdict);
	snprintf(r->reason, sizeof(r->reason), "%.*s", (int)sizeof(r->reason) - 1, row->reason);
	m->egress_n++;
}

bool model_take_found(struct model *m, uint64_t line)
{
	const struct model_session *s = model_in_pane(m, m->active);
	const uint64_t rows = s ? s->screen.rows : 0;

	if (line == UINT64_MAX) {
		model_say(m, "not found: %.200s", m->search.text);
		return false;
	}
	m->copy_line = line;
	if (line < m->copy_top || line >= m->copy_top + rows)
		m->copy_top = line > 3 ? line - 3 : 0;
	return true;
}

/* ---- choosing ---- */

void model_choose(struct model *m, int i)
{
	if (i < 0 || i >= m->n)
		return;
	m->chosen = i;
	model_show(m);
}

void model_offer(struct model *m, const char *id, unsigned keys)
{
	const struct model_session *s = model_find(m, id);

	if (s && m->keys == keys && m->mode == MODEL_LIST)
		model_choose(m, (int)(s - m->session));
}

void model_show(struct model *m)
{
	struct model_session *s = model_chosen(m);

	if (!s)
		return;
	for (int i = 0; i < m->panes; i++)
		if (strcmp(m->pane[i], s->id) == 0) {
			m->active = i;
			return;
		}
	memcpy(m->pane[m->active], s->id, sizeof(s->id));
}

int model_waiting(const struct model *m)
{
	int n = 0;

	for (int i = 0; i < m->n; i++)
		n += model_needs_user(&m->session[i]);
	return n;
}

int model_next_waiting(const struct model *m)
{
	for (int i = 1; i <= m->n; i++) {
		const int at = (m->chosen + i) % m->n;

		if (model_needs_user(&m->session[at]))
			return at;
	}
	return -1;
}

static bool model_is_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* From the first letter, which is there, to the last one, each taken as early as it comes; -1:
 * not all are there. */
static int model_letters_length(const char *name, const char *letters)
{
	int at = 0;

	for (; *letters; letters++, at++)
		while (!model_is_letter(name[at], *letters))
			if (!name[at++])
				return -1;
	return at;
}

/* How good a match is: the letters that lie closest together first, and of those the ones that
 * come earliest. Less is better; -1: not all are there. */
static int model_letters_rank(const char *name, const char *letters)
{
	int best = -1;

	for (int at = 0; name[at]; at++) {
		const int length = model_is_letter(name[at], letters[0])
					   ? model_letters_length(name + at, letters)
					   : -1;
		const int rank = length * MODEL_TEXT + at;

		if (length >= 0 && (best < 0 || rank < best))
			best = rank;
	}
	return letters[0] ? best : 0;
}

int model_find_by_letters(const struct model *m, const char *letters)
{
	int best = -1, least = 0;

	for (int i = 0; i < m->n; i++) {
		const int rank = model_letters_rank(m->session[i].name, letters);

		if (rank >= 0 && (best < 0 || rank < least)) {
			best = i;
			least = rank;
		}
	}
	return best;
}

/* New panes get sessions that are not shown yet. */
void model_set_panes(struct model *m, int panes)
{
	m->panes = panes;
	m->zoomed = false;
	if (m->active >= panes)
		m->active = 0;
	for (int i = panes; i < MODEL_PANES; i++)
		m->pane[i][0] = '\0';
	for (int i = 0; i < m->n; i++) {
		int empty = -1;
		bool shown = false;

		for (int p = panes - 1; p >= 0; p--) {
			shown = shown || strcmp(m->pane[p], m->session[i].id) == 0;
			if (!m->pane[p][0])
				empty = p;
		}
		if (!shown && empty >= 0)
			memcpy(m->pane[empty], m->session[i].id, sizeof(m->session[i].id));
	}
}

/* ---- the selection of copy mode ---- */

struct model_span model_selected(const struct model *m)
{
	const struct model_span none = {m->copy_line, m->copy_line, 0, 0, COPY_LINES};
	const bool forward = m->copy_mark < m->copy_line || (m->copy_mark == m->copy_line &&
							     m->copy_mark_column <= m->copy_column);

	if (m->copy_kind == COPY_NOTHING)
		return none;
	return forward ? (struct model_span){m->copy_mark, m->copy_line, m->copy_mark_column,
					     m->copy_column, m->copy_kind}
		       : (struct model_span){m->copy_line, m->copy_mark, m->copy_column,
					     m->copy_mark_column, m->copy_kind};
}

/* ---- messages, dialogs ---- */

void model_say(struct model *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->message, sizeof(m->message), fmt, ap);
	va_end(ap);
}

void model_add_mark(struct model_session *s, const char *fmt, ...)
{
	struct model_mark *mark = &s->mark[s->marks % MODEL_MARKS];
	va_list ap;

	if (!s->screen.cells || s->screen.s.modes & VIEW_ALTERNATE)
		return;
	s->marks++;
	mark->line = s->screen.s.top + s->screen.s.cursor_row;
	va_start(ap, fmt);
	vsnprintf(mark->what, sizeof(mark->what), fmt, ap);
	va_end(ap);
}

void model_add_log(struct model *m, const char *text)
{
	snprintf(m->log[m->log_n++ % MODEL_LOG], MODEL_TEXT, "%s", text);
}

void model_open(struct model *m, enum model_mode mode)
{
	if (m->mode == MODEL_LIST || m->mode == MODEL_PANE)
		m->before = m->mode;
	m->mode = mode;
	m->shown_ms = 0;
	m->line.text[0] = '\0';
}

void model_close(struct model *m)
{
	m->mode = m->before;
	if (m->mode == MODEL_PANE && !model_in_pane(m, m->active))
		m->mode = MODEL_LIST;
}
