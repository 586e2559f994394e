/* app_spare: one session that is started ahead of need in the directory ccvm-tui was started in. It is a session as others,
 * with the agent up, but for a mark: it is in no list, and it ends when no ccvm-tui is connected to it. A new name takes the
 * mark off. */
#include "base/mem.h"
#include "ui/app_link.h"
#include "ui/app_state.h"

#include <stdio.h>
#include <string.h>

#define SPARE_AGAIN_MS 10000 /* where starts fail, no more than this often */

static void spare_on_end(struct app *a, bool good, const char *text)
{
	if (good)
		return;
	model_say(&a->model, "no spare session: %.220s", text);
	model_add_log(&a->model, a->model.message);
}

void app_spare_tick(struct app *a)
{
	struct model *m = &a->model;
	AUTO_STRV struct strv args = {0}, env = {0};

	if (!m->spare_directory[0] || m->quitting || m->spare.id[0] || a->spare_starter.busy || a->starter.busy ||
	    (a->spare_tried_ms && m->now_ms - a->spare_tried_ms < SPARE_AGAIN_MS))
		return;
	a->spare_tried_ms = m->now_ms;
	a->spare_starter.on_end = spare_on_end;
	strv_add(&args, "new");
	strv_add(&args, "--spare");
	strv_add(&args, "--wait");
	app_run_starter(a, &a->spare_starter, m->spare_directory, &args, &env, -1);
}

bool app_spare_take(struct app *a)
{
	struct model *m = &a->model;
	const char *slash = strrchr(m->spare.workspace, '/'), *name = m->form[FORM_NAME].text;

	if (!model_spare_fits(m))
		return false;
	links_rename(a, &m->spare, name[0] ? name : slash && slash[1] ? slash + 1 : "session");
	snprintf(a->spare_taken, sizeof(a->spare_taken), "%s", m->spare.id);
	a->spare_keys = m->keys;
	m->spare = (struct model_session){0};
	a->spare_tried_ms = 0;
	return true;
}

void app_spare_on_renamed(struct app *a, const char *id)
{
	if (!id[0] || strcmp(a->spare_taken, id) != 0)
		return;
	a->spare_taken[0] = '\0';
	links_refresh(a);
	model_say(&a->model, "started");
	model_offer(&a->model, id, a->spare_keys);
}

void app_spare_end(struct app *a)
{
	if (a->model.spare.id[0])
		links_stop(a, &a->model.spare);
}
