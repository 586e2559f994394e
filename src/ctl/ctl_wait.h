/* ctl_wait: waits for a state of a session or its agent. */
#ifndef CCVM_CTL_WAIT_H
#define CCVM_CTL_WAIT_H

#include <stdint.h>

#include "base/err.h"
#include "client/link.h"
#include "ctl/ctl_session.h"

#define CTL_WAIT_FOR_EVER -1

/* Until `wanted` is reached: a state that has been there since before since_ms (wall clock) does not
 * count. seconds: CTL_WAIT_FOR_EVER for no limit. */
int ctl_wait_until(struct link *k, const struct ctl_session *s, const char *wanted,
		   int64_t since_ms, int64_t seconds, struct err *e);

/* Until the agent has done what was just sent over k, which was opened before: it worked, and is
 * idle or asks something; or it has not begun to work within a while, since there was nothing to
 * do. Returns the agent's state, static; NULL: error. */
const char *ctl_wait_done(struct link *k, const struct ctl_session *s, int64_t seconds,
			  struct err *e);

struct ctl_args;

/* --timeout of a command. */
int ctl_wait_seconds(const struct ctl_args *a, int64_t *seconds, struct err *e);

#endif
