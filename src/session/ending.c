/* ending: how a session ends: by the agent, by a failure, by a wish; and what is done then, in which order. */
#include "session/state.h"

#include <signal.h>
#include <string.h>

/* How long a failure waits for the cause it may be the effect of: a QEMU that dies closes its sockets, and lets
 * ccvm-net end, before its own end can be seen. */
#define ENDING_CAUSE_WAIT_MS 200
/* How long the agent has after a signal, and the guest to write back the workspace. */
#define ENDING_AGENT_GRACE_MS 5000
#define ENDING_STOP_GRACE_MS  10000

static void ending_finish(struct session *s)
{
	AUTO_BUF struct buf payload = {0};

	uv_timer_stop(&s->timer);
	pool_close(s);
	status_exit_payload(s, &payload);
	if (s->request.dryrun && !s->failed)
		rundir_leave(&s->run);
	else
		rundir_remove(&s->run);
	/* What the guest changed is on the host and nothing of ours is left: only now is the session over. */
	session_set_state(s, s->failed ? SESSION_FAILED : SESSION_ENDED);
	screen_end(s);
	clip_end(s);
	paste_end(s);
	termclip_end(s);
	clients_broadcast(s, WIRE_EXIT, buf_data(&payload), buf_len(&payload));
	uv_stop(&s->loop);
}

void session_kill_children(struct session *s)
{
	s->killing = true;
	if (children_kill(s))
		ending_finish(s);
}

static void ending_on_stop_timeout(uv_timer_t *timer)
{
	struct session *s = timer->data;

	status_event_note(s, "stop", "the guest did not stop in time and was killed");
	session_kill_children(s);
}

/* The guest is asked to write back the workspace first, unless it has nothing that could be lost. */
static void ending_begin(struct session *s)
{
	static const char stop[] = "{\"op\":\"stop\"}\n";

	if (s->state >= SESSION_STOPPING)
		return;
	session_set_state(s, SESSION_STOPPING);
	agent_disconnect(s);
	if (!child_is_alive(&s->qemu_child) || !s->may_have_written || !s->conf.writable_cwd || !s->ctl ||
	    pool_stands_still(s)) {
		session_kill_children(s);
		return;
	}
	stream_write(s->ctl, stop, sizeof(stop) - 1);
	uv_timer_start(&s->timer, ending_on_stop_timeout, ENDING_STOP_GRACE_MS, 0);
}

/* Callbacks of the link being ended are still on the stack: the loop's next turn does the rest. */
static void ending_on_turn(uv_timer_t *timer)
{
	ending_begin(timer->data);
}

static void ending_begin_in(struct session *s, unsigned ms)
{
	if (s->state >= SESSION_STOPPING)
		return;
	s->ending = true;
	uv_timer_start(&s->timer, ending_on_turn, ms, 0);
}

void session_end(struct session *s, int exit_code)
{
	if (s->ending || s->state >= SESSION_STOPPING)
		return;
	s->exit_code = exit_code;
	ending_begin_in(s, 0);
}

static void ending_set_failure(struct session *s, const char *stage, const struct err *e)
{
	s->failed = true;
	s->failure = *e;
	snprintf(s->failure_stage, sizeof(s->failure_stage), "%s", stage);
	s->exit_code = e->exit_code ? e->exit_code : ERR_EXIT_GUEST;
	s->may_have_written = false; /* a guest that failed is not asked to be polite */
}

void session_fail(struct session *s, const char *stage, const struct err *e)
{
	if (s->failed || s->state >= SESSION_STOPPING)
		return;
	ending_set_failure(s, stage, e);
	s->cause_awaited = child_is_alive(&s->qemu_child);
	ending_begin_in(s, s->cause_awaited ? ENDING_CAUSE_WAIT_MS : 0);
}

void session_withdraw_failure(struct session *s)
{
	if (!s->cause_awaited || s->state >= SESSION_STOPPING)
		return;
	s->failed = s->ending = s->cause_awaited = false;
	uv_timer_stop(&s->timer);
}

void session_fail_with_cause(struct session *s, const char *stage, const struct err *e)
{
	ending_set_failure(s, stage, e);
	s->cause_awaited = false;
	ending_begin_in(s, 0);
}

void session_ask_to_end(struct session *s, const char *signal_name, int exit_code)
{
	if (s->ending || s->state >= SESSION_STOPPING)
		return;
	s->exit_code = exit_code;
	/* Asked again: the agent had its time, which a stream of requests may not begin anew. */
	if (s->state != SESSION_RUNNING || s->asked_to_end) {
		ending_begin_in(s, 0);
		return;
	}
	s->asked_to_end = true;
	sshlink_signal(s->ssh, signal_name);
	uv_timer_start(&s->timer, ending_on_turn, ENDING_AGENT_GRACE_MS, 0);
	agent_pump(s);
}
