/* guest: what the guest says on ccvm.ctl, read with bounds, and what it is told.
 *
 * The guest may be hostile: lines are at most JSON_LINE_MAX bytes, unknown kinds and fields are ignored, texts are
 * cut and escaped before anyone shows them, and no line can do more than its row in the table says. */
#ifndef CCVM_SESSION_GUEST_H
#define CCVM_SESSION_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

#define GUEST_TEXT_MAX 512

enum guest_kind {
	GUEST_UNKNOWN,
	GUEST_PARKED,
	GUEST_STAGE,      /* stage done */
	GUEST_NOTE,       /* a fail-open stage failed: stage, reason */
	GUEST_FAILED,     /* a fail-closed stage failed: stage, reason */
	GUEST_READY,
	GUEST_REPORT,
	GUEST_SSHD_ENDED,
	GUEST_STOPPED,
	GUEST_HOOK,	  /* claude reports what it does: hook */
	GUEST_DENIED,     /* the guest's own firewall refused packets: address, proto, port, count */
	GUEST_POOL,       /* pool figures */
	GUEST_OOM,        /* the guest ran out of memory: process, pid, count in KiB */
};

struct guest_message {
	enum guest_kind kind;
	char stage[64];              /* escaped; may be empty */
	char reason[GUEST_TEXT_MAX]; /* escaped; may be empty */
	int64_t ms;                  /* since the guest's boot, 0 when not given */
	char process[32]; /* escaped; GUEST_OOM */
	int64_t pid;
	char address[48], proto[8];  /* escaped; GUEST_DENIED */
	char hook[16];		     /* escaped; GUEST_HOOK */
	int64_t port, count;	     /* GUEST_DENIED; count: GUEST_OOM as well */
	int64_t pool_total_kib, pool_used_kib; /* GUEST_POOL; 0 when absurd */
	int64_t memory_total_kib, memory_used_kib, load_milli; /* GUEST_REPORT; 0 when absurd */
};

/* One line. Pure. Anything that is not a known message is GUEST_UNKNOWN. */
void guest_parse(const char *line, size_t n, struct guest_message *m);

#endif
