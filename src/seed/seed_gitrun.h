/* seed_gitrun: runs git to read the user's configuration. Not for use outside src/seed. */
#ifndef CCVM_SEED_SEED_GITRUN_H
#define CCVM_SEED_SEED_GITRUN_H

#include "base/buf.h"
#include "base/err.h"
#include "seed/seed_spec.h"

/* Appends what `git -C dir config --list -z --includes --show-scope` prints, dir being the
 * directory behind dirfd. -1 when git is missing, fails, or takes longer than a few seconds: dir's
 * own configuration is read too, and its author can make it a FIFO. */
int seed_gitrun_list(const struct seed_spec *s, int dirfd, struct buf *out, struct err *e);

#endif
