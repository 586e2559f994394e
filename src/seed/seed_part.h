/* seed_part: shared by the writers of the seed's parts. Not for use outside src/seed. */
#ifndef CCVM_SEED_SEED_PART_H
#define CCVM_SEED_SEED_PART_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"
#include "seed/seed_spec.h"

struct seed_run {
	const struct seed_spec *spec;
	int dirfd; /* borrowed: the seed directory */
	seed_note_fn *note;
	void *note_ctx;
};

/* Notes one line for the user; makes bytes of file names printable. */
void seed_note(const struct seed_run *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Appends the JSON text without credentials (seed_json.h) and says what was left out; `shown` is
 * the file's name in notes. False, with a note, when it is not valid JSON. */
bool seed_clean_json(const struct seed_run *r, const struct buf *text, const char *workspace,
		     const char *shown, struct buf *clean);

/* Writers. Each writes its part or leaves it out; -1 only when the seed cannot be written. */
/* workdir, mode, shell, ids, args, markers */
int seed_write_basic(const struct seed_run *r, struct err *e);
int seed_write_egress(const struct seed_run *r, struct err *e);	       /* egress-* */
int seed_write_claude_config(const struct seed_run *r, struct err *e); /* claude-config/ */
int seed_write_claude_json(const struct seed_run *r, struct err *e);   /* claude-json */
int seed_write_git(const struct seed_run *r, struct err *e);	       /* gitconfig, gitignore */
int seed_write_context(const struct seed_run *r, struct err *e);       /* claude-md */

#define SEED_FILE_MODE 0600

#endif
