#include "session/state.h"

#include <poll.h>
#include <string.h>

#define AGENT_OUTPUT_MAX (1u << 20) /* queued for the owner before the channel is paused */

static void agent_watch(struct session *s);

static void agent_on_authenticated(void *ctx)
{
	struct session *s = ctx;

	status_event_progress(s, "ssh", 0);
}

/* Until now only our own code ran in the guest, and another attempt might have been needed. */
static int agent_on_due(void *ctx)
{
	struct session *s = ctx;
	struct err e;

	if (start_confine_self(s, &e) == 0)
		return 0;
	session_fail(s, "confinement", &e);
	return -1;
}

static void agent_on_started(void *ctx)
{
	boot_after_agent_start(ctx);
}

static size_t agent_output_room(void *ctx)
{
	const struct session *s = ctx;
	const size_t owned = s->request.detached ? 0 : clients_queued(s->owner), screen = screen_queued(s);
	const size_t queued = owned > screen ? owned : screen;

	/* The owner and the screen get everything; others that are too slow are dropped. Without anybody, output is
	 * dropped: nobody may keep the agent waiting. */
	return queued < AGENT_OUTPUT_MAX ? AGENT_OUTPUT_MAX - queued : 0;
}

static void agent_on_output(void *ctx, enum sshlink_stream stream, const void *bytes, size_t n)
{
	struct session *s = ctx;

	screen_feed(s, bytes, n);
	if (!s->request.detached)
		clients_send(s->owner, stream == SSHLINK_STDERR ? WIRE_STDERR : WIRE_STDOUT, bytes, n);
	clients_send_output(s, bytes, n);
}

static void agent_on_ended(void *ctx, int code)
{
	session_end(ctx, code);
}

static void agent_on_failure(void *ctx, const struct err *e)
{
	struct session *s = ctx;

	/* A guest that could not be set up powers off; it has said why, or will, on another channel. */
	if (s->state < SESSION_READY) {
		s->ssh_failed = true;
		s->ssh_failure = *e;
	} else if (s->state < SESSION_STOPPING) {
		session_fail(s, s->state == SESSION_RUNNING ? "agent" : "ssh", e);
	}
}

/* Input goes out as far as the guest's window lets it; what went is credited to the client. False: nothing went. */
static bool agent_send_input(struct session *s)
{
	uint32_t sent = 0;
	bool end = false;

	while (buf_len(&s->input)) {
		size_t n = sshlink_write(s->ssh, buf_data(&s->input), buf_len(&s->input));

		if (n == 0)
			break;
		buf_drop(&s->input, n);
		sent += (uint32_t)n;
	}
	if (sent && s->owner) {
		AUTO_BUF struct buf credit = {0};

		wire_fill_credit(&credit, (struct wire_credit){sent});
		clients_send(s->owner, WIRE_CREDIT, buf_data(&credit), buf_len(&credit));
	}
	if (sent)
		clients_resume(s);
	if (s->input_end && !buf_len(&s->input) && !s->input_end_sent) {
		s->input_end_sent = end = true;
		sshlink_send_eof(s->ssh);
	}
	return sent || end;
}

void agent_pump(struct session *s)
{
	bool wrote = true;

	if (!s->ssh || s->state >= SESSION_STOPPING)
		return;
	/* Reading may make answers, and writing may take packets off the socket, which no wake announces any more; so the last thing
	 * before the wait is a round that had nothing to write. */
	while (wrote && s->ssh) {
		sshlink_service(s->ssh);
		wrote = false;
		if (s->ssh && s->state == SESSION_RUNNING) {
			wrote = agent_send_input(s);
			wrote = clip_pump(s) || wrote;
		}
	}
	agent_watch(s);
}

static void agent_on_poll(uv_poll_t *poll, int status, int events)
{
	struct session *s = poll->data;

	(void)status;
	(void)events;
	agent_pump(s);
}

static void agent_watch(struct session *s)
{
	short events;

	if (!s->ssh)
		return;
	if (s->state >= SESSION_STOPPING) {
		uv_poll_stop(s->ssh_poll);
		return;
	}
	events = sshlink_events(s->ssh);
	/* With no room for output the fd is left alone: data waits in the guest, and on_drained wakes us. */
	if (s->state == SESSION_RUNNING && agent_output_room(s) == 0)
		events &= (short)~POLLIN;
	if (events)
		uv_poll_start(s->ssh_poll, (events & POLLIN ? UV_READABLE : 0) | (events & POLLOUT ? UV_WRITABLE : 0),
			      agent_on_poll);
	else
		uv_poll_stop(s->ssh_poll);
}

int agent_connect(struct session *s, struct err *e)
{
	const struct sshlink_callbacks cb = {
		.on_authenticated = agent_on_authenticated,
		.on_agent_due = agent_on_due,
		.on_agent_started = agent_on_started,
		.output_room = agent_output_room,
		.on_output = agent_on_output,
		.on_agent_ended = agent_on_ended,
		.on_failure = agent_on_failure,
		.on_forward_bytes = clip_on_forward_bytes,
		.on_forward_end = clip_on_forward_end,
		.on_forward_refused = clip_on_forward_refused,
		.ctx = s,
	};
	const struct sshlink_pty pty = {.term = s->request.term, .cols = s->request.cols, .rows = s->request.rows};

	s->ssh = sshlink_new(s->qemu.ssh_fd, s->client_key, s->host_key, &cb, e);
	if (!s->ssh)
		return -1;
	sshlink_plan_agent(s->ssh, s->request.tty ? &pty : NULL, s->env);
	s->env = NULL;
	if (clip_is_wanted(s))
		sshlink_plan_forward(s->ssh, CLIP_PORT);
	s->ssh_poll = mem_alloc(sizeof(*s->ssh_poll));
	uv_poll_init(&s->loop, s->ssh_poll, s->qemu.ssh_fd);
	s->ssh_poll->data = s;
	agent_pump(s);
	return 0;
}

void agent_start(struct session *s)
{
	if (!s->ssh && !s->ssh_failed)
		err_set(&s->ssh_failure, "the guest is ready, but has no sshd");
	if (!s->ssh || s->ssh_failed) {
		session_fail(s, "ssh", &s->ssh_failure);
		return;
	}
	sshlink_start_agent(s->ssh);
	agent_pump(s);
}

static void agent_free_handle(uv_handle_t *handle)
{
	free(handle);
}

void agent_disconnect(struct session *s)
{
	if (!s->ssh)
		return;
	uv_poll_stop(s->ssh_poll);
	uv_close((uv_handle_t *)s->ssh_poll, agent_free_handle);
	s->ssh_poll = NULL;
	clip_forget_guests(s);
	s->env = sshlink_reclaim_env(s->ssh);
	sshlink_free(s->ssh);
	s->ssh = NULL;
}
