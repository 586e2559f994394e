/* Theory of operation. From QEMU's start to the agent's: what the guest says on ccvm.ctl decides.
 *
 * 1. An attempt starts QEMU and ccvm-net, from a template where there is one, else cold. The guest says `parked` (or
 *    was saved there), is told `go`, says that sshd was started; the SSH link authenticates while the guest goes on. After
 *    `ready`, and not before, it starts the agent.
 * 2. Until the agent's start is asked for, nothing of the user's has run and nothing can be lost: a guest that falls
 *    silent, whose kernel crashes or whose template does not fit is ended and started over, cold. (Emulated guests on a
 *    busy machine have been seen to freeze, rarely, at every one of these steps.)
 * 3. This process keeps what a new attempt needs (it can still open the image and start programs) until all is ready
 *    for the agent; then it confines itself, and only then asks for the agent's start.
 * 4. Lines of the guest are bounded and parsed by guest_parse; guestgate says which of them count in this state, and how many. */
#include "base/json.h"
#include "base/mem.h"
#include "session/state.h"
#include "proto/names.h"
#include "vm/template.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BOOT_ATTEMPTS_MAX 3
/* A user who gave less patience than this wants the failure, not another attempt. */
#define BOOT_TIMEOUT_OF_ONE_ATTEMPT_S 20
/* How often QEMU is nudged between `go` and the agent's start. */
#define BOOT_NUDGE_MS 200

/* ---- attempts ---- */

static unsigned boot_attempts_max(const struct session *s)
{
	return s->boot_timeout_s < BOOT_TIMEOUT_OF_ONE_ATTEMPT_S ? 1 : BOOT_ATTEMPTS_MAX;
}

/* Each attempt but the last may be silent for a quarter of CCVM_BOOT_TIMEOUT, the last for half of it. */
static unsigned boot_patience_ms(const struct session *s)
{
	if (boot_attempts_max(s) == 1)
		return s->boot_timeout_s * 1000;
	return s->boot_timeout_s * 1000 / (s->attempts < BOOT_ATTEMPTS_MAX ? 4 : 2);
}

/* Which way the SSH connection is stuck: bytes QEMU has not read, and bytes this process has not. */
static char *boot_describe_ssh(const struct session *s)
{
	int to_guest = 0, from_guest = 0;

	(void)ioctl(s->qemu.ssh_fd, SIOCOUTQ, &to_guest);
	(void)ioctl(s->qemu.ssh_fd, FIONREAD, &from_guest);
	return mem_format("%s; %d bytes on the way in, %d out", sshlink_step(s->ssh), to_guest, from_guest);
}

static void boot_on_silence(uv_timer_t *timer)
{
	struct session *s = timer->data;
	const unsigned seconds = boot_patience_ms(s) / 1000;
	AUTO_FREE char *ssh = s->state == SESSION_READY ? boot_describe_ssh(s) : NULL;
	AUTO_FREE char *what = ssh ? mem_format("the agent did not start within %u seconds (%s)", seconds, ssh)
				   : mem_format("the guest said nothing for %u seconds", seconds);
	struct err e;

	if ((s->state == SESSION_STARTING && kvm_fall_back(s, what, false)) || boot_restart(s, what))
		return;
	err_set(&e, "%s", what);
	err_remedy(&e, "try again; if it persists, see the console lines below; on a very slow machine set "
		       "CCVM_BOOT_TIMEOUT to more seconds");
	session_fail(s, s->stage, &e);
}

static void boot_expect_sign_of_life(struct session *s)
{
	/* From `ready` on the deadline stands: figures that go on coming say nothing about the connection. */
	if (!s->ending && !s->restarting && s->state < SESSION_READY)
		uv_timer_start(&s->timer, boot_on_silence, boot_patience_ms(s), 0);
}

static void boot_on_restart_turn(uv_timer_t *timer)
{
	boot_start_again(timer->data);
}

bool boot_restart(struct session *s, const char *why)
{
	AUTO_FREE char *note = mem_format("%s: starting over", why);

	if (s->restarting)
		return true;
	if (s->ending || s->failed || s->confined || s->attempts >= boot_attempts_max(s) || s->state < SESSION_STARTING ||
	    s->state > SESSION_READY)
		return false;
	status_event_started_over(s, s->stage, note);
	s->restarting = true;
	s->template_refused = true;
	uv_timer_stop(&s->timer);
	uv_timer_stop(&s->nudge);
	agent_disconnect(s);
	/* A callback of a stream that the new attempt replaces may be on the stack. */
	if (children_kill(s))
		uv_timer_start(&s->timer, boot_on_restart_turn, 0, 0);
	return true;
}

void boot_start_again(struct session *s)
{
	struct err e;

	streams_close(s);
	pool_close(s);
	template_fini(&s->template);
	s->restarting = s->may_have_written = s->shut_down = s->nudged = s->ssh_failed = false;
	memset(&s->ctl_lines, 0, sizeof(s->ctl_lines));
	if (s->ending)
		return;
	if (s->machine.accel.kvm != s->accel.kvm) {
		machine_fini(&s->machine);
		if (start_choose_machine(s, &e) < 0) {
			session_fail(s, s->stage, &e);
			return;
		}
	}
	boot_start(s);
}

static void boot_on_restored(void *ctx, struct json_value value, const char *error)
{
	struct session *s = ctx;

	(void)value;
	if (error)
		boot_restart(s, "the template could not be restored");
}

/* RAM is mapped already (qemu_args); the devices' state comes through a socket. */
static void boot_restore(struct session *s)
{
	AUTO_FREE char *incoming = mem_format("{\"uri\":\"fd:%d\"}", QEMU_FD_STATE);
	struct err e;

	if (template_load(&s->template, &s->machine, &e) < 0) {
		boot_restart(s, e.text);
		return;
	}
	stream_write(s->vmstate, buf_data(&s->template.state), buf_len(&s->template.state));
	qmp_execute(s->qmp, "migrate-set-capabilities", TEMPLATE_QMP_CAPABILITIES, boot_on_restored, s);
	qmp_execute(s->qmp, "migrate-incoming", incoming, boot_on_restored, s);
}

void boot_start(struct session *s)
{
	struct err e;

	s->attempts++;
	s->stage = "boot";
	start_find_template(s);
	session_set_state(s, SESSION_STARTING);
	if (start_launch(s, &e) < 0) {
		child_watch(s, &s->qemu_child);
		child_watch(s, &s->net_child);
		session_fail(s, s->stage, &e);
		return;
	}
	s->stage = "boot";
	streams_open(s);
	child_watch(s, &s->qemu_child);
	child_watch(s, &s->net_child);
	boot_expect_sign_of_life(s);
	if (s->from_template)
		boot_restore(s);
	status_write(s);
}

/* QEMU stops watching a port's socket while the guest has the port closed, and an emulated guest's opening it does not
 * wake QEMU's main loop: what was written meanwhile would lie there until something else does (seen: for minutes). Any
 * command makes the loop turn and look again. */
static void boot_on_nudge_answered(void *ctx, struct json_value value, const char *error)
{
	(void)value;
	(void)error;
	((struct session *)ctx)->nudged = false;
}

static void boot_nudge(struct session *s)
{
	if (s->qmp && !s->nudged) {
		s->nudged = true;
		qmp_execute(s->qmp, "query-status", NULL, boot_on_nudge_answered, s);
	}
}

static void boot_on_nudge(uv_timer_t *timer)
{
	struct session *s = timer->data;

	if (s->state != SESSION_SEEDING && s->state != SESSION_READY) {
		uv_timer_stop(timer);
		return;
	}
	boot_nudge(s);
	agent_pump(s);
}

/* ccvm-report says something every ten seconds at least. Two ticks in a row: one alone may come right after this process
 * was stopped for a while itself. */
void boot_check_pulse(struct session *s)
{
	if (s->state == SESSION_RUNNING && ++s->silent_ticks == 2)
		status_event_note(s, "guest", "no sign of life from the guest for half a minute: it is frozen, or this "
					      "computer is very busy");
}

/* ---- QEMU's events ---- */

static void boot_on_migration(struct session *s, struct json_value data)
{
	AUTO_FREE char *status = json_text(json_member(data, "status"));

	if (!s->from_template || s->state != SESSION_STARTING || !status)
		return;
	if (strcmp(status, "failed") == 0)
		boot_restart(s, "the template could not be restored");
	if (strcmp(status, "completed") != 0)
		return;
	qmp_execute(s->qmp, "cont", NULL, NULL, NULL);
	boot_on_parked(s);
}

static void boot_on_shutdown(struct session *s, struct json_value data)
{
	AUTO_FREE char *reason = json_text(json_member(data, "reason"));
	struct err e;

	if (s->state >= SESSION_STOPPING)
		return;
	/* -no-reboot turns the reset that follows a panic (panic=-1) into the machine's end. */
	if (reason && strcmp(reason, "guest-reset") == 0 &&
	    boot_restart(s, "the guest's kernel crashed"))
		return;
	/* A guest that failed says why on another channel, then powers off: which is read first is a matter of luck. */
	s->shut_down = !s->failed;
	err_set(&e, "the guest shut itself down");
	session_fail(s, s->stage, &e);
}

void boot_on_qmp_event(void *ctx, const char *name, struct json_value data)
{
	if (strcmp(name, "SHUTDOWN") == 0)
		boot_on_shutdown(ctx, data);
	else if (strcmp(name, "STOP") == 0)
		kvm_on_stop(ctx);
	else if (strcmp(name, "MIGRATION") == 0)
		boot_on_migration(ctx, data);
	else if (strcmp(name, "BLOCK_IO_ERROR") == 0)
		pool_on_io_error(ctx, json_is_true(json_member(data, "nospace")));
}

/* ---- the guest's lines ---- */

void boot_on_parked(struct session *s)
{
	static const char go[] = "{\"op\":\"go\"}\n";
	struct err e;

	if (s->state != SESSION_STARTING)
		return;
	if (start_seal_seed(s, &e) < 0) {
		session_fail(s, "seed", &e);
		return;
	}
	pool_tell_limit(s);
	s->may_have_written = true;
	s->stage = "guest";
	stream_write(s->ctl, go, sizeof(go) - 1);
	uv_timer_start(&s->nudge, boot_on_nudge, 0, BOOT_NUDGE_MS);
	session_set_state(s, SESSION_SEEDING);
}

/* The guest goes on setting itself up while the link does so too: an emulated sshd takes as long as all the rest. */
static void boot_on_stage(struct session *s, const struct guest_message *m)
{
	struct err e;

	status_event_progress(s, m->stage, m->ms);
	if (strcmp(m->stage, NAME_STAGE_SSHD) != 0 || s->state != SESSION_SEEDING || s->ssh)
		return;
	if (agent_connect(s, &e) == 0)
		boot_nudge(s);
	else
		session_fail(s, "ssh", &e);
}

static void boot_on_ready(struct session *s)
{
	if (s->state != SESSION_SEEDING)
		return;
	s->stage = "ssh";
	kvm_record(s);
	session_set_state(s, SESSION_READY);
	hostclock_tell(s);
	agent_start(s);
}

void boot_after_agent_start(struct session *s)
{
	if (s->ending)
		return;
	s->stage = "agent";
	uv_timer_stop(&s->timer);
	session_set_state(s, SESSION_RUNNING);
	hostclock_start(s);
	/* The window may have changed while the guest booted. */
	if (s->request.tty)
		sshlink_resize(s->ssh, s->request.cols, s->request.rows);
}

static void boot_on_failed(struct session *s, const struct guest_message *m)
{
	struct err e;

	err_set(&e, s->state >= SESSION_RUNNING ? "the guest says: %s" : "%s", m->reason[0] ? m->reason : "no reason given");
	if (s->state != SESSION_STARTING)
		err_remedy(&e, "try again; if it persists, see the console lines below");
	else
		err_remedy(&e, "the guest image may be damaged; build it again: ccvmctl image build");
	if (s->shut_down && s->failed && s->state < SESSION_STOPPING)
		session_fail_with_cause(s, s->state >= SESSION_RUNNING || !m->stage[0] ? "guest" : m->stage, &e);
	else
		session_fail(s, s->state >= SESSION_RUNNING || !m->stage[0] ? "guest" : m->stage, &e);
}

static void boot_on_sshd_ended(struct session *s)
{
	struct err e;

	/* While the agent runs the link notices by itself, after the agent's last output. */
	if (s->state != SESSION_READY)
		return;
	err_set(&e, "the guest's sshd ended");
	session_fail(s, "ssh", &e);
}

/* An agent that just disappears, with 137, is a riddle; this says what happened. */
static void boot_on_oom(struct session *s, const struct guest_message *m)
{
	AUTO_BUF struct buf fields = {0};
	AUTO_FREE char *text = mem_format("the guest ran out of memory (%ld MiB): its kernel ended the process \"%s\" (pid %lld, %lld MiB); "
					  "increase `memory`, or use vmDiskSize for large files",
					  s->conf.memory, m->process[0] ? m->process : "?", (long long)m->pid, (long long)(m->count >> 10));

	json_add_string(&fields, "process", m->process);
	json_add_int(&fields, "pid", m->pid);
	json_add_int(&fields, "kib", m->count);
	status_event(s, "out-of-memory", &fields);
	status_event_note(s, "memory", text);
}

/* Before the agent runs, only our own code can have said it. */
static void boot_on_note(struct session *s, const struct guest_message *m)
{
	pool_on_note(s, m);
	if (s->state < SESSION_RUNNING)
		status_event_note(s, m->stage, m->reason);
	else
		status_event_guest_note(s, m->stage, m->reason);
}

static enum guestgate_phase boot_phase(const struct session *s)
{
	static const enum guestgate_phase phases[] = {
		[SESSION_CREATED] = GUESTGATE_BOOT,  [SESSION_STARTING] = GUESTGATE_BOOT,  [SESSION_SEEDING] = GUESTGATE_SEED,
		[SESSION_READY] = GUESTGATE_LINK,    [SESSION_RUNNING] = GUESTGATE_AGENT,  [SESSION_STOPPING] = GUESTGATE_STOP,
		[SESSION_ENDED] = GUESTGATE_STOP,    [SESSION_FAILED] = GUESTGATE_STOP,
	};

	return phases[s->state];
}

static void boot_dispatch(struct session *s, const struct guest_message *m)
{
	switch (m->kind) {
	case GUEST_UNKNOWN:
		return;
	case GUEST_PARKED:
		boot_on_parked(s);
		return;
	case GUEST_STAGE:
		boot_on_stage(s, m);
		return;
	case GUEST_NOTE:
		boot_on_note(s, m);
		return;
	case GUEST_FAILED:
		boot_on_failed(s, m);
		return;
	case GUEST_READY:
		boot_on_ready(s);
		return;
	case GUEST_REPORT:
		s->report = *m;
		pool_tell_limit(s);
		status_write(s);
		return;
	case GUEST_HOOK:
		screen_on_hook(s, m->hook);
		return;
	case GUEST_POOL:
		pool_on_figures(s, m);
		return;
	case GUEST_OOM:
		boot_on_oom(s, m);
		return;
	case GUEST_DENIED:
		egress_on_guest_denied(s, m);
		return;
	case GUEST_SSHD_ENDED:
		boot_on_sshd_ended(s);
		return;
	case GUEST_STOPPED:
		if (s->state == SESSION_STOPPING)
			session_kill_children(s);
		return;
	}
}

void boot_on_guest_line(void *ctx, const char *line, size_t n)
{
	struct session *s = ctx;
	struct guest_message m;
	uint64_t more = 0;

	guest_parse(line, n, &m);
	s->silent_ticks = 0;
	if (s->restarting || (s->ending && m.kind != GUEST_STOPPED && m.kind != GUEST_FAILED && m.kind != GUEST_NOTE &&
				  m.kind != GUEST_OOM))
		return;
	boot_expect_sign_of_life(s);
	if (!guestgate_passes(&s->gate, &m, boot_phase(s), (int64_t)uv_now(&s->loop), &more)) {
		if (m.kind == GUEST_NOTE && s->gate.kind[m.kind].dropped == 1)
			status_event_note(s, "guest", "too many notes from the guest: further ones are dropped");
		return;
	}
	if (more && m.kind == GUEST_NOTE) {
		AUTO_FREE char *text = mem_format("%llu more notes of the guest were dropped", (unsigned long long)more);

		status_event_note(s, "guest", text);
	}
	boot_dispatch(s, &m);
}
