/* seed_gitconfig: makes the guest's git configuration from what `git config --list -z --show-scope`
 * printed. Not for use outside src/seed. */
#ifndef CCVM_SEED_SEED_GITCONFIG_H
#define CCVM_SEED_SEED_GITCONFIG_H

#include <stddef.h>

#include "base/buf.h"
#include "base/mem.h"

struct seed_gitconfig {
	struct buf text;     /* the configuration file */
	char *excludes_file; /* value of core.excludesFile, NULL when it is not set */
	struct strv notes;   /* what was left out and why; names only, never a value */
};

/* Reads records "scope NUL key [LF value] NUL" and keeps those of the scopes system and global that
 * may cross. `packages` are names of packages that the image has beside its base (tools in them are
 * kept). Malformed records are left out. out is zero before. Pure. */
void seed_gitconfig_make(const char *list, size_t n, const struct strv *packages,
			 struct seed_gitconfig *out);
void seed_gitconfig_fini(struct seed_gitconfig *g);

/* Appends one setting with git's quoting (git-config(1), "Syntax"): section header and line.
 * subsection and value may be NULL (none; a key that stands alone is true). Pure. */
void seed_gitconfig_format(struct buf *out, const char *section, const char *subsection,
			   const char *key, const char *value);

#endif
