/* lane: stages that take long and that no other stage needs run in a process of their own, beside
 * the rest of the boot and the host's connecting; only the agent waits for them. */
#ifndef CCVM_GUEST_LANE_H
#define CCVM_GUEST_LANE_H

#include <stddef.h>
#include <sys/types.h>

#include "init/stage.h"

struct lane {
	unsigned seconds; /* of patience: then the process is ended */
	/* fail-open rows only: a row that may stop the boot has no place here */
	const struct stage *table;
	size_t n;
};

/* Creates and locks the file: the agent waits until every process has closed the fd. Programs do
 * not inherit it. -1: errno. */
int lane_lock(const char *path);

/* Runs the rows in a new process, which has all fds of this one until it ends, and returns its pid.
 * What they change in b is lost; of their outcome there is only what the listener, which must do no
 * more than write, says. 0: fork failed, and the rows have run before this returned. */
pid_t lane_start(const struct lane *l, struct boot *b, stage_listener *listener, void *ctx);

#endif
