/* boot: from QEMU's start to the agent's. Theory of operation: what the guest says on ccvm.ctl
 * decides.
 *
 * 1. An attempt starts QEMU and ccvm-net, from a template where there is one, else cold. The
 *    guest says `parked` (or was saved there), is told `go`, says that sshd was started; the SSH
 *    link authenticates while the guest goes on. After `ready`, and not before, it starts the
 *    agent.
 * 2. Until the agent's start is asked for, nothing of the user's has run and nothing can be
 *    lost: a guest that falls silent, whose kernel crashes or whose template does not fit is
 *    ended and started over, cold. (Emulated guests on a busy machine have been seen to freeze,
 *    rarely, at every one of these steps.)
 * 3. This process keeps what a new attempt needs (it can still open the image and start
 *    programs) until all is ready for the agent; then it confines itself, and only then asks for
 *    the agent's start.
 * 4. What is told here of the guest's lines has passed guestlines.c. */
#include "session/wiring.h"
#include "base/json.h"
#include "base/mem.h"
#include "loop/timer.h"
#include "proto/clip.h"
#include "proto/names.h"

#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define BOOT_KVM_REMEDY                                                                            \
	"emulate the guest (acceleration tcg), or run ccvm where KVM works; see QEMU's lines "     \
	"below"

/* ---- attempts ---- */

/* Which way the SSH connection is stuck: bytes QEMU has not read, and bytes this process has not.
 */
static char *boot_describe_ssh(const struct session *s)
{
	const int fd = streams_ssh_fd(s->streams);
	int to_guest = 0, from_guest = 0;

	(void)ioctl(fd, SIOCOUTQ, &to_guest);
	(void)ioctl(fd, FIONREAD, &from_guest);
	return mem_format("%s; %d bytes on the way in, %d out", agent_step(s->agent), to_guest,
			  from_guest);
}

/* Tells why, and ends this attempt's processes; boot_start_again follows. */
static void boot_end_attempt(struct session *s, const char *why)
{
	AUTO_FREE char *note = mem_format("%s: starting over", why);

	journal_started_over(s->journal, attempt_stage(&s->attempt), note);
	pulse_stop(s->pulse);
	nudge_stop(s->nudge);
	agent_disconnect(s->agent);
	/* A callback of a stream that the new attempt replaces may be on the stack. */
	if (children_kill(s->children, false))
		timer_start(s->boot.again, 0, 0);
}

/* `what` went wrong. True when another attempt follows. */
static bool boot_try_again(struct session *s, enum attempt_fault fault, const char *what)
{
	const enum attempt_verdict verdict = attempt_on_fault(&s->attempt, fault);
	AUTO_FREE char *slow = mem_format("%s; the guest is emulated, which is slow", what);

	if (s->attempt.kvm_is_to_blame && !s->boot.kvm_failure)
		s->boot.kvm_failure = mem_strdup(what);
	if (verdict == ATTEMPT_AGAIN || verdict == ATTEMPT_EMULATED)
		boot_end_attempt(s, verdict == ATTEMPT_EMULATED ? slow : what);
	return verdict != ATTEMPT_FAILS;
}

/* The old attempt's processes are gone. */
static void boot_start_again(void *session)
{
	struct session *s = session;
	struct err e;

	launch_undo(s);
	s->boot.shut_down = false;
	if (s->attempt.ending)
		return;
	if (s->accel.kvm && !s->attempt.kvm && launch_emulate(s, &e) < 0)
		ending_fail(s, attempt_stage(&s->attempt), &e);
	else
		boot_start(s);
}

void boot_on_silence(void *session)
{
	struct session *s = session;
	const unsigned seconds = attempt_patience_ms(&s->attempt) / 1000;
	AUTO_FREE char *ssh = s->attempt.state == ATTEMPT_READY ? boot_describe_ssh(s) : NULL;
	AUTO_FREE char *what = ssh ? mem_format("the agent did not start within %u seconds (%s)",
						seconds, ssh)
				   : mem_format("the guest said nothing for %u seconds", seconds);
	struct err e;

	if (boot_try_again(s, ATTEMPT_SILENCE, what))
		return;
	err_set(&e, "%s", what);
	err_remedy(&e, "try again; if it persists, see the console lines below; on a very slow "
		       "machine set "
		       "CCVM_BOOT_TIMEOUT to more seconds");
	ending_fail(s, attempt_stage(&s->attempt), &e);
}

void boot_expect_sign_of_life(struct session *s)
{
	/* From `ready` on the deadline stands: figures that go on coming say nothing about the
	 * connection. */
	if (!s->attempt.ending && !s->attempt.restarting && s->attempt.state < ATTEMPT_READY)
		pulse_expect(s->pulse, attempt_patience_ms(&s->attempt));
}

void boot_stop_waiting(struct session *s)
{
	pulse_stop(s->pulse);
	nudge_stop(s->nudge);
	timer_stop(s->boot.again);
}

static void boot_on_restored(void *ctx, struct json_value value, const char *error)
{
	struct session *s = ctx;

	(void)value;
	if (error)
		(void)boot_try_again(s, ATTEMPT_BAD_TEMPLATE, "the template could not be restored");
}

static void boot_restore(struct session *s)
{
	struct err e;

	if (launch_restore(s, boot_on_restored, &e) < 0)
		(void)boot_try_again(s, ATTEMPT_BAD_TEMPLATE, e.text);
}

void boot_start(struct session *s)
{
	struct err e;
	bool launched;

	launch_find_template(s);
	if (!session_on(s, ATTEMPT_ON_LAUNCH))
		return;
	launched = launch_start(s, &e) == 0;
	children_watch(s->children);
	if (!launched) {
		ending_fail(s, attempt_stage(&s->attempt), &e);
		return;
	}
	boot_expect_sign_of_life(s);
	if (s->attempt.from_template)
		boot_restore(s);
	session_write_status(s);
}

/* ---- KVM: it may be there and not run the guest (vm/accel.h) ---- */

static void boot_on_status(void *session, struct json_value value, const char *error)
{
	static const char stopped[] = "KVM stopped the guest with an internal error";
	AUTO_FREE char *status = json_text(json_member(value, "status"));
	struct session *s = session;
	struct err e;

	if (error || !status || strcmp(status, "internal-error") != 0 || s->attempt.ending ||
	    boot_try_again(s, ATTEMPT_KVM_STOPPED, stopped))
		return;
	err_set(&e, "%s", stopped);
	err_remedy(&e, BOOT_KVM_REMEDY);
	ending_fail_with_cause(s, attempt_stage(&s->attempt), &e);
}

/* QEMU has stopped the guest's processors. When KVM meets what it cannot do, that is all that says
 * so. */
static void boot_on_stop(struct session *s)
{
	if (s->attempt.kvm && s->attempt.state < ATTEMPT_STOPPING)
		streams_qmp(s->streams, "query-status", NULL, boot_on_status, s);
}

/* The emulated guest is ready: what kept KVM from it is no fault of the guest's. */
static void boot_record_kvm(const struct session *s)
{
	AUTO_FREE char *path = accel_record_path(&s->request.host);

	if (s->boot.kvm_failure)
		accel_record(path, s->boot.kvm_failure);
}

/* ---- processes that end ---- */

/* What it was told to do ended it, a template that it cannot take or a KVM that it cannot use;
 * somebody's SIGKILL says nothing of either. */
static bool boot_qemu_gave_up(const struct session *s, int status)
{
	return s->attempt.state == ATTEMPT_STARTING &&
	       (WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM
				    : WEXITSTATUS(status) != 0);
}

static void boot_fail_by_qemu(struct session *s, int status)
{
	char how[80];
	struct err e;

	children_describe_end(how, sizeof(how), status);
	if (boot_qemu_gave_up(s, status) && s->attempt.kvm) {
		err_set(&e, "QEMU could not start the guest with KVM: it %s", how);
		err_remedy(&e, BOOT_KVM_REMEDY);
	} else if (s->attempt.state == ATTEMPT_STOPPING) {
		err_set(&e, "QEMU %s before the guest had written back the workspace", how);
		err_remedy(&e, "check what the agent wrote last; some of it may be missing");
	} else {
		err_set(&e, "QEMU %s", how);
		err_remedy(&e, "see the log lines below; ccvmctl doctor checks this machine");
	}
	ending_fail_with_cause(s, attempt_stage(&s->attempt), &e);
}

static void boot_on_qemu_exit(struct session *s, int status)
{
	const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0,
		   gave_up = boot_qemu_gave_up(s, status);

	/* It ends with 0 when the guest powers itself off: after `stopped`, or after a failure it
	 * reported. */
	if (s->end.killing || s->attempt.restarting ||
	    (clean && (s->end.failed || s->attempt.state == ATTEMPT_STOPPING)))
		return;
	/* ccvm-net ends with QEMU, and may be seen to end first. */
	if (gave_up)
		ending_withdraw_failure(s);
	if (gave_up &&
	    boot_try_again(s, ATTEMPT_QEMU_GAVE_UP,
			   s->attempt.from_template ? "QEMU did not take the template"
						    : "QEMU could not start the guest with KVM"))
		return;
	boot_fail_by_qemu(s, status);
}

static void boot_on_net_exit(struct session *s, int status)
{
	char how[80], text[160];
	struct err e;

	if (s->attempt.restarting)
		return;
	egress_on_net_exit(s->egress);
	if (s->attempt.ending || s->attempt.state >= ATTEMPT_STOPPING)
		return;
	children_describe_end(how, sizeof(how), status);
	if (s->attempt.state < ATTEMPT_READY) {
		err_set(&e, "ccvm-net %s before the guest was up", how);
		err_remedy(&e, "try again; if it persists, see the log lines below");
		ending_fail(s, "network", &e);
	} else {
		snprintf(text, sizeof(text), "ccvm-net %s: the guest no longer has a network", how);
		journal_note(s->journal, "network", text);
	}
}

/* Without its files a guest is of no use; what the agent wrote is on the host. */
static void boot_on_fs_exit(struct session *s, int status)
{
	char how[80];
	struct err e;

	if (s->attempt.restarting || s->attempt.ending || s->attempt.state >= ATTEMPT_STOPPING)
		return;
	/* It ends with QEMU, and may be seen to end first: QEMU's end then takes this one's place. */
	children_describe_end(how, sizeof(how), status);
	err_set(&e, "ccvm-fs %s: the guest lost its files", how);
	err_remedy(&e, "see the log lines below");
	ending_fail(s, "files", &e);
}

void boot_on_child_exit(void *session, enum children_name name, int status)
{
	struct session *s = session;

	if (name == CHILDREN_MAKER)
		return;
	if (name == CHILDREN_QEMU)
		boot_on_qemu_exit(s, status);
	else if (name == CHILDREN_FS)
		boot_on_fs_exit(s, status);
	else
		boot_on_net_exit(s, status);
	if (s->attempt.state == ATTEMPT_STOPPING)
		ending_kill_children(s);
	else if (s->attempt.restarting && children_kill(s->children, false))
		boot_start_again(s);
}

/* ---- QEMU's events ---- */

static void boot_on_migration(struct session *s, struct json_value data)
{
	AUTO_FREE char *status = json_text(json_member(data, "status"));

	if (!s->attempt.from_template || s->attempt.state != ATTEMPT_STARTING || !status)
		return;
	if (strcmp(status, "failed") == 0)
		(void)boot_try_again(s, ATTEMPT_BAD_TEMPLATE, "the template could not be restored");
	if (strcmp(status, "completed") != 0)
		return;
	streams_qmp(s->streams, "cont", NULL, NULL, NULL);
	boot_on_parked(s);
}

static void boot_on_shutdown(struct session *s, struct json_value data)
{
	AUTO_FREE char *reason = json_text(json_member(data, "reason"));
	struct err e;

	if (s->attempt.state >= ATTEMPT_STOPPING)
		return;
	/* -no-reboot turns the reset that follows a panic (panic=-1) into the machine's end. */
	if (reason && strcmp(reason, "guest-reset") == 0 &&
	    boot_try_again(s, ATTEMPT_CRASH, "the guest's kernel crashed"))
		return;
	/* A guest that failed says why on another channel, then powers off: which is read first
	 * is a matter of luck. */
	s->boot.shut_down = !s->end.failed;
	err_set(&e, "the guest shut itself down");
	ending_fail(s, attempt_stage(&s->attempt), &e);
}

void boot_on_qmp_event(void *ctx, const char *name, struct json_value data)
{
	if (strcmp(name, "SHUTDOWN") == 0)
		boot_on_shutdown(ctx, data);
	else if (strcmp(name, "STOP") == 0)
		boot_on_stop(ctx);
	else if (strcmp(name, "MIGRATION") == 0)
		boot_on_migration(ctx, data);
	else if (strcmp(name, "BLOCK_IO_ERROR") == 0)
		disk_on_io_error(((struct session *)ctx)->disk,
				 json_is_true(json_member(data, "nospace")));
}

/* ---- what the guest says of its start ---- */

void boot_on_parked(struct session *s)
{
	AUTO_BUF struct buf go = {0};
	struct err e;

	if (s->attempt.state != ATTEMPT_STARTING || s->attempt.restarting || s->attempt.ending)
		return;
	if (start_seal_seed(s, &e) < 0) {
		ending_fail(s, "seed", &e);
		return;
	}
	disk_tell_limit(s->disk);
	guest_order_put(&go, &(struct guest_order){.type = GUEST_ORDER_GO});
	streams_to_guest(s->streams, buf_data(&go), buf_len(&go));
	nudge_start(s->nudge);
	session_on(s, ATTEMPT_ON_PARKED);
}

/* The guest goes on setting itself up while the link does so too: an emulated sshd takes as long
 * as all the rest. */
void boot_on_stage(struct session *s, const struct guest_message *m)
{
	const struct agent_plan plan = {.fd = streams_ssh_fd(s->streams),
					.tty = s->request.tty,
					.term = s->request.term,
					.cols = s->request.cols,
					.rows = s->request.rows,
					.forward_port = wiring_images_are_wanted(s) ? CLIP_PORT
										    : 0};
	struct err e;

	journal_progress(s->journal, m->stage, m->ms);
	if (strcmp(m->stage, NAME_STAGE_SSHD) != 0 || s->attempt.state != ATTEMPT_SEEDING ||
	    agent_is_connected(s->agent))
		return;
	if (agent_connect(s->agent, &plan, &e) == 0)
		nudge_now(s->nudge);
	else
		ending_fail(s, "ssh", &e);
}

void boot_on_ready(struct session *s)
{
	struct err e;

	if (s->attempt.state != ATTEMPT_SEEDING)
		return;
	boot_record_kvm(s);
	session_on(s, ATTEMPT_ON_READY);
	hostclock_tell(s->hostclock);
	if (agent_start(s->agent, &e) < 0)
		ending_fail(s, "ssh", &e);
}

bool boot_on_agent_started(void *session)
{
	struct session *s = session;

	if (s->attempt.ending)
		return false;
	pulse_stop(s->pulse);
	nudge_stop(s->nudge);
	session_on(s, ATTEMPT_ON_AGENT);
	hostclock_start(s->hostclock);
	/* The window may have changed while the guest booted. */
	if (s->request.tty)
		agent_resize(s->agent, s->request.cols, s->request.rows);
	return true;
}

void boot_on_failed(struct session *s, const struct guest_message *m)
{
	struct err e;

	err_set(&e, s->attempt.state >= ATTEMPT_RUNNING ? "the guest says: %s" : "%s",
		m->reason[0] ? m->reason : "no reason given");
	if (s->attempt.state != ATTEMPT_STARTING)
		err_remedy(&e, "try again; if it persists, see the console lines below");
	else
		err_remedy(&e,
			   "the guest image may be damaged; build it again: ccvmctl image build");
	if (s->boot.shut_down && s->end.failed && s->attempt.state < ATTEMPT_STOPPING)
		ending_fail_with_cause(
			s, s->attempt.state >= ATTEMPT_RUNNING || !m->stage[0] ? "guest" : m->stage,
			&e);
	else
		ending_fail(
			s, s->attempt.state >= ATTEMPT_RUNNING || !m->stage[0] ? "guest" : m->stage,
			&e);
}

void boot_init(struct session *s)
{
	s->boot.again = timer_new(s->loop, boot_start_again, s);
}

void boot_fini(struct session *s)
{
	timer_free(s->boot.again);
	free(s->boot.kvm_failure);
}
