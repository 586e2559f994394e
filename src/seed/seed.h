/* seed: fills the directory that a session's guest reads once at boot.
 *
 * Only what is listed is ever staged; the host login is kept out because nothing stages it. Keys
 * are not written here (src/ssh). The names are in proto/names.h. */
#ifndef CCVM_SEED_SEED_H
#define CCVM_SEED_SEED_H

#include "base/err.h"
#include "seed/seed_spec.h"

/* Writes every part into the empty directory seed_dirfd. A shared item that cannot be staged is a
 * note, not an error; -1 only when the seed directory itself cannot be written or the spec is
 * unusable. note may be NULL. */
int seed_write(const struct seed_spec *s, int seed_dirfd, seed_note_fn *note, void *ctx,
	       struct err *e);

/* Finishes the seed: rewrites the clock file, then the pack of all the seed's files. Call it right
 * before the guest goes on. */
int seed_seal(int seed_dirfd, struct err *e);

#endif
