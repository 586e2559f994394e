#include "ui/spare.h"
#include "base/mem.h"
#include "ui/starter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARE_AGAIN_MS 10000 /* where starts fail, no more than this often */

struct spare {
	struct model *model;	 /* borrowed */
	struct starter *starter; /* owned */
	int64_t tried_ms;
	char taken[16]; /* until it says that it has its name; empty: none */
	unsigned keys;	/* of the model, when it was taken */
};

static void spare_fails(struct spare *s, const char *why)
{
	model_say(s->model, "no spare session: %.220s", why);
	model_add_log(s->model, s->model->message);
}

static void spare_on_end(void *ctx, bool good, const char *text)
{
	if (!good)
		spare_fails(ctx, text);
}

struct spare *spare_new(struct loop *loop, struct model *m)
{
	struct spare *s = mem_alloc(sizeof(*s));

	*s = (struct spare){.model = m, .starter = starter_new(loop, spare_on_end, s)};
	return s;
}

void spare_free(struct spare *s)
{
	starter_free(s->starter);
	free(s);
}

void spare_tick(struct spare *s, bool busy)
{
	const struct model *m = s->model;
	AUTO_STRV struct strv args = {0}, env = {0};
	struct err e;

	if (!m->spare_directory[0] || m->quitting || m->spare.id[0] || busy ||
	    starter_is_busy(s->starter) ||
	    (s->tried_ms && m->now_ms - s->tried_ms < SPARE_AGAIN_MS))
		return;
	s->tried_ms = m->now_ms;
	strv_add(&args, "new");
	strv_add(&args, "--spare");
	strv_add(&args, "--wait");
	if (starter_run(s->starter, m->spare_directory, &args, &env, -1, &e) < 0)
		spare_fails(s, e.text);
}

bool spare_take(struct spare *s, char id[16], char name[MODEL_TEXT])
{
	struct model *m = s->model;
	const char *slash = strrchr(m->spare.workspace, '/'), *wanted = m->form[FORM_NAME].text;

	if (!model_spare_fits(m))
		return false;
	snprintf(id, 16, "%s", m->spare.id);
	snprintf(name, MODEL_TEXT, "%s",
		 wanted[0]	     ? wanted
		 : slash && slash[1] ? slash + 1
				     : "session");
	snprintf(s->taken, sizeof(s->taken), "%s", m->spare.id);
	s->keys = m->keys;
	s->tried_ms = 0;
	m->spare = (struct model_session){0};
	return true;
}

bool spare_on_renamed(struct spare *s, const char *id, unsigned *keys)
{
	if (!id[0] || strcmp(s->taken, id) != 0)
		return false;
	s->taken[0] = '\0';
	*keys = s->keys;
	return true;
}
