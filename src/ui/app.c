/* Theory of operation of ccvm-tui.
 *
 * 1. One loop, one thread. Bytes of the terminal become keys (input), keys change the model
 *    (command), and what the model wishes is done here. What sessions send (link) changes the
 *    model too.
 * 2. Once a turn, when something changed, the model is drawn on a canvas (views) and the canvas on
 *    the terminal (paint).
 * 3. Sessions live on their own. This program holds nothing of theirs: killed at any moment and
 *    started again, it finds them by their directories and gets their screens anew.
 * 4. This file alone knows all parts. They know the model, and those that talk to sessions the
 *    link; what else they need is called back for. */
#include "ui/app.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "loop/fdwatch.h"
#include "loop/loop.h"
#include "loop/sigwatch.h"
#include "loop/timer.h"
#include "proto/rundir.h"
#include "ui/clip.h"
#include "ui/command.h"
#include "ui/copy.h"
#include "ui/follow.h"
#include "ui/form.h"
#include "ui/input.h"
#include "ui/link.h"
#include "ui/mouse.h"
#include "ui/paint.h"
#include "ui/setup.h"
#include "ui/start.h"
#include "ui/views.h"
#include "conf/env.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define APP_TICK_MS   1000
#define APP_SETTLE_MS 30 /* how long a lone ESC waits for the rest of a key */

struct app {
	struct loop *loop; /* owned, and the next ones */
	struct fdwatch *typed;
	struct timer *tick, *settle;
	struct sigwatch *signals[3];
	struct model model;
	struct input *input; /* owned, and the next ones */
	struct ui_link *link;
	struct copy *copy;
	struct start *start;
	struct ui_clip *clip;
	char *run_base, *notify;
	struct mouse mouse;
	int cols, rows, told_waiting;
	bool dirty, redraw_all;
};

/* ---- telling the user ---- */

static void app_announce(struct app *a, const struct model_session *s)
{
	if (!s || strcmp(a->notify, "none") == 0)
		return;
	if (strcmp(a->notify, "desktop") == 0) {
		AUTO_FREE char *text = mem_format("ccvm: %s needs you", s->name);

		paint_notify(text);
	}
	paint_bell();
}

static void app_tell_waiting(struct app *a)
{
	const int waiting = model_waiting(&a->model);
	AUTO_FREE char *text = waiting ? mem_format("ccvm: %d waiting", waiting)
				       : mem_strdup("ccvm");

	if (waiting != a->told_waiting)
		paint_title(text);
	a->told_waiting = waiting;
}

static void app_draw(struct app *a)
{
	struct canvas c;

	canvas_init(&c, a->cols, a->rows);
	views_draw(&a->model, &c);
	paint_show(&c, a->redraw_all);
	canvas_fini(&c);
	model_on_painted(&a->model, clock_mono_ms());
	app_tell_waiting(a);
	a->dirty = a->redraw_all = false;
}

static void app_before_wait(void *app)
{
	struct app *a = app;

	follow_screen(a->link, &a->model, a->cols, a->rows);
	if (a->dirty)
		app_draw(a);
}

static void app_refresh(void *ctx)
{
	struct app *a = ctx;

	follow_list(a->link, &a->model, a->run_base);
	a->dirty = true;
}

/* ---- what sessions say ---- */

static void app_on_event(void *ctx, const char *id, const struct json_line *l)
{
	struct app *a = ctx;
	const char *event = json_get_string(l, "event");

	a->dirty = true;
	if (model_take_event(&a->model, id, l))
		app_announce(a, model_find(&a->model, id));
	else if (event && strcmp(event, "renamed") == 0)
		start_on_renamed(a->start, id);
}

static void app_on_exit(void *ctx, const char *id, const struct outcome *o)
{
	struct app *a = ctx;

	a->dirty = true;
	model_take_exit(&a->model, id, o);
}

static void app_on_egress_row(void *ctx, const struct egressctl_row *r)
{
	struct app *a = ctx;

	a->dirty = true;
	model_take_egress_row(&a->model, r);
}

static bool app_on_view(void *ctx, const char *id, const unsigned char *message, size_t n)
{
	struct app *a = ctx;
	struct model_session *s = model_find(&a->model, id);

	a->dirty = true;
	if (!s)
		return true;
	if (view_type(message, n) == VIEW_FRAME)
		return view_take_frame(&s->screen, message, n) == 0;
	if (view_type(message, n) == VIEW_HISTORY)
		copy_on_history(a->copy, s, message, n);
	else if (view_type(message, n) == VIEW_FOUND)
		copy_on_found(a->copy, message, n);
	return true;
}

static void app_on_clip_ask(void *ctx, const char *id, const void *payload, size_t n)
{
	struct app *a = ctx;

	ui_clip_on_ask(a->clip, id, payload, n);
}

static void app_on_link_end(void *ctx, const char *id, bool malformed)
{
	struct app *a = ctx;

	a->dirty = true;
	copy_on_end(a->copy, id);
	if (malformed)
		model_say(&a->model,
			  "session %s sent a malformed screen update; its connection was closed",
			  id);
	else
		app_refresh(a);
}

static void app_answer_clip(void *ctx, const char *id, enum wire_type type, const void *payload,
			    size_t n)
{
	struct app *a = ctx;

	ui_link_answer(a->link, id, type, payload, n);
}

static void app_show_question(void *ctx, const void *bytes, size_t n)
{
	(void)ctx;
	paint_question(bytes, n);
}

static void app_rename(void *ctx, const char *id, const char *name)
{
	struct app *a = ctx;

	ui_link_rename(a->link, id, name);
}

/* ---- wishes ---- */

static void app_wish_new(struct app *a, struct model_session *s)
{
	(void)s;
	start_session(a->start);
}

static void app_wish_restart(struct app *a, struct model_session *s)
{
	start_again(a->start, s);
}

static void app_wish_copy(struct app *a, struct model_session *s)
{
	(void)s;
	copy_selected(a->copy, "");
}

static void app_wish_save(struct app *a, struct model_session *s)
{
	(void)s;
	copy_selected(a->copy, a->model.line.text);
}

static void app_wish_lines(struct app *a, struct model_session *s)
{
	(void)s;
	copy_show(a->copy, (unsigned)a->rows);
}

static void app_wish_search(struct app *a, struct model_session *s)
{
	(void)s;
	copy_search(a->copy);
}

static void app_wish_stop(struct app *a, struct model_session *s)
{
	if (s->ended)
		return;
	ui_link_stop(a->link, s->id);
	model_say(&a->model, "stopping %.200s", s->name);
}

static void app_wish_suggest(struct app *a, struct model_session *s)
{
	(void)s;
	form_suggest(&a->model);
}

static void app_wish_complete(struct app *a, struct model_session *s)
{
	(void)s;
	form_complete(&a->model);
}

static void app_wish_rename(struct app *a, struct model_session *s)
{
	ui_link_rename(a->link, s->id, a->model.line.text);
}

static void app_wish_egress_log(struct app *a, struct model_session *s)
{
	a->model.egress_n = a->model.egress_chosen = 0;
	ui_link_egress(a->link, s->id, &(struct egressctl_request){.type = EGRESSCTL_LOG});
}

/* The chosen row, or the name that is being asked for. */
static void app_decide(struct app *a, struct model_session *s, enum egressctl_request_type type,
		       bool once)
{
	struct egressctl_request request = {.type = type, .once = once};
	struct model *m = &a->model;
	const char *entry = s->question[0]		     ? s->question
			    : m->egress_chosen < m->egress_n ? m->egress[m->egress_chosen].entry
							     : NULL;

	if (!entry)
		return;
	snprintf(request.entry, sizeof(request.entry), "%s", entry);
	ui_link_egress(a->link, s->id, &request);
	model_say(m, "%s %.200s%s", egressctl_requests[type].type, entry,
		  once ? " once" : " for this session");
	s->question[0] = '\0';
}

static void app_wish_allow(struct app *a, struct model_session *s)
{
	app_decide(a, s, EGRESSCTL_ALLOW, false);
}

static void app_wish_allow_once(struct app *a, struct model_session *s)
{
	app_decide(a, s, EGRESSCTL_ALLOW, true);
}

static void app_wish_deny(struct app *a, struct model_session *s)
{
	app_decide(a, s, EGRESSCTL_DENY, false);
}

static void app_wish_hold(struct app *a, struct model_session *s)
{
	ui_link_egress(a->link, s->id, &(struct egressctl_request){.type = EGRESSCTL_WATCH});
	model_say(&a->model, "unlisted names now wait for your answer");
}

static void app_wish_redraw(struct app *a, struct model_session *s)
{
	(void)s;
	a->redraw_all = true;
}

static void app_wish_quit(struct app *a, struct model_session *s)
{
	(void)s;
	loop_stop(a->loop);
}

static void app_wish_quit_and_stop(struct app *a, struct model_session *s)
{
	(void)s;
	for (int i = 0; i < a->model.n; i++)
		if (a->model.session[i].detached && !a->model.session[i].ended)
			ui_link_stop(a->link, a->model.session[i].id);
	a->model.quitting = true;
	model_say(&a->model, "stopping; ccvm-tui quits when all have ended");
}

static const struct {
	enum model_wish wish;
	bool needs_session;
	void (*grant)(struct app *a, struct model_session *s);
} app_wishes[] = {
	{WISH_STOP, true, app_wish_stop},
	{WISH_RESTART, true, app_wish_restart},
	{WISH_SUGGEST, false, app_wish_suggest},
	{WISH_COMPLETE, false, app_wish_complete},
	{WISH_SAVE, false, app_wish_save},
	{WISH_RENAME, true, app_wish_rename},
	{WISH_NEW, false, app_wish_new},
	{WISH_EGRESS_LOG, true, app_wish_egress_log},
	{WISH_ALLOW, true, app_wish_allow},
	{WISH_ALLOW_ONCE, true, app_wish_allow_once},
	{WISH_DENY, true, app_wish_deny},
	{WISH_HOLD, true, app_wish_hold},
	{WISH_LINES, false, app_wish_lines},
	{WISH_SEARCH, false, app_wish_search},
	{WISH_COPY, false, app_wish_copy},
	{WISH_REDRAW, false, app_wish_redraw},
	{WISH_QUIT, false, app_wish_quit},
	{WISH_QUIT_AND_STOP, false, app_wish_quit_and_stop},
};

static void app_grant(struct app *a)
{
	const enum model_wish wish = a->model.wish;
	struct model_session *s = model_chosen(&a->model);

	a->model.wish = WISH_NOTHING;
	for (size_t i = 0; i < ARRAY_LEN(app_wishes); i++)
		if (app_wishes[i].wish == wish && (s || !app_wishes[i].needs_session))
			app_wishes[i].grant(a, s);
	a->dirty = true;
}

/* ---- the terminal ---- */

static const char *app_active(struct app *a)
{
	const struct model_session *s = model_active(&a->model);

	return s ? s->id : "";
}

static void app_on_key(void *ctx, const struct key *k)
{
	struct app *a = ctx;

	if (command_key(&a->model, k))
		ui_link_key(a->link, app_active(a), k);
	app_grant(a);
}

static void app_on_paste(void *ctx, const char *text, size_t n, bool whole)
{
	struct app *a = ctx;
	const struct model_session *s = model_active(&a->model);

	a->model.keys++;
	if (!whole)
		model_say(&a->model, "paste refused: larger than %u MiB", INPUT_PASTE_MAX >> 20);
	else if (command_paste(&a->model, text, n) &&
		 !ui_link_paste(a->link, app_active(a), text, n))
		model_say(&a->model, "paste refused: %.200s",
			  s && !s->ended ? "the previous paste is still being sent"
					 : "the session has ended");
	app_grant(a);
}

static void app_on_mouse(void *ctx, unsigned mods, unsigned button, unsigned kind, int row, int col)
{
	struct app *a = ctx;
	const struct mouse_event event = {button, kind, row, col};
	int in_row = 0, in_col = 0;
	const struct model_session *s = mouse_take(&a->mouse, &a->model, a->cols, a->rows, &event,
						   &in_row, &in_col);

	if (s)
		ui_link_mouse(a->link, s->id, mods, button, kind, in_row, in_col);
	app_grant(a);
}

static void app_on_settle(void *app)
{
	struct app *a = app;

	model_on_input(&a->model, clock_mono_ms());
	input_settle(a->input);
}

static void app_on_typed(void *ctx, const void *bytes, size_t n)
{
	struct app *a = ctx;

	model_on_input(&a->model, clock_mono_ms());
	input_feed(a->input, bytes, n);
	if (input_is_waiting(a->input))
		timer_start(a->settle, APP_SETTLE_MS, 0);
	else
		timer_stop(a->settle);
}

static void app_on_input(void *app)
{
	struct app *a = app;
	AUTO_BUF struct buf keys = {0};
	char bytes[4096];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
		loop_stop(a->loop); /* the terminal is gone; sessions are not */
		return;
	}
	if (n < 0)
		return;
	ui_clip_filter(a->clip, bytes, (size_t)n, &keys);
	app_on_typed(a, buf_data(&keys), buf_len(&keys));
}

static bool app_has_detached(const struct model *m)
{
	for (int i = 0; i < m->n; i++)
		if (m->session[i].detached && !m->session[i].ended)
			return true;
	return false;
}

static void app_on_tick(void *app)
{
	struct app *a = app;

	a->model.now_ms = clock_wall_ms();
	app_refresh(a);
	start_tick(a->start);
	if (a->model.quitting && !app_has_detached(&a->model))
		loop_stop(a->loop);
}

static void app_on_signal(void *app, int number)
{
	struct app *a = app;

	if (number != SIGWINCH) {
		loop_stop(a->loop);
		return;
	}
	paint_resized();
	paint_size(&a->cols, &a->rows);
	a->dirty = true;
}

/* ---- begin and end ---- */

static void app_init_loop(struct app *a)
{
	static const int signals[] = {SIGWINCH, SIGTERM, SIGHUP};

	a->loop = loop_new();
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		a->signals[i] = sigwatch_new(a->loop, signals[i], app_on_signal, a);
	a->typed = fdwatch_new(a->loop, STDIN_FILENO, app_on_input, a);
	a->tick = timer_new(a->loop, app_on_tick, a);
	a->settle = timer_new(a->loop, app_on_settle, a);
	fdwatch_set(a->typed, FDWATCH_READ);
	timer_start(a->tick, APP_TICK_MS, APP_TICK_MS);
	loop_before_wait(a->loop, app_before_wait, a);
}

static void app_make_parts(struct app *a)
{
	const struct ui_link_callbacks link = {app_on_event,
					       app_on_exit,
					       app_on_egress_row,
					       app_on_view,
					       app_on_clip_ask,
					       app_on_link_end,
					       a};
	const struct start_callbacks start = {app_refresh, app_rename, a};
	const struct ui_clip_callbacks clip = {app_answer_clip, app_show_question, app_on_typed, a};

	a->link = ui_link_new(a->loop, MODEL_SESSIONS, &link);
	a->copy = copy_new(&a->model, a->link, paint_clipboard);
	a->clip = ui_clip_new(a->loop, &clip);
	a->start = start_new(a->loop, &a->model, &start);
}

static int app_open(struct app *a, const struct conf *conf, struct err *e)
{
	const struct input_callbacks cb = {app_on_key, app_on_paste, app_on_mouse, a};

	a->run_base = rundir_base(env_host()->runtime, e);
	if (!a->run_base)
		return -1;
	a->notify = mem_strdup(conf->tui_notify);
	model_init(&a->model, clock_wall_ms());
	if (setup_model(&a->model, conf, e) < 0)
		return -1;
	app_init_loop(a);
	app_make_parts(a);
	if (paint_open(e) < 0)
		return -1;
	a->input = input_new(paint_terminal(), &cb);
	if (!a->input) {
		paint_close();
		return err_set(e, "libtermkey: unknown terminal %s", paint_terminal());
	}
	if (strcmp(paint_terminal(), env_get(ENV_TERM)) != 0)
		model_say(&a->model, "TERM=%.60s is unknown to terminfo: using %s",
			  env_get(ENV_TERM), paint_terminal());
	paint_size(&a->cols, &a->rows);
	a->told_waiting = -1;
	app_refresh(a);
	model_choose(&a->model, 0);
	return 0;
}

static void app_free_loop(struct app *a)
{
	fdwatch_free(a->typed);
	timer_free(a->tick);
	timer_free(a->settle);
	for (size_t i = 0; i < ARRAY_LEN(a->signals); i++)
		sigwatch_free(a->signals[i]);
	(void)loop_free(a->loop);
}

int app_run(const struct conf *conf, struct err *e)
{
	static struct app a;

	signal(SIGPIPE, SIG_IGN);
	if (app_open(&a, conf, e) < 0)
		return -1;
	loop_run(a.loop);
	paint_close();
	ui_link_stop(a.link, a.model.spare.id);
	ui_link_free(a.link);
	ui_clip_free(a.clip);
	copy_free(a.copy);
	start_free(a.start);
	app_free_loop(&a);
	input_free(a.input);
	free(a.run_base);
	free(a.notify);
	model_fini(&a.model);
	return 0;
}
