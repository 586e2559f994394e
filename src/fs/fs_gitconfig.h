/* fs_gitconfig: what a change of git's own files may bring: no key that runs a command or reads
 * another file, unless it was there before. Pure functions of hostile bytes.
 *
 * The syntax is git-config(1)'s, read as git reads it. A key passes when it is on a list of those that
 * do neither; whatever is not listed, cannot be read or is too long is refused. */
#ifndef CCVM_FS_FS_GITCONFIG_H
#define CCVM_FS_FS_GITCONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define FS_GITCONFIG_MAX     (1 << 20) /* bytes of a file */
#define FS_GITCONFIG_WHY_MAX 160

/* Bytes of a file; n is 0 where there is none. */
struct fs_gitconfig_bytes {
	const char *p;
	size_t n;
};

/* Whether `after` may take the place of `before`, as a config file. worktrees: the values that core.worktree
 * may have, up to NULL; NULL: none. why: of a refusal, printable. */
bool fs_gitconfig_may_follow(struct fs_gitconfig_bytes before, struct fs_gitconfig_bytes after,
			     const char *const *worktrees, char why[FS_GITCONFIG_WHY_MAX]);

/* As above, as info/attributes: no line that names a filter, or a driver of diff or merge. */
bool fs_gitconfig_attributes_may_follow(struct fs_gitconfig_bytes before,
					struct fs_gitconfig_bytes after,
					char why[FS_GITCONFIG_WHY_MAX]);

/* Each key in order, as git lists it ("remote.origin.url"), with its value, NULL when it has none, until visit
 * returns false. False: visit did, or git would not read the file. */
typedef bool fs_gitconfig_visit(void *ctx, const char *key, const char *value);
bool fs_gitconfig_each(struct fs_gitconfig_bytes text, fs_gitconfig_visit *visit, void *ctx);

#endif
