/* pool: what a session knows of its encrypted disk. The functions are in state.h. */
#ifndef CCVM_SESSION_POOL_H
#define CCVM_SESSION_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "vm/guest.h"
#include "vm/poolfile.h"

#define POOL_MARKS 2

enum pool_state {
	POOL_NONE,     /* memory only */
	POOL_STARTING, /* the guest has not said yet */
	POOL_ON,
	POOL_FAILED,   /* memory only, for the reason given */
};

struct pool {
	enum pool_state state;
	char reason[GUEST_TEXT_MAX]; /* escaped */
	struct poolfile file;	     /* of this attempt */
	int64_t told_limit;	     /* bytes; -1: nothing yet */
	int64_t total_kib, used_kib; /* as the guest says */
	bool passed[POOL_MARKS];
	bool host_low;
	uv_timer_t retry; /* while the guest stands still */
};

#endif
