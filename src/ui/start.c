#include "ui/start.h"
#include "base/file.h"
#include "base/mem.h"
#include "ui/form.h"
#include "ui/spare.h"
#include "ui/starter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct start {
	struct model *model; /* borrowed */
	struct start_callbacks cb;
	struct starter *starter; /* owned, and the next one */
	struct spare *spare;
	unsigned keys;	   /* of the model, when the starter was asked */
	char replaces[16]; /* a session that ends for the one that is started; empty: none */
};

/* The text is the new session's id, or why there is none. */
static void start_on_started(void *ctx, bool good, const char *text)
{
	struct start *s = ctx;
	char id[16] = "";

	model_say(s->model, "%.250s", good ? "started" : text);
	model_add_log(s->model, s->model->message);
	s->cb.refresh(s->cb.ctx);
	if (good && sscanf(text, "%15s", id) == 1 && s->replaces[0])
		model_replace(s->model, s->replaces, id);
	else if (good)
		model_offer(s->model, id, s->keys);
	s->replaces[0] = '\0';
}

struct start *start_new(struct loop *loop, struct model *m, const struct start_callbacks *cb)
{
	struct start *s = mem_alloc(sizeof(*s));

	*s = (struct start){.model = m, .cb = *cb};
	s->starter = starter_new(loop, start_on_started, s);
	s->spare = spare_new(loop, m);
	return s;
}

void start_free(struct start *s)
{
	spare_free(s->spare);
	starter_free(s->starter);
	free(s);
}

static bool start_is_free(struct start *s)
{
	const bool busy = starter_is_busy(s->starter);

	if (busy)
		model_say(s->model, "another session is being started");
	else
		s->keys = s->model->keys;
	return !busy;
}

/* replaces: the id of the session that ends for it, or "". */
static void start_run(struct start *s, const char *directory, const struct strv *args,
		      const struct strv *env, int input, const char *replaces)
{
	struct err e;

	snprintf(s->replaces, sizeof(s->replaces), "%s", replaces);
	if (starter_run(s->starter, directory, args, env, input, &e) < 0)
		model_say(s->model, "%.250s", e.text);
}

void start_session(struct start *s)
{
	AUTO_FREE char *directory = form_directory(s->model);
	AUTO_STRV struct strv args = {0}, env = {0};
	char id[16], name[MODEL_TEXT];

	if (spare_take(s->spare, id, name)) {
		s->cb.rename(s->cb.ctx, id, name);
		return;
	}
	if (!start_is_free(s))
		return;
	form_arguments(s->model, &args);
	form_environment(s->model, &env);
	model_say(s->model, "starting a session in %.150s", directory);
	start_run(s, directory, &args, &env, -1, "");
}

/* The record of one that has ended, where ccvmctl reads it; -1: it was not known in time. */
static int start_give_record(struct start *s, const struct model_session *session)
{
	AUTO_CLOSE int fd = buf_len(&session->record) ? memfd_create("record", MFD_CLOEXEC) : -1;
	struct err ignored;

	if (fd < 0) {
		model_say(s->model, "%.100s cannot be restarted (n starts a new session)",
			  session->name);
		return -1;
	}
	if (file_write_all(fd, buf_data(&session->record), buf_len(&session->record), &ignored) <
		    0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return mem_steal_fd(&fd);
}

void start_again(struct start *s, const struct model_session *session)
{
	AUTO_STRV struct strv args = {0}, env = {0};
	AUTO_CLOSE int record = -1;

	if (!start_is_free(s) || (session->ended && (record = start_give_record(s, session)) < 0))
		return;
	strv_add(&args, "restart");
	strv_add(&args, session->ended ? "--record" : session->id);
	model_say(s->model, "restarting %.200s", session->name);
	start_run(s, "/", &args, &env, record, session->id);
}

void start_tick(struct start *s)
{
	spare_tick(s->spare, starter_is_busy(s->starter));
}

void start_on_renamed(struct start *s, const char *id)
{
	unsigned keys;

	if (!spare_on_renamed(s->spare, id, &keys))
		return;
	s->cb.refresh(s->cb.ctx);
	model_say(s->model, "started");
	model_offer(s->model, id, keys);
}
