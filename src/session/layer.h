/* layer: where the edits of an overlay session are until it ends: in the run directory, which is
 * memory, or in the directory that the option overlay.dir names.
 *
 * The directory has `tree` and `work` for ccvm-fs, which empties it when its guest is gone; what
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
	char name[sizeof("ccvm-") + RUNDIR_ID_SIZE];
};

void layer_init(struct layer *l);
/* outer_fd: overlay.dir, judged already and taken over, or -1. */
int layer_make(struct layer *l, const struct rundir *run, int outer_fd, struct err *e);
bool layer_is_made(const struct layer *l);
/* The directories in it, for a ccvm-fs that starts. */
int layer_prepare(const struct layer *l, struct err *e);
/* Removes it and what is in it, then closes all. Safe to call twice. */
void layer_remove(struct layer *l);

#endif
