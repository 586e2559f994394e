#include "ui/follow.h"
#include "base/mem.h"
#include "client/record.h"
#include "client/sessions.h"
#include "ui/views.h"

#include <string.h>

static void follow_pull(struct ui_link *k, struct model *m, const struct model_session *s)
{
	if (s->terminal)
		ui_link_pull(k, s->id, s->screen.cells ? s->screen.s.gen : 0,
			     s->screen.cells && s != model_chosen(m));
}

void follow_screen(struct ui_link *k, struct model *m, int cols, int rows)
{
	for (int i = 0; i < m->panes; i++) {
		const struct model_session *s = model_in_pane(m, i);
		struct canvas_box b;

		if (!s || !views_pane_box(m, cols, rows, i, &b))
			continue;
		if (s->detached)
			ui_link_size(k, s->id, b.cols, b.rows);
		follow_pull(k, m, s);
	}
	if (m->mode == MODEL_PEEK && model_chosen(m))
		follow_pull(k, m, model_chosen(m));
	for (int i = 0; i < m->n; i++) {
		const struct model_session *s = &m->session[i];

		/* Its last screen, also of one that is in no pane. */
		if (strcmp(s->state, "stopping") == 0)
			follow_pull(k, m, s);
		ui_link_focus(k, s->id, model_is_looked_at(m, s));
	}
}

/* While its directory is there: what a session like it is started from. */
static void follow_keep_record(struct model *m, const char *id, const char *directory)
{
	struct model_session *s = model_find(m, id);
	AUTO_BUF struct buf record = {0};
	struct err ignored;

	if (!s || !s->detached || buf_len(&s->record) || strcmp(s->state, "running") != 0 ||
	    record_read(directory, &record, &ignored) < 0)
		return;
	s->record = record;
	record = (struct buf){0};
}

void follow_list(struct ui_link *k, struct model *m, const char *base)
{
	static struct json_line l;
	struct sessions s;
	struct err ignored;

	if (sessions_list(&s, &ignored) < 0)
		return;
	model_begin_list(m);
	for (size_t i = 0; i < s.n; i++) {
		AUTO_FREE char *directory = mem_format("%s/%s", base, s.id[i]);

		if (s.dry[i] || json_parse_line(s.status[i], strlen(s.status[i]), &l) < 0)
			continue;
		model_take_status(m, s.id[i], &l);
		if (!ui_link_has(k, s.id[i]))
			ui_link_connect(k, s.id[i], directory);
		follow_keep_record(m, s.id[i], directory);
	}
	model_end_list(m);
	sessions_fini(&s);
}
