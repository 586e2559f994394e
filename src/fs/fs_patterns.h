/* fs_patterns: entries of an exported directory that an option names. Pure.
 *
 * A pattern with a slash is a path from the directory; one without stands for every entry of that
 * name. `*`, `?` and `[...]` match within a name (glob(7)). */
#ifndef CCVM_FS_FS_PATTERNS_H
#define CCVM_FS_FS_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

struct fs_patterns;

struct fs_patterns *fs_patterns_new(void);
void fs_patterns_free(struct fs_patterns *p); /* NULL is fine */

/* False: it names no entry ("", "/", with ".."). */
bool fs_patterns_add(struct fs_patterns *p, const char *text);
/* A path in which no character is special. */
bool fs_patterns_add_path(struct fs_patterns *p, const char *path);
bool fs_patterns_are_none(const struct fs_patterns *p);

/* Of the path with these n names: nothing, the way to an entry that is named, or that entry or what
 * lies in it. */
enum fs_patterns_match { FS_PATTERNS_OUTSIDE, FS_PATTERNS_ABOVE, FS_PATTERNS_WITHIN };
enum fs_patterns_match fs_patterns_match(const struct fs_patterns *p, const char *const *name,
					 size_t n);

#endif
