/* Theory of operation of a client.
 *
 * 1. stdout and stderr are written without ever blocking the loop: poll first, then pieces of
 *    PIPE_BUF at most (poll(2) promises that much for a pipe). O_NONBLOCK is not set: the open
 *    file belongs to the caller's shell and its other programs too.
 * 2. What cannot be written stops the reading of the session's socket, which in turn stops the
 *    guest.
 * 3. stdin is read only as far as the session gave credit, so signals and resizes never wait
 *    behind it.
 * 4. What goes to a terminal is filtered and undone, for each output by itself: stdin may be a
 *    pipe all the same.
 * 5. The exit code is the last frame's. A socket that ends without one means that ccvm-session
 *    died: its directory is then cleaned up here. */
#include "client/run.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "client/keymatch.h"
#include "client/screendraw.h"
#include "client/termfilter.h"
#include "client/terminal.h"
#include "client/typed.h"
#include "loop/fdwatch.h"
#include "loop/frames.h"
#include "loop/loop.h"
#include "loop/sigwatch.h"
#include "loop/timer.h"
#include "proto/outcome.h"
#include "proto/rundir.h"
#include "proto/wire.h"
#include "conf/env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define RUN_OUTPUT_MAX (1u << 20)

struct run_output {
	struct run *run;
	int fd;
	struct buf queue;
	struct fdwatch *watch;
	bool broken;
	bool terminal; /* what it gets is filtered and undone, whatever stdin is */
	struct termfilter filter;
};

struct run {
	struct loop *loop;
	struct frames *session;
	struct run_output out[2]; /* stdout, stderr */
	struct fdwatch *input;
	bool input_ended;
	uint32_t credit;
	struct typed typed;	   /* in a terminal */
	struct timer *typed_timer; /* for a paste whose end does not come */
	struct sigwatch *signals[8];
	struct events *events;
	struct run_result *result;
	bool tty, agent_runs, exit_seen, failed, session_ended;
	bool suspends;
	struct keymatch suspend; /* Ctrl+Z */
	int same_signal, same_signal_count;
};

static void run_send(struct run *r, enum wire_type type, const void *payload, size_t n)
{
	frames_send(r->session, type, payload, n);
}

/* ---- output ---- */

static bool run_output_is_done(const struct run *r)
{
	return !buf_len(&r->out[0].queue) && !buf_len(&r->out[1].queue);
}

static void run_maybe_finish(struct run *r)
{
	if (r->session_ended && run_output_is_done(r))
		loop_stop(r->loop);
}

static void run_throttle(struct run *r)
{
	frames_pause(r->session, buf_len(&r->out[0].queue) > RUN_OUTPUT_MAX ||
					 buf_len(&r->out[1].queue) > RUN_OUTPUT_MAX);
}

static void run_output_broken(struct run_output *o)
{
	if (!o->broken && o->fd == STDOUT_FILENO) {
		/* As SIGPIPE would end claude itself. */
		o->run->result->code = 128 + SIGPIPE;
		run_send(o->run, WIRE_STOP, NULL, 0);
	}
	o->broken = true;
	buf_drop(&o->queue, buf_len(&o->queue));
}

static void run_output_flush(struct run_output *o)
{
	while (buf_len(&o->queue)) {
		struct pollfd p = {.fd = o->fd, .events = POLLOUT};
		size_t n = buf_len(&o->queue) < PIPE_BUF ? buf_len(&o->queue) : PIPE_BUF;
		ssize_t w;

		if (poll(&p, 1, 0) == 0)
			break;
		w = write(o->fd, buf_data(&o->queue), n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN)
			break;
		if (w < 0) {
			run_output_broken(o);
			break;
		}
		buf_drop(&o->queue, (size_t)w);
	}
	fdwatch_set(o->watch, buf_len(&o->queue) ? FDWATCH_WRITE : FDWATCH_NONE);
	run_throttle(o->run);
	run_maybe_finish(o->run);
}

static void run_output_on_ready(void *output)
{
	run_output_flush(output);
}

static void run_output_add(struct run_output *o, const void *bytes, size_t n)
{
	if (o->broken)
		return;
	buf_add(&o->queue, bytes, n);
	run_output_flush(o);
}

/* A guest's bytes. */
static void run_output_take(struct run_output *o, const void *bytes, size_t n)
{
	AUTO_BUF struct buf shown = {0};

	if (!o->terminal) {
		run_output_add(o, bytes, n);
		return;
	}
	termfilter_feed(&o->filter, bytes, n, &shown);
	run_output_add(o, buf_data(&shown), buf_len(&shown));
}

/* Undoes what the guest left on, behind all that it wrote: so this waits for the terminal. */
static void run_output_restore(struct run_output *o)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};

	if (!o->terminal || o->broken)
		return;
	termfilter_undo(&o->filter, &o->queue);
	run_output_flush(o);
	while (buf_len(&o->queue)) {
		(void)poll(&p, 1, -1);
		run_output_flush(o);
	}
}

static void run_output_init(struct run *r, struct run_output *o, int fd, bool filter)
{
	o->run = r;
	o->fd = fd;
	o->terminal = isatty(fd);
	o->filter.open = !filter;
	o->filter.lines = !r->tty;
	o->watch = fdwatch_new(r->loop, fd, run_output_on_ready, o);
}

/* ---- input ---- */

static void run_input_watch(struct run *r);

static void run_suspend(struct run *r);

static void run_pass_plain(struct run *r, const void *bytes, size_t n)
{
	r->credit -= (uint32_t)n;
	if (n)
		run_send(r, WIRE_STDIN, bytes, n);
}

/* What typed held is whole, so nothing is held here. */
static void run_pass(void *ctx, const void *bytes, size_t n)
{
	struct run *r = ctx;
	AUTO_BUF struct buf passed = {0};
	bool suspend;

	if (!r->suspends) {
		run_pass_plain(r, bytes, n);
		return;
	}
	suspend = keymatch_feed(&r->suspend, bytes, n, &passed);
	if (!suspend)
		(void)keymatch_flush(&r->suspend, &passed);
	run_pass_plain(r, buf_data(&passed), buf_len(&passed));
	if (suspend)
		run_suspend(r);
}

static void run_send_frame(void *ctx, enum wire_type type, const void *payload, size_t n)
{
	run_send(ctx, type, payload, n);
}

static void run_show(void *ctx, const void *bytes, size_t n)
{
	run_output_add(&((struct run *)ctx)->out[0], bytes, n);
}

static void run_watch_typed(struct run *r)
{
	const int ms = typed_patience_ms(&r->typed);

	if (ms >= 0)
		timer_start(r->typed_timer, (unsigned)ms, 0);
	else
		timer_stop(r->typed_timer);
}

static void run_on_typed_timeout(void *run)
{
	struct run *r = run;

	typed_give_up(&r->typed);
	run_watch_typed(r);
}

static void run_input_take(struct run *r, const char *bytes, size_t n)
{
	if (!r->tty) {
		run_pass(r, bytes, n);
		return;
	}
	typed_feed(&r->typed, bytes, n);
	run_watch_typed(r);
}

/* What may be read: bytes that are held back are sent later, and a paste may become longer. */
static size_t run_input_room(const struct run *r)
{
	const size_t kept = r->tty ? typed_kept(&r->typed) + TYPED_GROWTH : 0;

	return r->credit > kept ? r->credit - kept : 0;
}

static void run_input_read(void *run)
{
	struct run *r = run;
	static char bytes[WIRE_CHUNK];
	const size_t room = run_input_room(r), n = room < sizeof(bytes) ? room : sizeof(bytes);
	ssize_t got;

	if (r->input_ended || n == 0)
		return;
	got = read(STDIN_FILENO, bytes, n);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got > 0) {
		run_input_take(r, bytes, (size_t)got);
	} else {
		typed_give_up(&r->typed);
		r->input_ended = true;
		run_send(r, WIRE_STDIN_END, NULL, 0);
	}
	run_input_watch(r);
}

static void run_input_watch(struct run *r)
{
	/* In a terminal, what is typed while the guest boots waits in the terminal's own queue. */
	bool wanted = !r->input_ended && run_input_room(r) && (!r->tty || r->agent_runs) &&
		      !r->session_ended && !typed_is_waiting(&r->typed);

	fdwatch_set(r->input, wanted ? FDWATCH_READ : FDWATCH_NONE);
}

static void run_input_init(struct run *r)
{
	r->credit = WIRE_CREDIT_FIRST;
	r->typed.cb = (struct typed_callbacks){run_send_frame, run_pass, run_show, r};
	r->typed_timer = timer_new(r->loop, run_on_typed_timeout, r);
	r->input = fdwatch_new(r->loop, STDIN_FILENO, run_input_read, r);
	run_input_watch(r);
}

/* ---- the session's frames ---- */

static void run_print_lines(const char *title, const char *text)
{
	if (!text || !text[0])
		return;
	log_more("last lines of %s:", title);
	while (*text) {
		int n = (int)strcspn(text, "\n");

		log_more("  %.*s", n, text);
		text += n + (text[n] == '\n');
	}
}

static void run_print_failure(const struct outcome *o)
{
	log_error("%s: %s", outcome_text(o->stage), outcome_text(o->reason));
	if (o->remedy && o->remedy[0])
		log_more("%s", o->remedy);
	run_print_lines("the guest's console", outcome_text(o->console));
	run_print_lines("QEMU and ccvm-net", outcome_text(o->qemu));
}

/* The terminal as it was found, whatever the guest left on and however the session ended. */
static void run_restore(struct run *r)
{
	for (size_t i = 0; i < ARRAY_LEN(r->out); i++)
		run_output_restore(&r->out[i]);
	if (r->tty)
		terminal_restore(NULL);
}

static void run_on_exit(struct run *r, const struct wire_frame *f)
{
	struct outcome o;

	(void)outcome_get(f->payload, f->n, &o);
	r->exit_seen = true;
	r->failed = o.failed;
	if (!r->result->code)
		r->result->code = o.code;
	r->result->directory = mem_steal_ptr(&o.directory);
	events_clear_line(r->events);
	if (r->failed) {
		run_restore(r);
		run_print_failure(&o);
	}
	outcome_fini(&o);
}

/* The agent has the terminal from the moment it runs. */
static void run_on_event(struct run *r, const struct wire_frame *f)
{
	static struct json_line l;
	const char *state;

	events_take(r->events, (const char *)f->payload, f->n);
	if (r->agent_runs || json_parse_line((const char *)f->payload, f->n, &l) < 0)
		return;
	state = json_get_string(&l, "state");
	if (!state || strcmp(state, "running") != 0)
		return;
	r->agent_runs = true;
	events_clear_line(r->events);
	if (r->tty)
		terminal_set_raw();
	run_input_watch(r);
}

static void run_on_stdout(struct run *r, const struct wire_frame *f)
{
	run_output_take(&r->out[0], f->payload, f->n);
}

/* Without the guest's terminal behind it an answer would be typed into the user's shell. */
static void run_on_answers(struct run *r, const struct wire_frame *f)
{
	struct wire_answers m;

	r->out[0].filter.answers = r->tty && wire_get_answers(f, &m) && m.answers;
}

static void run_on_stderr(struct run *r, const struct wire_frame *f)
{
	run_output_take(&r->out[1], f->payload, f->n);
}

static void run_on_credit(struct run *r, const struct wire_frame *f)
{
	struct wire_credit credit;

	if (wire_get_credit(f, &credit))
		r->credit += credit.bytes;
	run_input_watch(r);
}

static void run_on_placed(struct run *r, const struct wire_frame *f)
{
	typed_on_placed(&r->typed, f->payload, f->n);
	run_input_watch(r);
}

static void run_on_ask(struct run *r, const struct wire_frame *f)
{
	typed_on_ask(&r->typed, f->payload, f->n);
	run_watch_typed(r);
}

/* The screen as it is when the user is back. */
static void run_on_view(struct run *r, const struct wire_frame *f)
{
	struct view_screen v = {0};
	AUTO_BUF struct buf out = {0};

	if (view_take_frame(&v, f->payload, f->n) == 0) {
		screendraw(&v, &out);
		run_output_take(&r->out[0], buf_data(&out), buf_len(&out));
	}
	view_screen_fini(&v);
}

static bool run_on_frame(void *run, const struct wire_frame *f)
{
	struct run *r = run;
	static const struct {
		enum wire_type type;
		void (*take)(struct run *r, const struct wire_frame *f);
	} table[] = {{WIRE_STDOUT, run_on_stdout}, {WIRE_STDERR, run_on_stderr},
		     {WIRE_CREDIT, run_on_credit}, {WIRE_EVENT, run_on_event},
		     {WIRE_EXIT, run_on_exit},	   {WIRE_IMAGE_PLACED, run_on_placed},
		     {WIRE_CLIP_ASK, run_on_ask},  {WIRE_ANSWERS, run_on_answers},
		     {WIRE_VIEW_DATA, run_on_view}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == f->type)
			table[i].take(r, f);
	return true;
}

static void run_on_session_end(void *run, bool malformed)
{
	struct run *r = run;

	/* A session that speaks no more than nonsense ends with its socket, as one whose client
	 * left. */
	if (malformed)
		frames_close(mem_steal_ptr(&r->session));
	r->session_ended = true;
	run_input_watch(r);
	run_maybe_finish(r);
}

/* ---- signals ---- */

static const struct {
	int number;
	const char *name;
	/* so many in a row end the session, whatever the agent makes of them; 0: never */
	unsigned ends_at;
} run_signal_table[] = {{SIGINT, "INT", 3},   {SIGTERM, "TERM", 2}, {SIGHUP, "HUP", 2},
			{SIGQUIT, "QUIT", 3}, {SIGUSR1, "USR1", 0}, {SIGUSR2, "USR2", 0}};

static void run_on_signal(void *run, int number)
{
	struct run *r = run;

	r->same_signal_count = r->same_signal == number ? r->same_signal_count + 1 : 1;
	r->same_signal = number;
	for (size_t i = 0; i < ARRAY_LEN(run_signal_table); i++) {
		const unsigned ends_at = run_signal_table[i].ends_at;

		if (run_signal_table[i].number != number)
			continue;
		if (ends_at && r->same_signal_count >= (int)ends_at) {
			r->result->code = 128 + number;
			run_send(r, WIRE_STOP, NULL, 0);
		} else {
			run_send(r, WIRE_SIGNAL, run_signal_table[i].name,
				 strlen(run_signal_table[i].name));
		}
	}
}

static void run_on_resize(void *run, int number)
{
	struct run *r = run;
	AUTO_BUF struct buf size = {0};
	int cols, rows;

	(void)number;
	terminal_size(&cols, &rows);
	wire_fill_resize(&size, (struct wire_resize){(uint16_t)cols, (uint16_t)rows});
	run_send(r, WIRE_RESIZE, buf_data(&size), buf_len(&size));
}

/* ---- suspending ---- */

#define RUN_FLUSH_MS 200

/* Stops this program's job as the terminal would, until its shell continues it. A job that no
 * shell could continue is not stopped (setpgid(2), orphaned process groups). */
static void run_stop_job(void)
{
	struct sigaction plain = {.sa_handler = SIG_DFL}, before;

	sigaction(SIGTSTP, &plain, &before);
	kill(0, SIGTSTP);
	sigaction(SIGTSTP, &before, NULL);
}

/* The session goes on meanwhile: without being told it would wait for this terminal to take what
 * the agent writes. */
static void run_suspend(struct run *r)
{
	AUTO_BUF struct buf attach = {0};

	run_send(r, WIRE_AWAY, NULL, 0);
	frames_flush(r->session, RUN_FLUSH_MS);
	run_output_restore(&r->out[0]);
	terminal_restore(NULL);
	log_more("ccvm: suspended; the session goes on. fg returns to it");
	run_stop_job();
	if (r->agent_runs)
		terminal_set_raw();
	else
		terminal_set_waiting();
	run_on_resize(r, SIGWINCH);
	wire_fill_attach(&attach, (struct wire_attach){!r->out[0].filter.open});
	run_send(r, WIRE_ATTACH, buf_data(&attach), buf_len(&attach));
}

static void run_on_stop_signal(void *run, int number)
{
	struct run *r = run;

	(void)number;
	if (r->agent_runs) {
		run_suspend(r);
		return;
	}
	events_clear_line(r->events);
	terminal_restore(NULL);
	run_stop_job();
	terminal_set_waiting();
}

static void run_signals_init(struct run *r)
{
	size_t n = 0;

	signal(SIGPIPE, SIG_IGN);
	for (; n < ARRAY_LEN(run_signal_table); n++)
		r->signals[n] = sigwatch_new(r->loop, run_signal_table[n].number, run_on_signal, r);
	if (r->tty)
		r->signals[n++] = sigwatch_new(r->loop, SIGWINCH, run_on_resize, r);
	if (r->tty)
		r->signals[n] = sigwatch_new(r->loop, SIGTSTP, run_on_stop_signal, r);
}

static void run_fini(struct run *r)
{
	frames_close(r->session);
	for (size_t i = 0; i < ARRAY_LEN(r->out); i++) {
		fdwatch_free(r->out[i].watch);
		buf_fini(&r->out[i].queue);
	}
	fdwatch_free(r->input);
	timer_free(r->typed_timer);
	for (size_t i = 0; i < ARRAY_LEN(r->signals); i++)
		sigwatch_free(r->signals[i]);
	(void)loop_free(r->loop);
}

void run_session(int session_fd, pid_t session, const struct run_terminal *t, struct events *ev,
		 struct run_result *result)
{
	static struct run r;
	const struct frames_callbacks cb = {run_on_frame, run_on_session_end, NULL, &r};
	int status = 0;

	memset(result, 0, sizeof(*result));
	r.events = ev;
	r.result = result;
	r.tty = t->tty;
	r.suspends = t->suspends;
	(void)keyname_parse(&r.suspend.key, "C-z");
	r.loop = loop_new();
	r.session = frames_open(r.loop, session_fd, &cb);
	run_output_init(&r, &r.out[0], STDOUT_FILENO, t->filter);
	run_output_init(&r, &r.out[1], STDERR_FILENO, t->filter);
	run_signals_init(&r);
	run_input_init(&r);
	if (r.tty) {
		terminal_init();
		terminal_set_waiting();
	}
	loop_run(r.loop);
	while (waitpid(session, &status, 0) < 0 && errno == EINTR)
		;
	run_restore(&r);
	events_finish(ev);
	/* A session whose ccvm-fs was killed may not change the modes of directories that its agent
	 * made without permissions, and leaves them. */
	if (!r.exit_seen || result->code == ERR_EXIT_GUEST)
		rundir_clean_dead(env_host()->runtime);
	if (!r.exit_seen) {
		events_clear_line(ev);
		log_error("ccvm-session died; its guest is gone and its directory was cleaned up");
		result->code = ERR_EXIT_GUEST;
	} else if (status) {
		log_warn("ccvm-session ended with code %d when its session was over (report this)",
			 spawn_exit_code(status));
	}
	run_fini(&r);
}
