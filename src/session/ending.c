/* ending: how a session ends: by the agent, by a failure, by a wish; and what is done then, in
 * which order. */
#include "session/wiring.h"
#include "base/buf.h"
#include "loop/loop.h"
#include "loop/timer.h"

#include <stdio.h>

/* How long a failure waits for the cause it may be the effect of: a QEMU that dies closes its
 * sockets, and lets ccvm-net end, before its own end can be seen. */
#define ENDING_CAUSE_WAIT_MS 200
/* How long the agent has after a signal, and the guest to write back the workspace. */
#define ENDING_AGENT_GRACE_MS 5000
#define ENDING_STOP_GRACE_MS  10000
#define ENDING_FILES_GRACE_MS 20000

struct journal_end ending_describe(const struct session *s)
{
	return (struct journal_end){
		.exit_code = s->end.exit_code,
		.failed = s->end.failed,
		.stage = s->end.stage,
		.failure = &s->end.failure,
		.directory = s->request.dryrun ? s->run.path : NULL,
	};
}

static void ending_finish(struct session *s)
{
	const struct journal_end end = ending_describe(s);
	AUTO_BUF struct buf payload = {0};

	timer_stop(s->end.timer);
	disk_close(s->disk);
	journal_exit_payload(s->journal, &end, &payload);
	journal_close(s->journal);
	layer_remove(&s->layer);
	layer_remove(&s->undo);
	if (s->request.dryrun && !s->end.failed)
		rundir_leave(&s->run);
	else
		rundir_remove(&s->run);
	/* What the guest changed is on the host and nothing of ours is left: only now is the
	 * session over. */
	session_on(s, s->end.failed ? ATTEMPT_ON_FAILED : ATTEMPT_ON_ENDED);
	screen_stop(s->screen);
	clip_stop(s->clip);
	hub_broadcast(s->hub, WIRE_EXIT, buf_data(&payload), buf_len(&payload));
	loop_stop(s->loop);
}

void ending_kill_children(struct session *s)
{
	/* With its guest gone, ccvm-fs empties the overlay: it may change the modes that are in the
	 * way, and this process may not. */
	const bool spare = layer_is_made(&s->layer) && !s->end.files_due;

	if (spare && !s->end.killing)
		timer_start(s->end.timer, ENDING_FILES_GRACE_MS, 0);
	s->end.killing = true;
	if (children_kill(s->children, spare))
		ending_finish(s);
}

/* The guest is asked to write back the workspace first, unless it has nothing that could be lost.
 */
static void ending_begin(struct session *s)
{
	AUTO_BUF struct buf stop = {0};

	if (!session_on(s, ATTEMPT_ON_STOP))
		return;
	agent_disconnect(s->agent);
	if (!children_is_alive(s->children, CHILDREN_QEMU) || !s->attempt.may_have_written ||
	    !s->conf.writable_cwd || !streams_are_open(s->streams) || disk_stands_still(s->disk)) {
		ending_kill_children(s);
		return;
	}
	guest_order_put(&stop, &(struct guest_order){.type = GUEST_ORDER_STOP});
	streams_to_guest(s->streams, buf_data(&stop), buf_len(&stop));
	timer_start(s->end.timer, ENDING_STOP_GRACE_MS, 0);
}

static void ending_on_due(void *session)
{
	struct session *s = session;

	if (s->attempt.state < ATTEMPT_STOPPING) {
		ending_begin(s);
		return;
	}
	if (s->end.killing) {
		s->end.files_due = true;
		ending_kill_children(s);
		return;
	}
	journal_note(s->journal, "stop", "the guest did not stop in time and was killed");
	ending_kill_children(s);
}

/* Callbacks of the link being ended are still on the stack: the loop's next turn does the rest. */
static void ending_begin_in(struct session *s, unsigned ms)
{
	if (s->attempt.state >= ATTEMPT_STOPPING)
		return;
	attempt_end(&s->attempt);
	boot_stop_waiting(s);
	timer_start(s->end.timer, ms, 0);
}

void ending_with_code(struct session *s, int exit_code)
{
	if (s->attempt.ending || s->attempt.state >= ATTEMPT_STOPPING)
		return;
	s->end.exit_code = exit_code;
	ending_begin_in(s, 0);
}

static void ending_set_failure(struct session *s, const char *stage, const struct err *e)
{
	s->end.failed = true;
	s->end.failure = *e;
	snprintf(s->end.stage, sizeof(s->end.stage), "%s", e->stage ? e->stage : stage);
	s->end.exit_code = e->exit_code ? e->exit_code : ERR_EXIT_GUEST;
	attempt_give_up_writes(&s->attempt); /* a guest that failed is not asked to be polite */
}

void ending_fail(struct session *s, const char *stage, const struct err *e)
{
	if (s->end.failed || s->attempt.state >= ATTEMPT_STOPPING)
		return;
	ending_set_failure(s, stage, e);
	s->end.cause_awaited = children_is_alive(s->children, CHILDREN_QEMU);
	ending_begin_in(s, s->end.cause_awaited ? ENDING_CAUSE_WAIT_MS : 0);
}

void ending_withdraw_failure(struct session *s)
{
	if (!s->end.cause_awaited || s->attempt.state >= ATTEMPT_STOPPING)
		return;
	s->end.failed = s->end.cause_awaited = false;
	attempt_go_on(&s->attempt);
	timer_stop(s->end.timer);
}

void ending_fail_with_cause(struct session *s, const char *stage, const struct err *e)
{
	ending_set_failure(s, stage, e);
	s->end.cause_awaited = false;
	ending_begin_in(s, 0);
}

void ending_ask(struct session *s, const char *signal_name, int exit_code)
{
	if (s->attempt.ending || s->attempt.state >= ATTEMPT_STOPPING)
		return;
	s->end.exit_code = exit_code;
	/* Asked again: the agent had its time, which a stream of requests may not begin anew. */
	if (s->attempt.state != ATTEMPT_RUNNING || s->end.asked) {
		ending_begin_in(s, 0);
		return;
	}
	s->end.asked = true;
	agent_signal(s->agent, signal_name);
	timer_start(s->end.timer, ENDING_AGENT_GRACE_MS, 0);
	agent_pump(s->agent);
}

void ending_init(struct session *s)
{
	s->end.timer = timer_new(s->loop, ending_on_due, s);
}

void ending_fini(struct session *s)
{
	timer_free(s->end.timer);
}
