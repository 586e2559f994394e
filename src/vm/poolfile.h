/* poolfile: the file behind a session's encrypted disk, on the host's disk and without a name.
 *
 * Its content is a guest's ciphertext. It lies in $XDG_CACHE_HOME/ccvm, or the directory that
 * CCVM_SCRATCH_DIR names. */
#ifndef CCVM_VM_POOLFILE_H
#define CCVM_VM_POOLFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/hostenv.h"

struct poolfile {
	/* owned; read and write: QEMU's. -1 once it was handed over, or when there is none */
	int fd;
	/* owned; O_PATH, of the same file: its size on disk can be asked, its content not */
	int watch;
	int dir;      /* owned; of its directory: how much is free there */
	int64_t size; /* bytes */
};

void poolfile_init(struct poolfile *p);
void poolfile_fini(struct poolfile *p);

/* Makes a sparse file of this size, after what killed sessions left was removed. Error (exit code
 * 126, with a remedy): the directory is not absolute, cannot be used, or lies in memory, unless
 * CCVM_SCRATCH_ALLOW_TMPFS=1. */
int poolfile_open(struct poolfile *p, const struct hostenv *host, int64_t size, struct err *e);

/* Removes files that sessions left which were killed between making and unlinking theirs; how
 * many. */
int poolfile_clean(int dirfd);

/* Bytes the file takes up now, and bytes it may grow to before its file system is full but for a
 * reserve; -1: unknown. */
int64_t poolfile_allocated(const struct poolfile *p);
int64_t poolfile_limit(const struct poolfile *p);

#endif
