#include "session/session.h"
#include "session/wiring.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/sched.h"
#include "loop/loop.h"
#include "loop/sigwatch.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* ---- what it tells of itself ---- */

static struct journal_snapshot session_snapshot(const struct session *s, const struct buf *more)
{
	static const char *const names[ATTEMPT_STATES] = {
		[ATTEMPT_CREATED] = "created", [ATTEMPT_STARTING] = "starting",
		[ATTEMPT_SEEDING] = "seeding", [ATTEMPT_READY] = "ready",
		[ATTEMPT_RUNNING] = "running", [ATTEMPT_STOPPING] = "stopping",
		[ATTEMPT_ENDED] = "ended",     [ATTEMPT_FAILED] = "failed",
	};

	return (struct journal_snapshot){
		.state = names[s->attempt.state],
		.state_since_ms = s->state_since_ms,
		.dryrun = s->request.dryrun,
		.workspace = s->workspace,
		.workspace_fd = s->workspace_fd,
		.writable_workspace = s->conf.writable_cwd,
		.spare = s->request.spare,
		.detached = s->request.detached,
		.terminal = s->request.tty,
		.image = s->image.id,
		.nix = s->image.nix,
		.from_template = s->attempt.from_template,
		.kvm = s->attempt.kvm,
		.memory_mib = s->conf.memory,
		.cores = s->conf.cores,
		.qemu_pid = children_pid(s->children, CHILDREN_QEMU),
		.guest_memory_total_kib = s->guest.report.memory_total_kib,
		.guest_memory_used_kib = s->guest.report.memory_used_kib,
		.guest_load_milli = s->guest.report.load_milli,
		.more = more,
	};
}

void session_write_status(struct session *s)
{
	AUTO_BUF struct buf more = {0};
	struct journal_snapshot snapshot;

	egress_add_status(s->egress, &more);
	screen_add_status(s->screen, &more);
	disk_add_status(s->disk, &more);
	extra_add_status(s, &more);
	snapshot = session_snapshot(s, &more);
	journal_write(s->journal, &snapshot);
}

static void session_tell_state(struct session *s)
{
	const struct journal_end end = ending_describe(s);
	const bool over = s->attempt.state >= ATTEMPT_ENDED;
	struct journal_snapshot snapshot;

	s->state_since_ms = clock_wall_ms();
	session_write_status(s);
	snapshot = session_snapshot(s, NULL);
	journal_state(s->journal, &snapshot, s->attempt.state == ATTEMPT_STARTING,
		      over ? &end : NULL);
}

bool session_on(struct session *s, enum attempt_event event)
{
	if (!attempt_on(&s->attempt, event))
		return false;
	session_tell_state(s);
	return true;
}

/* ---- its life ---- */

/* The directory is the result: later starts leave it alone. */
static void session_end_dry_run(struct session *s)
{
	struct err e;

	if (start_seed(s, &e) < 0 || rundir_keep(&s->run, &e) < 0)
		ending_fail(s, "seed", &e);
	else
		ending_with_code(s, 0);
}

void session_begin(struct session *s)
{
	struct err e;

	session_tell_state(s);
	if (start_prepare(s, &e) < 0) {
		ending_fail(s, "start", &e);
		return;
	}
	if (s->request.dryrun) {
		session_end_dry_run(s);
		return;
	}
	if (start_open_machine(s, &e) < 0) {
		ending_fail(s, "start", &e);
		return;
	}
	boot_start(s);
}

static void session_on_signal(void *session, int number)
{
	(void)number;
	ending_ask(session, "TERM", 128 + SIGTERM);
}

static void session_init(struct session *s)
{
	static const int ending[] = {SIGTERM, SIGINT, SIGHUP};

	memset(s, 0, sizeof(*s));
	s->run.fd = s->run.base_fd = -1;
	s->workspace_fd = s->projects_fd = s->overlay_dir_fd = -1;
	layer_init(&s->layer);
	layer_init(&s->undo);
	template_init(&s->template);
	s->tsc = hosttsc_take();
	s->state_since_ms = clock_wall_ms();
	attempt_init(&s->attempt);
	conf_init(&s->conf);
	s->loop = loop_new();
	wiring_make(s);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(ending); i++)
		s->signals[i] = sigwatch_new(s->loop, ending[i], session_on_signal, s);
}

/* False when a component has left something in the loop, which was logged. */
static bool session_fini(struct session *s)
{
	wiring_free(s);
	for (size_t i = 0; i < ARRAY_LEN(s->signals); i++)
		sigwatch_free(s->signals[i]);
	return loop_free(s->loop) == 0;
}

/* What the agent said last still goes out to an owner that reads slowly; one that left ends the
 * wait. */
static void session_drain_owner(struct session *s)
{
	while (hub_owner_queued(s->hub))
		loop_turn(s->loop, true);
}

int session_main(int client_fd)
{
	static struct session s;

	/* It holds the run's keys and, for a moment, the API key: no core, and no other process of
	 * this user may attach to it or read its memory. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, 0);
	sched_take_short_turns();
	session_init(&s);
	hub_add_owner(s.hub, client_fd);
	loop_run(s.loop);
	session_drain_owner(&s);
	return session_fini(&s) ? 0 : 1;
}
