#include "session/attempt.h"

#define ATTEMPT_MAX 3
/* A user who gave less patience than this wants the failure, not another attempt. */
#define ATTEMPT_TIMEOUT_OF_ONE_S 20

#define IN(state) (1u << (state))
#define IN_BOOT	  (IN(ATTEMPT_STARTING) | IN(ATTEMPT_SEEDING) | IN(ATTEMPT_READY))
#define IN_LIFE	  (IN(ATTEMPT_CREATED) | IN_BOOT | IN(ATTEMPT_RUNNING))

static const struct {
	unsigned from; /* IN() of the states where it counts */
	enum attempt_state to;
	bool forward; /* not while an attempt or the session ends */
} attempt_events[ATTEMPT_EVENTS] = {
	[ATTEMPT_ON_LAUNCH] = {IN(ATTEMPT_CREATED) | IN_BOOT, ATTEMPT_STARTING, false},
	[ATTEMPT_ON_PARKED] = {IN(ATTEMPT_STARTING), ATTEMPT_SEEDING, true},
	[ATTEMPT_ON_READY] = {IN(ATTEMPT_SEEDING), ATTEMPT_READY, true},
	[ATTEMPT_ON_AGENT] = {IN(ATTEMPT_READY), ATTEMPT_RUNNING, true},
	[ATTEMPT_ON_STOP] = {IN_LIFE, ATTEMPT_STOPPING, false},
	[ATTEMPT_ON_ENDED] = {IN(ATTEMPT_STOPPING), ATTEMPT_ENDED, false},
	[ATTEMPT_ON_FAILED] = {IN(ATTEMPT_STOPPING), ATTEMPT_FAILED, false},
};

/* KVM is to blame only for certain faults: a busy computer can be silent, too. */
static const struct {
	bool template_first; /* a template that was used is to blame before KVM is */
	unsigned emulate_in; /* where KVM may be to blame */
	bool certain;
	bool again; /* where it is not */
} attempt_faults[ATTEMPT_FAULTS] = {
	[ATTEMPT_SILENCE] = {.emulate_in = IN(ATTEMPT_STARTING), .again = true},
	[ATTEMPT_QEMU_GAVE_UP] = {.template_first = true,
				  .emulate_in = IN(ATTEMPT_STARTING),
				  .certain = true},
	[ATTEMPT_BAD_TEMPLATE] = {.template_first = true, .again = true},
	[ATTEMPT_CRASH] = {.again = true},
	[ATTEMPT_KVM_STOPPED] = {.emulate_in = IN_BOOT, .certain = true},
};

void attempt_init(struct attempt *a)
{
	*a = (struct attempt){.state = ATTEMPT_CREATED};
}

void attempt_set_timeout(struct attempt *a, unsigned timeout_s)
{
	a->timeout_s = timeout_s;
}

void attempt_use_kvm(struct attempt *a, bool kvm, bool is_optional)
{
	a->kvm = kvm;
	a->kvm_is_optional = is_optional;
}

void attempt_use_template(struct attempt *a, bool from_template)
{
	a->from_template = from_template;
}

bool attempt_on(struct attempt *a, enum attempt_event event)
{
	if (!(attempt_events[event].from & IN(a->state)) ||
	    (attempt_events[event].forward && (a->restarting || a->ending)))
		return false;
	a->state = attempt_events[event].to;
	if (a->state < ATTEMPT_STOPPING)
		a->reached = a->state;
	if (event == ATTEMPT_ON_LAUNCH) {
		a->starts++;
		a->restarting = a->may_have_written = false;
	}
	if (event == ATTEMPT_ON_PARKED)
		a->may_have_written = true;
	return true;
}

const char *attempt_stage(const struct attempt *a)
{
	static const char *const stages[ATTEMPT_STATES] = {
		[ATTEMPT_CREATED] = "start", [ATTEMPT_STARTING] = "boot",
		[ATTEMPT_SEEDING] = "guest", [ATTEMPT_READY] = "ssh",
		[ATTEMPT_RUNNING] = "agent",
	};

	return stages[a->reached];
}

static unsigned attempt_max(const struct attempt *a)
{
	return a->timeout_s < ATTEMPT_TIMEOUT_OF_ONE_S ? 1 : ATTEMPT_MAX;
}

static bool attempt_has_another(const struct attempt *a)
{
	return a->restarting || (!a->ending && !a->confined && a->starts < attempt_max(a) &&
				 (IN_BOOT & IN(a->state)));
}

/* What was refused, if anything was, is another machine's: an emulated guest has a template of its
 * own. */
static void attempt_emulate(struct attempt *a, bool certain)
{
	a->kvm = a->kvm_is_optional = false;
	a->kvm_is_to_blame = certain;
	a->template_refused = false;
}

enum attempt_verdict attempt_on_fault(struct attempt *a, enum attempt_fault fault)
{
	const bool by_template = attempt_faults[fault].template_first && a->from_template;
	const bool emulate = !by_template && a->kvm && a->kvm_is_optional &&
			     (attempt_faults[fault].emulate_in & IN(a->state));
	const bool was_restarting = a->restarting;

	if (!attempt_has_another(a) || !(by_template || emulate || attempt_faults[fault].again))
		return ATTEMPT_FAILS;
	a->restarting = true;
	if (emulate)
		attempt_emulate(a, attempt_faults[fault].certain);
	else
		a->template_refused = true;
	return was_restarting ? ATTEMPT_UNDER_WAY : emulate ? ATTEMPT_EMULATED : ATTEMPT_AGAIN;
}

void attempt_end(struct attempt *a)
{
	a->ending = true;
}

void attempt_go_on(struct attempt *a)
{
	a->ending = false;
}

void attempt_confine(struct attempt *a)
{
	a->confined = true;
}

void attempt_give_up_writes(struct attempt *a)
{
	a->may_have_written = false;
}

/* Each attempt but the last may be silent for a quarter of the time, the last for half of it. */
unsigned attempt_patience_ms(const struct attempt *a)
{
	if (attempt_max(a) == 1)
		return a->timeout_s * 1000;
	return a->timeout_s * 1000 / (a->starts < ATTEMPT_MAX ? 4 : 2);
}
