/* home: populates the agent's home from the seed, as root, before the agent exists. */
#ifndef CCVM_GUEST_HOME_H
#define CCVM_GUEST_HOME_H

#include <sys/types.h>

#include "base/err.h"

/* Fills `home` (an existing directory) from the seed's files in seed_dir: ~/.claude.json, the git
 * configuration, and the context text, which is appended to CLAUDE.md; and with the shared items of
 * ~/.claude, a folder in share_dir. Everything becomes the agent's, and writable. Existing files in
 * the home stay as they are. No symlink is followed, neither in the seed nor in the home. Fail
 * open: every part is tried; -1 with the first error when one failed. */
int home_populate(const char *seed_dir, const char *share_dir, const char *home, uid_t uid,
		  gid_t gid, struct err *e);

#endif
