#include "session/session.h"
#include "base/clock.h"
#include "session/state.h"
#include "base/sched.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

void session_set_state(struct session *s, enum session_state state)
{
	s->state = state;
	s->state_since_ms = clock_wall_ms();
	status_write(s);
	status_event_state(s);
}

/* The directory is the result: later starts leave it alone. */
static void session_end_dry_run(struct session *s)
{
	struct err e;

	if (start_seed(s, &e) < 0 || rundir_keep(&s->run, &e) < 0)
		session_fail(s, s->stage, &e);
	else
		session_end(s, 0);
}

void session_begin(struct session *s)
{
	struct err e;

	session_set_state(s, SESSION_CREATED);
	if (start_prepare(s, &e) < 0) {
		session_fail(s, s->stage, &e);
		return;
	}
	if (s->request.dryrun) {
		session_end_dry_run(s);
		return;
	}
	if (start_open_machine(s, &e) < 0) {
		session_fail(s, s->stage, &e);
		return;
	}
	boot_start(s);
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
	s->workspace_fd = s->projects_fd = -1;
	qemu_init(&s->qemu);
	children_init(s);
	template_init(&s->template);
	s->listen_fd = -1;
	s->net_control_fd = s->net_log_fd = -1;
	s->console_tail.fd = s->qemu_tail.fd = -1;
	s->stage = "start";
	s->tsc = hosttsc_take();
	s->started_ms = s->state_since_ms = clock_wall_ms();
	uv_loop_init(&s->loop);
	uv_timer_init(&s->loop, &s->timer);
	uv_timer_init(&s->loop, &s->nudge);
	uv_timer_init(&s->loop, &s->lonely);
	s->lonely.data = s;
	s->nudge.data = s;
	s->clock_fd = -1;
	s->timer.data = s;
	screen_init(s);
	paste_init(s);
	termclip_init(s);
	pool_init(s);
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
	sched_take_short_turns();
	session_init(&s);
	s.owner = clients_add(&s, client_fd, true);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	session_drain_owner(&s);
	sshkey_free(s.client_key);
	sshkey_free(s.host_key);
	clients_close_all(&s);
	return 0;
}
