/* guestgate: which of a guest's messages count, by the state of the session and by their number.
 *
 * Until the agent runs nothing but our own code has run in the guest. From then on its root may
 * be anybody, who can write any line as often as it likes; what passes is what that state can
 * need, at a rate that a person could read. */
#ifndef CCVM_SESSION_GUESTGATE_H
#define CCVM_SESSION_GUESTGATE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/guest.h"

enum guestgate_phase {
	GUESTGATE_BOOT = 1,  /* QEMU runs, up to `go` */
	GUESTGATE_SEED = 2,  /* up to `ready` */
	GUESTGATE_LINK = 4,  /* up to the agent's start */
	GUESTGATE_AGENT = 8, /* the agent runs: nothing of the guest's is to be believed */
	GUESTGATE_STOP = 16, /* it was told to stop */
};

#define GUESTGATE_TYPES GUEST_TYPES

struct guestgate { /* all zero at the start */
	struct {
		int64_t spent_until_ms; /* when all that passed so far will be paid for */
		uint64_t dropped;	/* since the last one that passed */
	} kind[GUESTGATE_TYPES];
};

/* Whether the message counts; then *more (may be NULL) is how many of its kind were dropped for
 * their number since the last that passed. now_ms: of any clock that does not jump back. Pure
 * but for *g. */
bool guestgate_passes(struct guestgate *g, const struct guest_message *m,
		      enum guestgate_phase phase, int64_t now_ms, uint64_t *more);

#endif
