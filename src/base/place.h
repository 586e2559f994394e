/* place: directories and files by identity (device and inode), not by name.
 *
 * A name can change its target between two lookups: an agent that works in a parent directory may
 * replace any name below by a link. A file that is opened once, and then checked, confined and
 * exported by that fd, cannot be exchanged. */
#ifndef CCVM_BASE_PLACE_H
#define CCVM_BASE_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct place {
	dev_t dev;
	ino_t ino;
};

/* False with errno: fd is not open. */
bool place_of(int fd, struct place *out);
bool place_equal(struct place a, struct place b);

/* Where an open fd is now, as the kernel says (proc(5), /proc/PID/fd). NULL with an error when it
 * has no name any more, or when that name leads to another file by now. Free it. */
char *place_path(int fd, struct err *e);

/* Whether the directory behind dirfd (O_PATH will do) is `outer` or lies below it, by way of "..".
 * If this cannot be determined (a parent that may not be entered), the answer is yes: callers
 * refuse that. */
bool place_is_within(int dirfd, struct place outer);

/* Opens path with O_PATH (links are followed), or, when it does not exist, the deepest directory on
 * its way that does; then *exists is false. -1 with errno only when not even "/" can be opened. */
int place_open_deepest(const char *path, bool *exists);

#endif
