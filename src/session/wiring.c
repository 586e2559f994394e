/* wiring: makes the components of a session, and says which of them hears of what. None of them
 * knows another. */
#include "session/wiring.h"
#include "clip/clip_path.h"
#include "proto/clip.h"
#include "proto/fsctl.h"

#include <signal.h>
#include <string.h>

/* ---- what several components call ---- */

static void wiring_note(void *ctx, const char *stage, const char *text)
{
	journal_note(((struct session *)ctx)->journal, stage, text);
}

static void wiring_event(void *ctx, const struct event *e)
{
	journal_event(((struct session *)ctx)->journal, e);
}

static void wiring_changed(void *ctx)
{
	session_write_status(ctx);
}

static void wiring_pump(void *ctx)
{
	agent_pump(((struct session *)ctx)->agent);
}

static void wiring_to_guest(void *ctx, const void *line, size_t n)
{
	streams_to_guest(((struct session *)ctx)->streams, line, n);
}

/* ---- journal ---- */

static void wiring_send_event(void *ctx, const void *event, size_t n)
{
	hub_broadcast(((struct session *)ctx)->hub, WIRE_EVENT, event, n);
}

/* ---- hostclock ---- */

static void wiring_tell_time(void *ctx, const void *line, size_t n)
{
	const struct session *s = ctx;

	if (s->attempt.state >= ATTEMPT_READY && s->attempt.state <= ATTEMPT_RUNNING &&
	    streams_guest_queued(s->streams) == 0)
		streams_to_guest(s->streams, line, n);
}

static void wiring_on_tick(void *ctx)
{
	const struct session *s = ctx;

	if (s->attempt.state == ATTEMPT_RUNNING)
		pulse_tick(s->pulse);
}

/* ---- listener ---- */

static void wiring_on_connection(void *ctx, int fd)
{
	hub_add_client(((struct session *)ctx)->hub, fd);
}

/* ---- pulse and nudge ---- */

static void wiring_on_quiet(void *ctx)
{
	journal_note(((struct session *)ctx)->journal, "guest",
		     "no sign of life from the guest for half a minute: it is frozen, or this "
		     "computer is very busy");
}

static void wiring_on_woken(void *ctx, struct json_value value, const char *error)
{
	(void)value;
	(void)error;
	nudge_answered(((struct session *)ctx)->nudge);
}

static bool wiring_wake_qemu(void *ctx)
{
	struct session *s = ctx;

	if (!streams_are_open(s->streams))
		return false;
	streams_qmp(s->streams, "query-status", NULL, wiring_on_woken, s);
	return true;
}

/* ---- paste ---- */

static bool wiring_is_shared(void *ctx, const char *path)
{
	const struct session *s = ctx;

	return clip_path_is_below(path, s->workspace);
}

bool wiring_images_are_wanted(const struct session *s)
{
	return s->conf.clipboard_images && s->request.tty;
}

static const char *wiring_why_no_image(void *ctx)
{
	const struct session *s = ctx;

	if (!s->conf.clipboard_images)
		return "image paste is turned off (clipboard.images)";
	if (!s->request.tty || s->attempt.state != ATTEMPT_RUNNING || !streams_are_open(s->streams))
		return "the session does not accept images now";
	return NULL;
}

static void wiring_image_placed(void *ctx, uint32_t client, const char *path, size_t n)
{
	hub_send(((struct session *)ctx)->hub, client, WIRE_IMAGE_PLACED, path, n);
}

/* ---- clip and termclip ---- */

static const struct buf *wiring_file_for_guest(void *ctx, const struct clip_request *r)
{
	return paste_on_guest(((struct session *)ctx)->paste, r);
}

static bool wiring_ask_terminal(void *ctx, uint32_t client, enum clip_type what)
{
	return termclip_ask(((struct session *)ctx)->termclip, client, what);
}

static bool wiring_ask_client(void *ctx, uint32_t client, const void *payload, size_t n)
{
	const struct session *s = ctx;

	if (!hub_has(s->hub, client))
		return false;
	hub_send(s->hub, client, WIRE_CLIP_ASK, payload, n);
	return true;
}

static void wiring_on_terminals_answer(void *ctx, bool ok, const char *reason, const void *bytes,
				       size_t n)
{
	clip_on_answer(((struct session *)ctx)->clip, ok, reason, bytes, n);
}

static size_t wiring_write_forward(void *ctx, unsigned id, const void *bytes, size_t n)
{
	return agent_forward_write(((struct session *)ctx)->agent, id, bytes, n);
}

static void wiring_close_forward(void *ctx, unsigned id)
{
	agent_forward_close(((struct session *)ctx)->agent, id);
}

/* ---- screen ---- */

static size_t wiring_input_queued(void *ctx)
{
	return agent_input_queued(((struct session *)ctx)->agent);
}

static void wiring_keys(void *ctx, const void *bytes, size_t n)
{
	(void)agent_input(((struct session *)ctx)->agent, bytes,
			  n); /* whose input has ended reads no keys */
}

static void wiring_to_viewer(void *ctx, uint32_t number, const void *bytes, size_t n)
{
	hub_on_view_data(((struct session *)ctx)->hub, number, bytes, n);
}

static void wiring_on_worker(void *ctx, bool again)
{
	struct session *s = ctx;

	hub_choose_answering(s->hub);
	if (again)
		agent_repaint(s->agent, s->request.cols, s->request.rows);
	hub_pull_again(s->hub);
}

/* ---- egress and disk ---- */

static void wiring_egress_row(void *ctx, uint32_t client, const void *row, size_t n)
{
	hub_send(((struct session *)ctx)->hub, client, WIRE_EGRESS_ROW, row, n);
}

static void wiring_go_on(void *ctx)
{
	streams_qmp(((struct session *)ctx)->streams, "cont", NULL, NULL, NULL);
}

/* ---- agent ---- */

static void wiring_on_authenticated(void *ctx)
{
	journal_progress(((struct session *)ctx)->journal, "ssh", 0);
}

/* Until now only our own code ran in the guest, and another attempt might have been needed. */
static int wiring_on_agent_due(void *ctx)
{
	struct session *s = ctx;
	struct err e;

	if (start_confine_self(s, &e) == 0)
		return 0;
	ending_fail(s, "confinement", &e);
	return -1;
}

#define WIRING_OUTPUT_MAX (1u << 20) /* queued for the owner before the agent is made to wait */

static size_t wiring_output_room(void *ctx)
{
	const struct session *s = ctx;
	const size_t owned = s->request.detached ? 0 : hub_owner_queued(s->hub),
		     screen = screen_queued(s->screen);
	const size_t queued = owned > screen ? owned : screen;

	/* The owner and the screen get everything; others that are too slow are dropped. Without
	 * anybody, output is dropped: nobody may keep the agent waiting. */
	return queued < WIRING_OUTPUT_MAX ? WIRING_OUTPUT_MAX - queued : 0;
}

static void wiring_on_output(void *ctx, bool is_stderr, const void *bytes, size_t n)
{
	struct session *s = ctx;

	screen_feed(s->screen, bytes, n);
	if (!s->request.detached)
		hub_send_owner_output(s->hub, is_stderr ? WIRE_STDERR : WIRE_STDOUT, bytes, n);
	hub_send_output(s->hub, bytes, n);
}

static void wiring_on_agent_ended(void *ctx, int code)
{
	ending_with_code(ctx, code);
}

static void wiring_on_agent_failure(void *ctx, const struct err *e)
{
	struct session *s = ctx;

	if (s->attempt.state < ATTEMPT_STOPPING)
		ending_fail(s, s->attempt.state == ATTEMPT_RUNNING ? "agent" : "ssh", e);
}

static void wiring_on_input_taken(void *ctx, size_t n)
{
	struct session *s = ctx;

	hub_credit(s->hub, (uint32_t)n);
	hub_resume(s->hub);
}

static bool wiring_write_more(void *ctx)
{
	return clip_pump(((struct session *)ctx)->clip);
}

static void wiring_on_forward_bytes(void *ctx, unsigned id, const void *bytes, size_t n)
{
	clip_on_forward_bytes(((struct session *)ctx)->clip, id, bytes, n);
}

static void wiring_on_forward_end(void *ctx, unsigned id)
{
	clip_on_forward_end(((struct session *)ctx)->clip, id);
}

static void wiring_on_forward_refused(void *ctx)
{
	journal_note(((struct session *)ctx)->journal, "clip",
		     "the guest's sshd does not listen for image paste: images cannot be pasted");
}

static void wiring_on_disconnected(void *ctx)
{
	clip_forget_guests(((struct session *)ctx)->clip);
}

static struct agent *wiring_make_agent(struct session *s)
{
	static const struct agent_callbacks callbacks = {
		.on_authenticated = wiring_on_authenticated,
		.on_due = wiring_on_agent_due,
		.on_started = boot_on_agent_started,
		.output_room = wiring_output_room,
		.on_output = wiring_on_output,
		.on_ended = wiring_on_agent_ended,
		.on_failure = wiring_on_agent_failure,
		.on_input_taken = wiring_on_input_taken,
		.write_more = wiring_write_more,
		.on_forward_bytes = wiring_on_forward_bytes,
		.on_forward_end = wiring_on_forward_end,
		.on_forward_refused = wiring_on_forward_refused,
		.on_disconnected = wiring_on_disconnected,
	};

	return agent_new(s->loop, &callbacks, s);
}

/* ---- streams ---- */

static void wiring_on_console(void *ctx, const void *bytes, size_t n)
{
	journal_console(((struct session *)ctx)->journal, bytes, n);
}

static void wiring_on_log(void *ctx, const void *bytes, size_t n)
{
	journal_qemu(((struct session *)ctx)->journal, bytes, n);
}

/* What the options keep the agent from doing; its program only sees that the call fails. */
static void wiring_on_files_line(void *ctx, const char *line, size_t n)
{
	AUTO_FREE char *text = NULL;
	struct fsctl_report r;

	fsctl_report_parse(&r, line, n);
	if (r.type != FSCTL_REFUSED)
		return;
	text = mem_format("the agent may not change %s: %s (option %s)", r.path, r.reason,
			  r.option);
	journal_note(((struct session *)ctx)->journal, "files", text);
}

static void wiring_on_qmp_broken(void *ctx, const struct err *e)
{
	ending_fail(ctx, "qemu", e);
}

/* ---- all ---- */

void wiring_make(struct session *s)
{
	static const struct journal_callbacks journal = {.send = wiring_send_event};
	static const struct streams_callbacks streams = {
		.on_guest_line = guestlines_take,
		.on_files_line = wiring_on_files_line,
		.on_console = wiring_on_console,
		.on_log = wiring_on_log,
		.on_qmp_event = boot_on_qmp_event,
		.on_qmp_broken = wiring_on_qmp_broken,
	};
	static const struct hostclock_callbacks hostclock = {.send = wiring_tell_time,
							     .on_tick = wiring_on_tick};
	static const struct pulse_callbacks pulse = {.on_silence = boot_on_silence,
						     .on_quiet = wiring_on_quiet};
	static const struct nudge_callbacks nudge = {.wake = wiring_wake_qemu, .look = wiring_pump};
	static const struct paste_callbacks paste = {
		.is_shared = wiring_is_shared,
		.refusal = wiring_why_no_image,
		.to_guest = wiring_to_guest,
		.placed = wiring_image_placed,
		.event = wiring_event,
	};
	static const struct termclip_callbacks termclip = {.ask = wiring_ask_client,
							   .on_answer = wiring_on_terminals_answer};
	static const struct clip_callbacks clip = {
		.event = wiring_event,
		.note = wiring_note,
		.file = wiring_file_for_guest,
		.ask_terminal = wiring_ask_terminal,
		.write = wiring_write_forward,
		.close = wiring_close_forward,
		.on_writable = wiring_pump,
	};
	static const struct screen_callbacks screen = {
		.input_queued = wiring_input_queued,
		.input = wiring_keys,
		.to_viewer = wiring_to_viewer,
		.on_drained = wiring_pump,
		.on_worker = wiring_on_worker,
		.event = wiring_event,
		.note = wiring_note,
		.changed = wiring_changed,
	};
	static const struct egress_callbacks egress = {
		.to_client = wiring_egress_row, .event = wiring_event, .changed = wiring_changed};
	static const struct disk_callbacks disk = {
		.to_guest = wiring_to_guest,
		.go_on = wiring_go_on,
		.event = wiring_event,
		.note = wiring_note,
		.changed = wiring_changed,
	};

	boot_init(s);
	ending_init(s);
	s->journal = journal_new(&journal, s);
	s->agent = wiring_make_agent(s);
	s->children = children_new(s->loop, boot_on_child_exit, s);
	s->streams = streams_new(s->loop, &streams, s);
	s->hub = routes_make_hub(s);
	s->listener = listener_new(s->loop, wiring_on_connection, s);
	s->hostclock = hostclock_new(s->loop, &hostclock, s);
	s->pulse = pulse_new(s->loop, &pulse, s);
	s->nudge = nudge_new(s->loop, &nudge, s);
	s->paste = paste_new(s->loop, &paste, s);
	s->termclip = termclip_new(s->loop, &termclip, s);
	s->clip = clip_new(s->loop, &s->conf, &clip, s);
	s->screen = screen_new(s->loop, &screen, s);
	s->egress = egress_new(s->loop, &s->conf, &egress, s);
	s->disk = disk_new(s->loop, &s->conf, &s->request.host, &disk, s);
}

void wiring_free(struct session *s)
{
	listener_free(s->listener);
	hub_free(s->hub);
	agent_free(s->agent);
	streams_free(s->streams);
	children_free(s->children);
	hostclock_free(s->hostclock);
	pulse_free(s->pulse);
	nudge_free(s->nudge);
	paste_free(s->paste);
	termclip_free(s->termclip);
	clip_free(s->clip);
	screen_free(s->screen);
	egress_free(s->egress);
	disk_free(s->disk);
	journal_free(s->journal);
	boot_fini(s);
	ending_fini(s);
}
