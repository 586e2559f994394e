/* stage: runs the guest's boot stages in order, each under the rule its table row states. */
#ifndef CCVM_GUEST_STAGE_H
#define CCVM_GUEST_STAGE_H

#include <stddef.h>

#include "base/err.h"

enum stage_rule {
	STAGE_FAIL_CLOSED, /* a failure ends the boot: the agent never starts */
	STAGE_FAIL_OPEN,   /* a failure is reported and the boot goes on without it */
};

struct boot; /* what the stages share; see boot.h */

struct stage {
	const char *name;
	enum stage_rule rule;
	int (*run)(struct boot *b, struct err *e);
};

enum stage_event { STAGE_BEGUN, STAGE_DONE, STAGE_SKIPPED_WITH_REASON, STAGE_FAILED };
typedef void stage_listener(void *ctx, const struct stage *s, enum stage_event event,
			    const struct err *e);

/* Runs all rows. Returns 0, or -1 at the first failure of a fail-closed row, whose reason is then
 * in e. The listener hears of each row's begin and outcome (e is NULL unless something failed). */
int stage_run_all(const struct stage *table, size_t n, struct boot *b, stage_listener *listener,
		  void *ctx, struct err *e);

#endif
