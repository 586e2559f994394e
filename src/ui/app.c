/* Theory of operation of ccvm-tui.
 *
 * 1. One loop, one thread. Bytes of the terminal become keys (input), keys change the model (command), and what the model
 *    wishes is done here. What sessions send changes the model too (app_link).
 * 2. Once a turn, when something changed, the model is drawn on a canvas (views) and the canvas on the terminal (paint).
 * 3. Sessions live on their own. This program holds nothing of theirs: killed at any moment and started again, it finds
 *    them by their directories and gets their screens anew. */
#include "ui/app.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/recent.h"
#include "conf/conf.h"
#include "proto/rundir.h"
#include "ui/app_link.h"
#include "ui/app_state.h"
#include "ui/command.h"
#include "ui/paint.h"
#include "ui/suggest.h"
#include "ui/views.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define APP_TICK_MS   1000
#define APP_SETTLE_MS 30 /* how long a lone ESC waits for the rest of a key */

/* ---- telling the user ---- */

void app_announce(struct app *a, const struct model_session *s)
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
	AUTO_FREE char *text = waiting ? mem_format("ccvm: %d waiting", waiting) : mem_strdup("ccvm");

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

static void app_on_prepare(uv_prepare_t *prepare)
{
	struct app *a = prepare->data;

	links_follow(a);
	if (a->dirty)
		app_draw(a);
}

/* ---- other wishes ---- */

static void app_wish_stop(struct app *a, struct model_session *s)
{
	if (s->ended)
		return;
	links_stop(a, s);
	model_say(&a->model, "stopping %.200s", s->name);
}

static void app_wish_restart(struct app *a, struct model_session *s)
{
	app_restart_session(a, s);
}

static void app_wish_suggest(struct app *a, struct model_session *s)
{
	struct model *m = &a->model;
	AUTO_STRV struct strv recent = {0}, found = {0};

	(void)s;
	recent_load(&recent);
	suggest_directories(m->form[FORM_DIRECTORY].text, m->directory_typed, &recent, MODEL_SUGGESTIONS, &found);
	for (size_t i = 0; i < found.n; i++)
		snprintf(m->suggestion[i].text, MODEL_TEXT, "%s", found.v[i]);
	m->suggestions = (int)found.n;
	m->suggestion_chosen = -1;
}

/* Where nothing is left to complete, Tab goes to the next field. */
static void app_wish_complete(struct app *a, struct model_session *s)
{
	struct model *m = &a->model;
	AUTO_FREE char *more = suggest_complete(m->form[FORM_DIRECTORY].text);

	if (more && strlen(more) < MODEL_TEXT && strcmp(more, m->form[FORM_DIRECTORY].text) != 0)
		strcpy(m->form[FORM_DIRECTORY].text, more);
	else
		m->form_field++;
	app_wish_suggest(a, s);
}

static void app_wish_rename(struct app *a, struct model_session *s)
{
	links_rename(a, s, a->model.line.text);
}

static void app_wish_new(struct app *a, struct model_session *s)
{
	(void)s;
	app_start_session(a);
}

static void app_wish_egress_log(struct app *a, struct model_session *s)
{
	a->model.egress_n = a->model.egress_chosen = 0;
	links_egress(a, s, "log", NULL, false);
}

/* The chosen row, or the name that is being asked for. */
static void app_decide(struct app *a, struct model_session *s, const char *op, bool once)
{
	struct model *m = &a->model;
	const char *entry = s->question[0] ? s->question : m->egress_chosen < m->egress_n ? m->egress[m->egress_chosen].entry : NULL;

	if (!entry)
		return;
	links_egress(a, s, op, entry, once);
	model_say(m, "%s %.200s%s", op, entry, once ? " once" : " for this session");
	s->question[0] = '\0';
}

static void app_wish_allow(struct app *a, struct model_session *s)
{
	app_decide(a, s, "allow", false);
}

static void app_wish_allow_once(struct app *a, struct model_session *s)
{
	app_decide(a, s, "allow", true);
}

static void app_wish_deny(struct app *a, struct model_session *s)
{
	app_decide(a, s, "deny", false);
}

static void app_wish_hold(struct app *a, struct model_session *s)
{
	links_egress(a, s, "watch", NULL, false);
	model_say(&a->model, "names that are not listed now wait for your answer");
}

static void app_wish_redraw(struct app *a, struct model_session *s)
{
	(void)s;
	a->redraw_all = true;
}

static void app_wish_quit(struct app *a, struct model_session *s)
{
	(void)s;
	uv_stop(&a->loop);
}

static void app_wish_quit_and_stop(struct app *a, struct model_session *s)
{
	(void)s;
	for (int i = 0; i < a->model.n; i++)
		if (a->model.session[i].detached && !a->model.session[i].ended)
			links_stop(a, &a->model.session[i]);
	a->model.quitting = true;
	model_say(&a->model, "stopping; quits when they have ended");
}

static const struct {
	enum model_wish wish;
	bool needs_session;
	void (*grant)(struct app *a, struct model_session *s);
} app_wishes[] = {
	{WISH_STOP, true, app_wish_stop},	  {WISH_RESTART, true, app_wish_restart},   {WISH_SUGGEST, false, app_wish_suggest},
	{WISH_COMPLETE, false, app_wish_complete}, {WISH_SAVE, false, app_wish_save},	    {WISH_RENAME, true, app_wish_rename},	    {WISH_NEW, false, app_wish_new},
	{WISH_EGRESS_LOG, true, app_wish_egress_log}, {WISH_ALLOW, true, app_wish_allow},   {WISH_ALLOW_ONCE, true, app_wish_allow_once},
	{WISH_DENY, true, app_wish_deny},	  {WISH_HOLD, true, app_wish_hold},	    {WISH_LINES, false, app_wish_lines},
	{WISH_SEARCH, false, app_wish_search},	  {WISH_COPY, false, app_wish_copy},	    {WISH_REDRAW, false, app_wish_redraw},
	{WISH_QUIT, false, app_wish_quit},	  {WISH_QUIT_AND_STOP, false, app_wish_quit_and_stop},
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

static void app_on_key(void *ctx, const struct key *k)
{
	struct app *a = ctx;

	if (command_key(&a->model, k))
		links_key(a, model_active(&a->model), k);
	app_grant(a);
}

static void app_on_paste(void *ctx, const char *text, size_t n, bool whole)
{
	struct app *a = ctx;
	const struct model_session *s = model_active(&a->model);

	a->model.keys++;
	if (!whole)
		model_say(&a->model, "nothing was pasted: it is larger than %u MiB", INPUT_PASTE_MAX >> 20);
	else if (command_paste(&a->model, text, n) && !links_paste(a, s, text, n))
		model_say(&a->model, "nothing was pasted: %.200s", s && !s->ended ? "the paste before is still under way" : "the session has ended");
	app_grant(a);
}

static void app_open_copy(struct app *a)
{
	const struct key open = {'[', 0};

	a->model.after_prefix = a->model.mode == MODEL_PANE;
	(void)command_key(&a->model, &open);
	app_grant(a);
}

static void app_scroll_back(struct app *a, unsigned button)
{
	const struct key move = {button == 64 ? VIEW_KEY_UP : VIEW_KEY_DOWN, 0};

	if (a->model.mode != MODEL_COPY && button == 64)
		app_open_copy(a);
	for (int i = 0; a->model.mode == MODEL_COPY && i < 3; i++)
		(void)command_key(&a->model, &move);
	app_grant(a);
}

/* Dragging selects, letting go copies. */
static void app_drag(struct app *a, unsigned kind, int row, int col)
{
	struct model *m = &a->model;

	if (kind == 0) {
		a->drag_row = row;
		a->drag_col = col;
		if (m->mode == MODEL_COPY) {
			m->copy_kind = COPY_NOTHING;
			command_copy_point(m, row, col);
		}
	} else if (kind == 2) {
		if (m->mode != MODEL_COPY)
			app_open_copy(a);
		if (m->mode == MODEL_COPY && m->copy_kind == COPY_NOTHING) {
			command_copy_point(m, a->drag_row, a->drag_col);
			command_copy_select(m, COPY_CHARS);
		}
		command_copy_point(m, row, col);
	} else if (m->mode == MODEL_COPY && m->copy_kind != COPY_NOTHING) {
		m->wish = WISH_COPY;
	}
	app_grant(a);
}

static void app_on_mouse(void *ctx, unsigned mods, unsigned button, unsigned kind, int row, int col)
{
	struct app *a = ctx;
	struct model *m = &a->model;
	int in_row = 0, in_col = 0;
	const int pane = views_pane_at(m, a->cols, a->rows, row, col, &in_row, &in_col);
	const int listed = views_list_at(m, a->cols, a->rows, row, col);
	struct model_session *s = pane >= 0 ? model_in_pane(m, pane) : NULL;

	a->dirty = true;
	if (m->mode > MODEL_PANE && m->mode != MODEL_COPY)
		return;
	if (listed >= 0 && kind == 0) {
		model_choose(m, listed);
		m->mode = MODEL_LIST;
	}
	if (!s)
		return;
	if (button < 64 && kind == 0 && m->mode != MODEL_COPY) {
		m->active = pane;
		m->chosen = (int)(s - m->session);
		m->mode = s->terminal ? MODEL_PANE : MODEL_LIST;
	}
	if (m->mode != MODEL_COPY && s->screen.s.modes & (VIEW_MOUSE_CLICK | VIEW_MOUSE_DRAG | VIEW_MOUSE_MOVE))
		links_mouse(a, s, mods, button, kind, in_row, in_col);
	else if (button >= 64 && kind == 0 && pane == m->active)
		app_scroll_back(a, button);
	else if (button == 0 && pane == m->active)
		app_drag(a, kind, in_row, in_col);
}

static void app_on_settle(uv_timer_t *timer)
{
	struct app *a = timer->data;

	model_on_input(&a->model, clock_mono_ms());
	input_settle(a->input);
}

void app_on_typed(struct app *a, const void *bytes, size_t n)
{
	model_on_input(&a->model, clock_mono_ms());
	input_feed(a->input, bytes, n);
	if (input_is_waiting(a->input))
		uv_timer_start(&a->settle, app_on_settle, APP_SETTLE_MS, 0);
	else
		uv_timer_stop(&a->settle);
}

static void app_on_input(uv_poll_t *poll, int status, int events)
{
	struct app *a = poll->data;
	AUTO_BUF struct buf keys = {0};
	char bytes[4096];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	(void)status;
	(void)events;
	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
		uv_stop(&a->loop); /* the terminal is gone; sessions are not */
		return;
	}
	if (n < 0)
		return;
	app_clip_filter(a, bytes, (size_t)n, &keys);
	app_on_typed(a, buf_data(&keys), buf_len(&keys));
}

static bool app_has_detached(const struct model *m)
{
	for (int i = 0; i < m->n; i++)
		if (m->session[i].detached && !m->session[i].ended)
			return true;
	return false;
}

static void app_on_tick(uv_timer_t *timer)
{
	struct app *a = timer->data;

	a->model.now_ms = clock_wall_ms();
	links_refresh(a);
	app_spare_tick(a);
	if (a->model.quitting && !app_has_detached(&a->model))
		uv_stop(&a->loop);
}

static void app_on_signal(uv_signal_t *handle, int number)
{
	struct app *a = handle->data;

	if (number != SIGWINCH) {
		uv_stop(&a->loop);
		return;
	}
	paint_resized();
	paint_size(&a->cols, &a->rows);
	a->dirty = true;
}

/* ---- begin and end ---- */

static void app_init_form(struct model *m, const struct conf *conf)
{
	char *here = getcwd(NULL, 0);

	snprintf(m->form[FORM_DIRECTORY].text, MODEL_TEXT, "%.250s", here ? here : "");
	if (conf->tui_warm_spare && here && strlen(here) < MODEL_TEXT)
		strcpy(m->spare_directory, here);
	snprintf(m->form[FORM_MODE].text, MODEL_TEXT, "%s", conf->writable_cwd ? "live" : "overlay");
	free(here);
}

/* What the terminal says of its background, where it says anything (COLORFGBG is "foreground;background"). */
static enum model_theme app_theme(const char *wanted)
{
	const char *colours = getenv("COLORFGBG"), *background = colours ? strrchr(colours, ';') : NULL;

	if (strcmp(wanted, "mono") == 0 || (strcmp(wanted, "auto") == 0 && getenv("NO_COLOR")))
		return THEME_MONO;
	if (strcmp(wanted, "light") == 0 || (strcmp(wanted, "auto") == 0 && background && (strcmp(background, ";7") == 0 || strcmp(background, ";15") == 0)))
		return THEME_LIGHT;
	return THEME_DARK;
}

static int app_bind_keys(struct model *m, const struct conf *conf, struct err *e)
{
	for (size_t i = 0; i < conf->tui_keys.n; i++)
		if (!command_bind(m, conf->tui_keys.v[i])) {
			err_set(e, "tui.keys: \"%.60s\" is not of the form COMMAND=KEY with a key as C-x, M-x, F5 or a letter", conf->tui_keys.v[i]);
			err_remedy(e, "ccvm-tui --help shows the commands");
			return err_exit_code(e, ERR_EXIT_POLICY);
		}
	return 0;
}

static void app_init_loop(struct app *a)
{
	static const int signals[] = {SIGWINCH, SIGTERM, SIGHUP};

	uv_loop_init(&a->loop);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		uv_signal_init(&a->loop, &a->signals[i]);
		a->signals[i].data = a;
		uv_signal_start(&a->signals[i], app_on_signal, signals[i]);
	}
	uv_poll_init(&a->loop, &a->input_poll, STDIN_FILENO);
	uv_timer_init(&a->loop, &a->tick);
	uv_timer_init(&a->loop, &a->settle);
	uv_timer_init(&a->loop, &a->beside);
	uv_prepare_init(&a->loop, &a->prepare);
	app_clip_init(a);
	a->input_poll.data = a->tick.data = a->settle.data = a->prepare.data = a;
	uv_poll_start(&a->input_poll, UV_READABLE, app_on_input);
	uv_timer_start(&a->tick, app_on_tick, APP_TICK_MS, APP_TICK_MS);
	uv_prepare_start(&a->prepare, app_on_prepare);
}

static int app_open(struct app *a, const struct conf *conf, struct err *e)
{
	const struct input_callbacks cb = {app_on_key, app_on_paste, app_on_mouse, a};

	a->run_base = rundir_base(e);
	if (!a->run_base)
		return -1;
	a->notify = mem_strdup(conf->tui_notify);
	model_init(&a->model, clock_wall_ms());
	if (!keyname_parse(&a->model.prefix, conf->tui_prefix))
		return err_set(e, "tui.prefix: %s is not a key", conf->tui_prefix);
	a->model.theme = app_theme(conf->tui_theme);
	if (app_bind_keys(&a->model, conf, e) < 0)
		return -1;
	app_init_form(&a->model, conf);
	app_init_loop(a);
	if (paint_open(e) < 0)
		return -1;
	a->input = input_new(paint_terminal(), &cb);
	if (!a->input) {
		paint_close();
		return err_set(e, "libtermkey does not know the terminal %s", paint_terminal());
	}
	if (strcmp(paint_terminal(), getenv("TERM")) != 0)
		model_say(&a->model, "TERM=%.60s is not known on this computer: used as %s", getenv("TERM"), paint_terminal());
	paint_size(&a->cols, &a->rows);
	a->told_waiting = -1;
	links_refresh(a);
	model_choose(&a->model, 0);
	return 0;
}

int app_run(const struct conf *conf, struct err *e)
{
	static struct app a;

	signal(SIGPIPE, SIG_IGN);
	if (app_open(&a, conf, e) < 0)
		return -1;
	uv_run(&a.loop, UV_RUN_DEFAULT);
	paint_close();
	app_spare_end(&a);
	links_close(&a);
	app_clip_end(&a);
	input_free(a.input);
	model_fini(&a.model);
	return 0;
}
