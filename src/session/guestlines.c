/* guestlines: what the guest says on ccvm.ctl, and who hears of it. Lines are bounded and parsed by
 * guest_parse; guestgate says which of them count in this state, and how many. */
#include "session/wiring.h"
#include "base/clock.h"

/* ---- one function a message, where it is not another component's ---- */

static void guestlines_on_parked(struct session *s, const struct guest_message *m)
{
	(void)m;
	boot_on_parked(s);
}

static void guestlines_on_ready(struct session *s, const struct guest_message *m)
{
	(void)m;
	boot_on_ready(s);
}

static void guestlines_on_sshd_ended(struct session *s, const struct guest_message *m)
{
	struct err e;

	(void)m;
	/* While the agent runs the link notices by itself, after the agent's last output. */
	if (s->attempt.state != ATTEMPT_READY)
		return;
	err_set(&e, "the guest's sshd ended");
	ending_fail(s, "ssh", &e);
}

/* An agent that just disappears, with 137, is a riddle; this says what happened. */
static void guestlines_on_oom(struct session *s, const struct guest_message *m)
{
	AUTO_FREE char *text = mem_format(
		"the guest ran out of memory (%ld MiB): its kernel ended the process \"%s\" "
		"(pid %lld, %lld MiB); increase `memory`, or use vmDiskSize for large files",
		s->conf.memory, m->process[0] ? m->process : "?", (long long)m->pid,
		(long long)(m->count >> 10));

	journal_event(s->journal, &(struct event){.type = EVENT_OUT_OF_MEMORY,
						  .process = m->process,
						  .pid = m->pid,
						  .kib = m->count});
	journal_note(s->journal, "memory", text);
}

/* Before the agent runs, only our own code can have said it. */
static void guestlines_on_note(struct session *s, const struct guest_message *m)
{
	disk_on_note(s->disk, m);
	if (s->attempt.state < ATTEMPT_RUNNING)
		journal_note(s->journal, m->stage, m->reason);
	else
		journal_guest_note(s->journal, m->stage, m->reason);
}

static void guestlines_on_report(struct session *s, const struct guest_message *m)
{
	s->guest.report = *m;
	disk_tell_limit(s->disk);
	session_write_status(s);
}

static void guestlines_on_hook(struct session *s, const struct guest_message *m)
{
	screen_on_hook(s->screen, m->hook);
}

static void guestlines_on_pool(struct session *s, const struct guest_message *m)
{
	disk_on_figures(s->disk, m);
}

static void guestlines_on_denied(struct session *s, const struct guest_message *m)
{
	egress_on_guest_denied(s->egress, m);
}

static void guestlines_on_stopped(struct session *s, const struct guest_message *m)
{
	(void)m;
	if (s->attempt.state == ATTEMPT_STOPPING)
		ending_kill_children(s);
}

/* ---- which of them counts ---- */

static const struct {
	void (*take)(struct session *s, const struct guest_message *m);
	bool at_the_end; /* counts when the stop is due, too */
} guestlines_table[GUEST_TYPES] = {
	[GUEST_PARKED] = {guestlines_on_parked, false},
	[GUEST_STAGE] = {boot_on_stage, false},
	[GUEST_NOTE] = {guestlines_on_note, true},
	[GUEST_FAILED] = {boot_on_failed, true},
	[GUEST_READY] = {guestlines_on_ready, false},
	[GUEST_REPORT] = {guestlines_on_report, false},
	[GUEST_SSHD_ENDED] = {guestlines_on_sshd_ended, false},
	[GUEST_STOPPED] = {guestlines_on_stopped, true},
	[GUEST_HOOK] = {guestlines_on_hook, false},
	[GUEST_DENIED] = {guestlines_on_denied, false},
	[GUEST_POOL] = {guestlines_on_pool, false},
	[GUEST_OOM] = {guestlines_on_oom, true},
};

static enum guestgate_phase guestlines_phase(const struct session *s)
{
	static const enum guestgate_phase phases[] = {
		[ATTEMPT_CREATED] = GUESTGATE_BOOT,  [ATTEMPT_STARTING] = GUESTGATE_BOOT,
		[ATTEMPT_SEEDING] = GUESTGATE_SEED,  [ATTEMPT_READY] = GUESTGATE_LINK,
		[ATTEMPT_RUNNING] = GUESTGATE_AGENT, [ATTEMPT_STOPPING] = GUESTGATE_STOP,
		[ATTEMPT_ENDED] = GUESTGATE_STOP,    [ATTEMPT_FAILED] = GUESTGATE_STOP,
	};

	return phases[s->attempt.state];
}

static bool guestlines_counts(struct session *s, const struct guest_message *m)
{
	uint64_t more = 0;

	if (!guestgate_passes(&s->guest.gate, m, guestlines_phase(s), clock_mono_ms(), &more)) {
		if (m->type == GUEST_NOTE && s->guest.gate.kind[m->type].dropped == 1)
			journal_note(s->journal, "guest",
				     "too many notes from the guest: further ones are dropped");
		return false;
	}
	if (more && m->type == GUEST_NOTE) {
		AUTO_FREE char *text = mem_format("%llu more notes of the guest were dropped",
						  (unsigned long long)more);

		journal_note(s->journal, "guest", text);
	}
	return true;
}

void guestlines_take(void *session, const char *line, size_t n)
{
	struct session *s = session;
	struct guest_message m;

	guest_parse(line, n, &m);
	pulse_heard(s->pulse);
	if (s->attempt.restarting || (s->attempt.ending && !guestlines_table[m.type].at_the_end))
		return;
	boot_expect_sign_of_life(s);
	if (guestlines_counts(s, &m) && guestlines_table[m.type].take)
		guestlines_table[m.type].take(s, &m);
}
