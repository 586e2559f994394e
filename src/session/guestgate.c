#include "session/guestgate.h"
#include "base/mem.h"

#include <string.h>

#define BEFORE_AGENT (GUESTGATE_BOOT | GUESTGATE_SEED | GUESTGATE_LINK)
#define ALWAYS	     (BEFORE_AGENT | GUESTGATE_AGENT | GUESTGATE_STOP)

/* When a kind may come, how many at once, and how long it takes until there is room for one more. */
static const struct {
	unsigned phases;
	unsigned burst;
	int64_t each_ms;
} guestgate_kinds[GUESTGATE_TYPES] = {
	[GUEST_PARKED] = {GUESTGATE_BOOT, 1, 1000},
	[GUEST_STAGE] = {ALWAYS, 100, 1000},
	[GUEST_NOTE] = {ALWAYS, 16, 10000},
	[GUEST_FAILED] = {ALWAYS, 4, 1000},
	[GUEST_READY] = {GUESTGATE_SEED, 1, 1000},
	[GUEST_REPORT] = {ALWAYS, 8, 1000},
	[GUEST_SSHD_ENDED] = {ALWAYS, 4, 1000},
	[GUEST_STOPPED] = {GUESTGATE_STOP, 1, 1000},
	[GUEST_HOOK] = {GUESTGATE_AGENT | GUESTGATE_LINK, 50, 100},
	[GUEST_DENIED] = {ALWAYS, 200, 50},
	[GUEST_POOL] = {ALWAYS, 8, 1000},
	[GUEST_OOM] = {ALWAYS, 8, 5000},
};

/* What our own programs have to say once the agent runs: the disk and the store are made beside
 * its start. */
static const char *const guestgate_late_stages[] = {
	"pool", "store", "disk", "Nix daemon", "workspace", "run ahead", "end of the seed"};

static bool guestgate_is_late_stage(const char *stage)
{
	for (size_t i = 0; i < ARRAY_LEN(guestgate_late_stages); i++)
		if (strcmp(stage, guestgate_late_stages[i]) == 0)
			return true;
	return false;
}

bool guestgate_passes(struct guestgate *g, const struct guest_message *m,
		      enum guestgate_phase phase, int64_t now_ms, uint64_t *more)
{
	const int64_t each = guestgate_kinds[m->type].each_ms,
		      burst_ms = each * guestgate_kinds[m->type].burst;
	int64_t *until = &g->kind[m->type].spent_until_ms;

	if (!(guestgate_kinds[m->type].phases & phase))
		return false;
	if ((m->type == GUEST_NOTE || m->type == GUEST_STAGE) && !(phase & BEFORE_AGENT) &&
	    !guestgate_is_late_stage(m->stage))
		return false;
	if (*until < now_ms)
		*until = now_ms;
	if (*until + each > now_ms + burst_ms) {
		g->kind[m->type].dropped++;
		return false;
	}
	*until += each;
	if (more)
		*more = g->kind[m->type].dropped;
	g->kind[m->type].dropped = 0;
	return true;
}
