/* logtail: keeps the end of a log in memory, and its bounded beginning in a file of the run
 * directory.
 *
 * The bytes come from the guest or from QEMU: a chatty one fills neither the disk nor the memory. */
#ifndef CCVM_SESSION_LOGTAIL_H
#define CCVM_SESSION_LOGTAIL_H

#include <stddef.h>

#include "base/buf.h"

#define LOGTAIL_FILE_MAX   (1 << 20)
#define LOGTAIL_MEMORY_MAX 16384

struct logtail {
	int fd; /* owned; -1: memory only */
	size_t written;
	struct buf tail;
};

/* dirfd/name is made anew; a failure to make it leaves memory only. */
void logtail_init(struct logtail *t, int dirfd, const char *name);
void logtail_fini(struct logtail *t);
void logtail_add(struct logtail *t, const void *bytes, size_t n);

/* Appends the last lines, each escaped and ended by a newline. */
void logtail_last_lines(const struct logtail *t, size_t lines, struct buf *out);

#endif
