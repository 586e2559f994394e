/* attempt: the guest's start as a table: which event leads where, and what becomes of a fault.
 *
 * created → starting → seeding → ready → running → stopping → ended or failed. A start may need
 * several attempts: until the agent's start is asked for, nothing of the user's has run and nothing
 * can be lost, so a guest that falls silent, crashes, does not take the template or does not run
 * with KVM is ended and started over.
 *
 * Pure: a value that nothing but these functions changes, and that decides without doing anything.
 */
#ifndef CCVM_SESSION_ATTEMPT_H
#define CCVM_SESSION_ATTEMPT_H

#include <stdbool.h>

enum attempt_state {
	ATTEMPT_CREATED,
	ATTEMPT_STARTING, /* QEMU runs, the guest boots to its park point */
	ATTEMPT_SEEDING,  /* after `go` */
	ATTEMPT_READY,	  /* the guest is up, SSH is being set up */
	ATTEMPT_RUNNING,  /* the agent runs */
	ATTEMPT_STOPPING,
	ATTEMPT_ENDED,
	ATTEMPT_FAILED,
};
#define ATTEMPT_STATES (ATTEMPT_FAILED + 1)

enum attempt_event {
	ATTEMPT_ON_LAUNCH, /* a guest is being started, again where the last one is gone */
	ATTEMPT_ON_PARKED, /* it waits for `go` */
	ATTEMPT_ON_READY,  /* it has set itself up */
	ATTEMPT_ON_AGENT,  /* the agent has started */
	ATTEMPT_ON_STOP,   /* the session ends */
	ATTEMPT_ON_ENDED,  /* everything is gone */
	ATTEMPT_ON_FAILED, /* and it was a failure */
};
#define ATTEMPT_EVENTS (ATTEMPT_ON_FAILED + 1)

enum attempt_fault {
	ATTEMPT_SILENCE,      /* nothing was heard for attempt_patience_ms */
	ATTEMPT_QEMU_GAVE_UP, /* QEMU ended by itself before the guest was there */
	ATTEMPT_BAD_TEMPLATE, /* it could not be restored */
	ATTEMPT_CRASH,	      /* the guest's kernel did */
	ATTEMPT_KVM_STOPPED,  /* KVM met what it cannot do */
};
#define ATTEMPT_FAULTS (ATTEMPT_KVM_STOPPED + 1)

enum attempt_verdict {
	ATTEMPT_FAILS,	   /* there is no other attempt: the session fails */
	ATTEMPT_AGAIN,	   /* end this one's processes, then start another, cold */
	ATTEMPT_EMULATED,  /* the same, without KVM */
	ATTEMPT_UNDER_WAY, /* one of the two was said already */
};

struct attempt {
	enum attempt_state state;
	enum attempt_state reached; /* the last one before the stop */
	unsigned timeout_s;	    /* how long a start may be silent in all */
	unsigned starts;	    /* of a guest so far */
	bool kvm;		    /* this attempt */
	bool kvm_is_optional;	    /* the next one may be emulated */
	bool kvm_is_to_blame;	    /* for certain: later sessions are to know */
	bool from_template;	    /* this attempt */
	bool template_refused;	    /* no attempt from a template any more */
	bool restarting;	    /* this attempt's processes end, and a new one follows */
	bool ending;		    /* the stop is due: nothing may start any more */
	bool confined;		    /* this process can start nothing any more */
	bool may_have_written;	    /* go was said: the workspace may hold what is not back yet */
};

void attempt_init(struct attempt *a);
/* For how many seconds a start may be silent in all. */
void attempt_set_timeout(struct attempt *a, unsigned timeout_s);
/* What the attempts run with, until a verdict says otherwise. */
void attempt_use_kvm(struct attempt *a, bool kvm, bool is_optional);
/* What the next launch starts from. */
void attempt_use_template(struct attempt *a, bool from_template);

/* True when it counts in this state, which it changed then. */
bool attempt_on(struct attempt *a, enum attempt_event event);
/* What becomes of a fault. Also AGAIN and EMULATED end with a launch. */
enum attempt_verdict attempt_on_fault(struct attempt *a, enum attempt_fault fault);

/* The stop is due; and it is not, after all. */
void attempt_end(struct attempt *a);
void attempt_go_on(struct attempt *a);
/* This process gave up its access: there is no other attempt. */
void attempt_confine(struct attempt *a);
/* A guest that failed has nothing to write back. */
void attempt_give_up_writes(struct attempt *a);

/* What is being done, or was when the stop came: for failures and notes. */
const char *attempt_stage(const struct attempt *a);

/* How long this attempt may be silent: of several the last one longer than the others. */
unsigned attempt_patience_ms(const struct attempt *a);

#endif
