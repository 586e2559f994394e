/* trustpath: opens the file behind a path that lies in, or passes through, a directory that a guest
 * can write.
 *
 * 1. The attack: the user names a file in a project (CCVM_EVENTS=events.jsonl). The agent of one
 *    session replaces it, or a directory on the way, by a link to ~/.bashrc or ~/.ssh/id_ed25519; a
 *    program of the host opens the same path for the next session, and writes there what the guest
 *    says, or gives the guest what it reads.
 * 2. Names are taken one at a time, each below the directory opened before it, so that exchanging a
 *    directory meanwhile has no effect.
 * 3. A link is followed only when it belongs to root, such as /home or /var/run on some systems: a
 *    guest's files on the host belong to the user. Links of the kernel's (/proc/PID/fd) belong to
 *    the user too, and are not followed.
 * 4. What is at the end is a regular file with one name that belongs to this user; for reading also
 *    root's. A second name would be a hard link that somebody else may have made. */
#ifndef CCVM_BASE_TRUSTPATH_H
#define CCVM_BASE_TRUSTPATH_H

#include <sys/types.h>

#include "base/err.h"

/* Opens the directory that path (absolute, or relative to the working directory) is an entry of,
 * with O_PATH; *name (may be NULL) becomes the entry's name, a part of path. -1 with an error that
 * says which name is a link. */
int trustpath_open_parent(const char *path, const char **name, struct err *e);

/* Opens the file in the directory behind dirfd. flags as for open(2), of O_RDONLY, O_WRONLY,
 * O_RDWR, O_CREAT, O_EXCL, O_APPEND; close-on-exec, and never waits. `shown` stands in the
 * error. */
int trustpath_open_at(int dirfd, const char *name, int flags, mode_t mode, const char *shown,
		      struct err *e);

/* Both. */
int trustpath_open(const char *path, int flags, mode_t mode, struct err *e);

/* The entries of a PATH (may be NULL: the usual one) that an agent cannot put programs in: absolute
 * ones that do not lie in the working directory, where the project's .venv/bin and
 * node_modules/.bin are, and that nobody else can write to. Free it. */
char *trustpath_programs(const char *path);

#endif
