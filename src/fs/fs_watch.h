/* fs_watch: changes that the host makes in directories of which the guest knows entries
 * (inotify(7)).
 *
 * What is watched may be believed for long; the rest expires soon. */
#ifndef CCVM_FS_FS_WATCH_H
#define CCVM_FS_FS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct fs_watch;

enum fs_watch_change {
	FS_WATCH_NAME,	   /* an entry came, or is another file now */
	FS_WATCH_GONE,	   /* an entry went */
	FS_WATCH_MOVED,	   /* an entry went, and may be another one now */
	FS_WATCH_CONTENTS, /* of the entry's file, or its attributes */
	FS_WATCH_LOST,	   /* events were lost: anything may have changed; no directory, no name */
};

/* Called from fs_watch_read. directory: the number that fs_watch_add was given. is_directory:
 * what the event is of. */
typedef void fs_watch_on_change(void *ctx, uint32_t directory, const char *name,
				enum fs_watch_change change, bool is_directory);

/* most: directories to watch; fewer when the user's limit says so. NULL with e. */
struct fs_watch *fs_watch_new(size_t most, struct err *e);
void fs_watch_free(struct fs_watch *w); /* NULL is fine */
int fs_watch_fd(const struct fs_watch *w);

/* Watches the directory that is open at fd; the descriptor of the watch, or -1: it cannot be
 * watched. */
int fs_watch_add(struct fs_watch *w, int fd, uint32_t directory);
void fs_watch_remove(struct fs_watch *w, int descriptor);

/* The entry went because we removed it: that event is not told. Some hundreds may be expected
 * at once. */
void fs_watch_expect_gone(struct fs_watch *w, uint32_t directory, const char *name);

/* All that is there. */
void fs_watch_read(struct fs_watch *w, fs_watch_on_change *on_change, void *ctx);

#endif
