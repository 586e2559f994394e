#include "session/session.h"
#include "session/state.h"
#include "base/log.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* How long a failure waits for the cause it may be the effect of: a QEMU that dies closes its sockets, and lets
 * ccvm-net end, before its own end can be seen. */
#define SESSION_CAUSE_WAIT_MS 200
/* A guest that has not said its first line by then (loaded, emulated machines take up to 25 s) is reset: on a busy
 * machine an emulated boot has been seen to stall before it reached anything of ours. */
#define SESSION_BOOT_RESET_S    40
#define SESSION_BOOT_RESETS_MAX 2
/* How often QEMU is nudged between `go` and the agent's start. */
#define SESSION_NUDGE_MS 200
/* How long the agent has after a signal, and the guest to write back the workspace. */
#define SESSION_AGENT_GRACE_MS 5000
#define SESSION_STOP_GRACE_MS  10000

int64_t session_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void session_set_state(struct session *s, enum session_state state)
{
	s->state = state;
	s->state_since_ms = session_now_ms();
	status_write(s);
	status_event_state(s);
}

/* ---- ending ---- */

static bool session_child_is_alive(const struct child *c)
{
	return c->pid > 0;
}

static void session_finish(struct session *s)
{
	AUTO_BUF struct buf payload = {0};

	uv_timer_stop(&s->timer);
	status_exit_payload(s, &payload);
	if (s->request.dryrun && !s->failed)
		rundir_leave(&s->run);
	else
		rundir_remove(&s->run);
	/* What the guest changed is on the host and nothing of ours is left: only now is the session over. */
	session_set_state(s, s->failed ? SESSION_FAILED : SESSION_ENDED);
	if (s->owner)
		clients_send(s->owner, WIRE_EXIT, buf_data(&payload), buf_len(&payload));
	uv_stop(&s->loop);
}

static void session_kill_children(struct session *s)
{
	s->killing = true;
	if (session_child_is_alive(&s->qemu_child))
		kill(s->qemu_child.pid, SIGKILL);
	if (session_child_is_alive(&s->net_child))
		kill(s->net_child.pid, SIGKILL);
	if (!session_child_is_alive(&s->qemu_child) && !session_child_is_alive(&s->net_child))
		session_finish(s);
}

static void session_on_stop_timeout(uv_timer_t *timer)
{
	struct session *s = timer->data;

	status_event_note(s, "stop", "the guest did not stop in time and was ended");
	session_kill_children(s);
}

/* The guest is asked to write back the workspace first, unless it has nothing that could be lost. */
static void session_begin_stop(struct session *s)
{
	static const char stop[] = "{\"op\":\"stop\"}\n";

	if (s->state >= SESSION_STOPPING)
		return;
	session_set_state(s, SESSION_STOPPING);
	agent_disconnect(s);
	if (!session_child_is_alive(&s->qemu_child) || !s->gone || !s->conf.writable_cwd || !s->ctl) {
		session_kill_children(s);
		return;
	}
	stream_write(s->ctl, stop, sizeof(stop) - 1);
	uv_timer_start(&s->timer, session_on_stop_timeout, SESSION_STOP_GRACE_MS, 0);
}

/* Callbacks of the link being ended are still on the stack: the loop's next turn does the rest. */
static void session_on_stop_turn(uv_timer_t *timer)
{
	session_begin_stop(timer->data);
}

static void session_stop_in(struct session *s, unsigned ms)
{
	if (s->state >= SESSION_STOPPING)
		return;
	s->ending = true;
	uv_timer_start(&s->timer, session_on_stop_turn, ms, 0);
}

void session_end(struct session *s, int exit_code)
{
	if (s->ending || s->state >= SESSION_STOPPING)
		return;
	s->exit_code = exit_code;
	session_stop_in(s, 0);
}

static void session_set_failure(struct session *s, const char *stage, const struct err *e)
{
	s->failed = true;
	s->failure = *e;
	snprintf(s->failure_stage, sizeof(s->failure_stage), "%s", stage);
	s->exit_code = e->exit_code ? e->exit_code : ERR_EXIT_GUEST;
	s->gone = false; /* a guest that failed is not asked to be polite */
}

void session_fail(struct session *s, const char *stage, const struct err *e)
{
	if (s->failed || s->state >= SESSION_STOPPING)
		return;
	session_set_failure(s, stage, e);
	session_stop_in(s, session_child_is_alive(&s->qemu_child) ? SESSION_CAUSE_WAIT_MS : 0);
}

/* What explains a failure that may have come first takes its place. */
static void session_fail_with_cause(struct session *s, const char *stage, const struct err *e)
{
	session_set_failure(s, stage, e);
	session_stop_in(s, 0);
}

void session_ask_to_end(struct session *s, const char *signal_name, int exit_code)
{
	if (s->ending || s->state >= SESSION_STOPPING)
		return;
	s->exit_code = exit_code;
	if (s->state != SESSION_RUNNING) {
		session_stop_in(s, 0);
		return;
	}
	sshlink_signal(s->ssh, signal_name);
	uv_timer_start(&s->timer, session_on_stop_turn, SESSION_AGENT_GRACE_MS, 0);
	agent_pump(s);
}

/* ---- children ---- */

static void session_describe_end(char *text, size_t size, int status)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "ended with code %d", WEXITSTATUS(status));
}

static void session_on_qemu_exit(struct session *s)
{
	const bool clean = WIFEXITED(s->qemu_child.status) && WEXITSTATUS(s->qemu_child.status) == 0;
	char how[80];
	struct err e;

	/* It ends with 0 when the guest powers itself off: after `stopped`, or after a failure it told of. */
	if (s->killing || (clean && (s->failed || s->state == SESSION_STOPPING)))
		return;
	session_describe_end(how, sizeof(how), s->qemu_child.status);
	if (s->state == SESSION_STOPPING) {
		err_set(&e, "QEMU %s before the guest had written back the workspace", how);
		err_remedy(&e, "check what the agent wrote last; some of it may be missing");
	} else {
		err_set(&e, "QEMU %s", how);
		err_remedy(&e, "see the log lines below; ccvmctl doctor checks this machine");
	}
	session_fail_with_cause(s, s->stage, &e);
}

static void session_on_net_exit(struct session *s)
{
	char how[80], text[160];
	struct err e;

	egress_on_net_exit(s);
	if (s->ending || s->state >= SESSION_STOPPING)
		return;
	session_describe_end(how, sizeof(how), s->net_child.status);
	if (s->state < SESSION_READY) {
		err_set(&e, "ccvm-net %s before the guest was up", how);
		err_remedy(&e, "try again; if it stays so, see the log lines below");
		session_fail(s, "network", &e);
	} else {
		snprintf(text, sizeof(text), "ccvm-net %s: the guest has no network any more", how);
		status_event_note(s, "network", text);
	}
}

static void session_on_child(uv_poll_t *poll, int status, int events)
{
	struct session *s = poll->data;
	struct child *c = poll == &s->qemu_child.poll ? &s->qemu_child : &s->net_child;

	(void)status;
	(void)events;
	if (waitpid(c->pid, &c->status, WNOHANG) != c->pid)
		return;
	c->pid = 0;
	uv_poll_stop(poll);
	if (c == &s->qemu_child)
		session_on_qemu_exit(s);
	else
		session_on_net_exit(s);
	if (s->state == SESSION_STOPPING)
		session_kill_children(s);
}

static void session_watch_child(struct session *s, struct child *c)
{
	if (!session_child_is_alive(c) || c->watched)
		return;
	c->watched = true;
	uv_poll_init(&s->loop, &c->poll, c->pidfd);
	c->poll.data = s;
	uv_poll_start(&c->poll, UV_READABLE, session_on_child);
}

/* ---- the guest's lines ---- */

/* Nothing of the user is in the guest before the park point, so nothing is lost by starting it over. */
static bool session_may_reset(const struct session *s)
{
	return s->state == SESSION_STARTING && !s->heard && s->qmp && s->boot_resets < SESSION_BOOT_RESETS_MAX &&
	       s->boot_timeout_s > SESSION_BOOT_RESET_S * (SESSION_BOOT_RESETS_MAX + 1);
}

static void session_note_reset(struct session *s)
{
	s->boot_resets++;
	s->heard = false;
	status_event_progress(s, "boot stalled, starting over", 0);
}

static void session_reset_guest(struct session *s)
{
	session_note_reset(s);
	qmp_execute(s->qmp, "system_reset", NULL, NULL, NULL);
}

/* Up to the park point a guest that crashes starts over (an emulated kernel that patches its own code on two
 * processors has been seen to); from there on a reset is the guest's end, as -no-reboot says. */
static void session_allow_reset(struct session *s, bool allowed)
{
	if (s->qmp)
		qmp_execute(s->qmp, "set-action",
			    allowed ? "{\"reboot\":\"reset\"}" : "{\"reboot\":\"shutdown\"}", NULL, NULL);
}

static void session_on_guest_reset(struct session *s)
{
	struct err e;

	if (s->boot_resets < SESSION_BOOT_RESETS_MAX) {
		session_note_reset(s);
		return;
	}
	err_set(&e, "the guest's kernel crashed again and again");
	err_remedy(&e, "the guest image may be damaged; build it again: ccvmctl image build");
	session_fail(s, s->stage, &e);
}

static void session_expect_sign_of_life(struct session *s);

static void session_on_boot_silence(uv_timer_t *timer)
{
	struct session *s = timer->data;
	struct err e;

	if (session_may_reset(s)) {
		session_reset_guest(s);
		session_expect_sign_of_life(s);
		return;
	}
	if (s->state == SESSION_READY)
		err_set(&e, "the agent did not start within %u seconds", s->boot_timeout_s);
	else
		err_set(&e, "the guest said nothing for %u seconds", s->boot_timeout_s);
	err_remedy(&e, "try again; if it stays so, see the console lines below; on a very slow machine set "
		       "CCVM_BOOT_TIMEOUT to more seconds");
	session_fail(s, s->stage, &e);
}

static void session_expect_sign_of_life(struct session *s)
{
	unsigned seconds = s->boot_timeout_s - (s->heard ? 0 : s->boot_resets * SESSION_BOOT_RESET_S);

	/* From `ready` on the deadline stands: figures that go on coming say nothing about the connection. */
	if (!s->ending && s->state < SESSION_READY)
		uv_timer_start(&s->timer, session_on_boot_silence, (session_may_reset(s) ? SESSION_BOOT_RESET_S : seconds) * 1000, 0);
}

/* QEMU stops watching a port's socket while the guest has the port closed, and an emulated guest's opening it does not
 * wake QEMU's main loop: what was written meanwhile would lie there until something else does (seen: for minutes). Any
 * command makes the loop turn and look again. The link is served too, in case its own wake was missed. */
static void session_on_nudge_answered(void *ctx, const struct cJSON *value, const char *error)
{
	(void)value;
	(void)error;
	((struct session *)ctx)->nudged = false;
}

static void session_on_nudge(uv_timer_t *timer)
{
	struct session *s = timer->data;

	if (s->state != SESSION_SEEDING && s->state != SESSION_READY) {
		uv_timer_stop(timer);
		return;
	}
	if (s->qmp && !s->nudged) {
		s->nudged = true;
		qmp_execute(s->qmp, "query-status", NULL, session_on_nudge_answered, s);
	}
	agent_pump(s);
}

static void session_on_parked(struct session *s)
{
	static const char go[] = "{\"op\":\"go\"}\n";

	if (s->state != SESSION_STARTING)
		return;
	session_allow_reset(s, false);
	start_refresh_clock(s);
	s->gone = true;
	s->stage = "guest";
	stream_write(s->ctl, go, sizeof(go) - 1);
	uv_timer_start(&s->nudge, session_on_nudge, 0, SESSION_NUDGE_MS);
	session_set_state(s, SESSION_SEEDING);
}

static void session_on_ready(struct session *s)
{
	struct err e;

	if (s->state != SESSION_SEEDING)
		return;
	s->stage = "ssh";
	session_set_state(s, SESSION_READY);
	if (agent_connect(s, &e) < 0)
		session_fail(s, "ssh", &e);
}

void session_after_agent_start(struct session *s)
{
	if (s->ending)
		return;
	s->stage = "agent";
	uv_timer_stop(&s->timer);
	session_set_state(s, SESSION_RUNNING);
	/* The window may have changed while the guest booted. */
	if (s->request.tty)
		sshlink_resize(s->ssh, s->request.cols, s->request.rows);
}

static void session_on_guest_failed(struct session *s, const struct guest_message *m)
{
	struct err e;

	err_set(&e, "%s", m->reason[0] ? m->reason : "no reason given");
	if (s->state != SESSION_STARTING)
		err_remedy(&e, "try again; if it stays so, see the console lines below");
	else
		err_remedy(&e, "the guest image may be damaged; build it again: ccvmctl image build");
	if (s->shut_down && s->failed && s->state < SESSION_STOPPING)
		session_fail_with_cause(s, m->stage[0] ? m->stage : "guest", &e);
	else
		session_fail(s, m->stage[0] ? m->stage : "guest", &e);
}

static void session_on_sshd_ended(struct session *s)
{
	struct err e;

	/* While the agent runs the link notices by itself, after the agent's last output. */
	if (s->state != SESSION_READY)
		return;
	err_set(&e, "the guest's sshd ended");
	session_fail(s, "ssh", &e);
}

static void session_on_guest_line(void *ctx, const char *line, size_t n)
{
	struct session *s = ctx;
	struct guest_message m;

	guest_parse(line, n, &m);
	s->heard = true;
	if (s->ending && m.kind != GUEST_STOPPED && m.kind != GUEST_FAILED && m.kind != GUEST_NOTE)
		return;
	session_expect_sign_of_life(s);
	switch (m.kind) {
	case GUEST_UNKNOWN:
		return;
	case GUEST_PARKED:
		session_on_parked(s);
		return;
	case GUEST_STAGE:
		status_event_progress(s, m.stage, m.ms);
		return;
	case GUEST_NOTE:
		status_event_note(s, m.stage, m.reason);
		return;
	case GUEST_FAILED:
		session_on_guest_failed(s, &m);
		return;
	case GUEST_READY:
		session_on_ready(s);
		return;
	case GUEST_REPORT:
		s->report = m;
		status_write(s);
		return;
	case GUEST_DENIED:
		egress_on_guest_denied(s, &m);
		return;
	case GUEST_SSHD_ENDED:
		session_on_sshd_ended(s);
		return;
	case GUEST_STOPPED:
		if (s->state == SESSION_STOPPING)
			session_kill_children(s);
		return;
	}
}

/* ---- streams of QEMU and ccvm-net ---- */

static void session_on_ctl(void *ctx, const void *bytes, size_t n)
{
	struct session *s = ctx;

	json_split(&s->ctl_lines, bytes, n, session_on_guest_line, s);
}

static void session_on_console(void *ctx, const void *bytes, size_t n)
{
	logtail_add(&((struct session *)ctx)->console_tail, bytes, n);
}

static void session_on_log(void *ctx, const void *bytes, size_t n)
{
	logtail_add(&((struct session *)ctx)->qemu_tail, bytes, n);
}

static void session_on_qmp(void *ctx, const void *bytes, size_t n)
{
	struct session *s = ctx;
	struct err e;

	if (s->qmp && qmp_feed(s->qmp, bytes, n, &e) < 0)
		session_fail(s, "qemu", &e);
}

static void session_on_net_control(void *ctx, const void *bytes, size_t n)
{
	egress_on_bytes(ctx, bytes, n);
}

static void session_on_stream_end(void *ctx)
{
	(void)ctx; /* the child's end is noticed by its pidfd */
}

static void session_qmp_output(void *ctx, const void *bytes, size_t n)
{
	stream_write(((struct session *)ctx)->qmp_stream, bytes, n);
}

static void session_qmp_event(void *ctx, const char *name, const struct cJSON *data)
{
	struct session *s = ctx;
	struct err e;

	if (strcmp(name, "RESET") == 0 && s->state == SESSION_STARTING && !s->failed &&
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(data, "guest")))
		session_on_guest_reset(s);
	if (strcmp(name, "SHUTDOWN") != 0 || s->state >= SESSION_STOPPING)
		return;
	/* A guest that failed says why on another channel, then powers off: which is read first is a matter of luck. */
	s->shut_down = !s->failed;
	err_set(&e, "the guest shut itself down");
	session_fail(s, s->stage, &e);
}

static void session_open_streams(struct session *s)
{
	const struct qmp_callbacks qmp = {session_qmp_output, session_qmp_event, s};
	const struct {
		struct stream **stream;
		int *fd;
		void (*on_bytes)(void *ctx, const void *bytes, size_t n);
	} streams[] = {
		{&s->qmp_stream, &s->qemu.qmp_fd, session_on_qmp},
		{&s->console, &s->qemu.console_fd, session_on_console},
		{&s->ctl, &s->qemu.ctl_fd, session_on_ctl},
		{&s->qemu_log, &s->qemu.log_fd, session_on_log},
		{&s->net_control, &s->net_control_fd, session_on_net_control},
		{&s->net_log, &s->net_log_fd, session_on_log},
	};

	s->qmp = qmp_new(&qmp);
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		const struct stream_callbacks cb = {streams[i].on_bytes, session_on_stream_end, NULL, s};

		*streams[i].stream = stream_open(&s->loop, mem_steal_fd(streams[i].fd), &cb);
	}
}

/* ---- beginning ---- */

void session_begin(struct session *s)
{
	struct err e;

	session_set_state(s, SESSION_CREATED);
	if (start_prepare(s, &e) < 0) {
		session_fail(s, s->stage, &e);
		return;
	}
	if (s->request.dryrun) {
		session_end(s, 0);
		return;
	}
	session_set_state(s, SESSION_STARTING);
	if (start_launch(s, &e) < 0) {
		session_watch_child(s, &s->qemu_child);
		session_watch_child(s, &s->net_child);
		session_fail(s, s->stage, &e);
		return;
	}
	s->stage = "boot";
	session_open_streams(s);
	session_watch_child(s, &s->qemu_child);
	session_watch_child(s, &s->net_child);
	session_allow_reset(s, true);
	session_expect_sign_of_life(s);
	status_write(s);
}

static void session_on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	session_ask_to_end(handle->data, "TERM", 128 + SIGTERM);
}

static void session_init(struct session *s)
{
	static const int ending[] = {SIGTERM, SIGINT, SIGHUP};

	memset(s, 0, sizeof(*s));
	s->run.fd = s->run.base_fd = -1;
	s->qemu.ssh_fd = -1;
	s->listen_fd = -1;
	s->net_control_fd = s->net_log_fd = -1;
	s->console_tail.fd = s->qemu_tail.fd = -1;
	s->stage = "start";
	s->tsc = hosttsc_take();
	s->started_ms = s->state_since_ms = session_now_ms();
	uv_loop_init(&s->loop);
	uv_timer_init(&s->loop, &s->timer);
	uv_timer_init(&s->loop, &s->nudge);
	s->nudge.data = s;
	s->timer.data = s;
	conf_init(&s->conf);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(ending); i++) {
		uv_signal_init(&s->loop, &s->signals[i]);
		s->signals[i].data = s;
		uv_signal_start(&s->signals[i], session_on_signal, ending[i]);
	}
}

/* What the agent said last still goes out to an owner that reads slowly; one that left ends the wait. */
static void session_drain_owner(struct session *s)
{
	while (s->owner && clients_queued(s->owner))
		uv_run(&s->loop, UV_RUN_ONCE);
}

int session_main(int client_fd)
{
	static struct session s;

	/* It holds the run's keys and, for a moment, the API key: no core, and no other process of this user may
	 * attach to it or read its memory. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, 0);
	session_init(&s);
	s.owner = clients_add(&s, client_fd, true);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	session_drain_owner(&s);
	sshkey_free(s.client_key);
	sshkey_free(s.host_key);
	clients_close_all(&s);
	return 0;
}
