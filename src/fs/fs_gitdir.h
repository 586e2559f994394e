/* fs_gitdir: whether a directory is one of git's, and what git on the host would run from it.
 *
 * By what lies in it, not by its name: git takes any directory with HEAD, objects and refs for a
 * repository, also as a bare one, wherever a `.git` file or the user's own place leads it. */
#ifndef CCVM_FS_FS_GITDIR_H
#define CCVM_FS_FS_GITDIR_H

#include <stdbool.h>

#include "base/buf.h"
#include "fs/fs_gitconfig.h"

enum fs_gitdir_part { /* a bit each */
		      FS_GITDIR_HEAD = 1,
		      FS_GITDIR_OBJECTS = 2,
		      FS_GITDIR_REFS = 4,
		      FS_GITDIR_COMMONDIR = 8,
		      FS_GITDIR_WORKTREES = 16,
};

/* The part of this name, or 0. */
unsigned fs_gitdir_part(const char *name);
/* Those that the directory open at fd has. */
unsigned fs_gitdir_parts(int fd);
/* Whether they make one: a repository, the common directory of linked worktrees, or one of these. */
bool fs_gitdir_is(unsigned parts);

/* The next say whether name in dirfd may be there, as far as what it brings was not there before; why: of a
 * refusal, printable. What does not exist may be. A symbolic link may not. */

/* A config file; before: that of the same name in before_fd, -1: none. worktrees: as fs_gitconfig_may_follow. */
bool fs_gitdir_config_may_be(int dirfd, const char *name, int before_fd, const char *before,
			     const char *const *worktrees, char why[FS_GITCONFIG_WHY_MAX]);
bool fs_gitdir_attributes_may_be(int dirfd, const char *name, int before_fd, const char *before,
				 char why[FS_GITCONFIG_WHY_MAX]);
/* Reads a config file, through links: for what the user had before a guest came. False: there is none that may
 * be read. */
bool fs_gitdir_read_config(int dirfd, const char *path, struct buf *text);
/* A directory with nothing but samples. */
bool fs_gitdir_hooks_may_be(int dirfd, const char *name, char why[FS_GITCONFIG_WHY_MAX]);
/* The directory `info`, with its attributes. */
bool fs_gitdir_info_may_be(int dirfd, const char *name, char why[FS_GITCONFIG_WHY_MAX]);
/* Text that leads to the directory two above. */
bool fs_gitdir_commondir_may_be(int dirfd, const char *name, char why[FS_GITCONFIG_WHY_MAX]);
#define FS_GITDIR_COMMONDIR_TEXT "../..\n" /* all of it, or without the newline */

/* Whether a file in hooks is one that git never runs. */
bool fs_gitdir_is_sample(const char *name);

/* All of the above but commondir, for the directory open at fd, as if none of it had been there before. */
bool fs_gitdir_may_be(int fd, const char *const *worktrees, char why[FS_GITCONFIG_WHY_MAX]);

/* Whether a directory holds one of linked worktrees', whose commondir leads to the directory above. Looks at some
 * thousands of entries; true when there are more. */
bool fs_gitdir_has_worktrees(int dirfd, const char *name);

#endif
