/* layer: where the edits of an overlay session, or the journal of what a guest changed, are until it
 * ends: in the run directory, which is memory, or in the directory that the option overlay.dir
 * names.
 *
 * An overlay's directory has `tree` and `work` for ccvm-fs, which empties it when its guest is gone; what
 * it could not remove is removed here, or by a later session once this one holds no lock
 * (flock(2)) on it any more. */
#ifndef CCVM_SESSION_LAYER_H
#define CCVM_SESSION_LAYER_H

#include <stdbool.h>

#include "base/err.h"
#include "proto/rundir.h"

struct layer {
	int fd;	      /* owned; -1: none */
	int outer_fd; /* owned; of overlay.dir; -1: the run directory */
	char name[sizeof("ccvm--overlay") + RUNDIR_ID_SIZE];
};

void layer_init(struct layer *l);
/* what: RUNDIR_OVERLAY or RUNDIR_UNDO. outer_fd: overlay.dir, judged already and taken over, or
 * -1. */
int layer_make(struct layer *l, const struct rundir *run, const char *what, int outer_fd,
	       struct err *e);
bool layer_is_made(const struct layer *l);
/* The directories in an overlay's, for a ccvm-fs that starts. */
int layer_prepare(const struct layer *l, struct err *e);
/* Removes it and what is in it, then closes all. Safe to call twice. */
void layer_remove(struct layer *l);

#endif
