/* confine: what ccvm-session may still reach once all is ready for the agent. */
#ifndef CCVM_SESSION_CONFINE_H
#define CCVM_SESSION_CONFINE_H

#include "base/err.h"
#include "proto/rundir.h"

/* Directories that it may also empty and remove, as run and its base; -1: none. */
struct confine_also {
	int fd, undo_fd, outer_fd;
};

/* For the rest of this process's life (confine.c has the list). Before it, everything that is to
 * be open or started must be. Messages on stderr go to RUNDIR_LOG from here on. Where the kernel
 * has no usable Landlock, files stay in reach. */
int confine_session(const struct rundir *run, const struct confine_also *also, struct err *e);

#endif
