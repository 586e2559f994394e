/* fs_lock: locks of the guest's processes as locks of the host, so that both see each other's.
 *
 * flock(2) goes to the open file's own description. A fcntl(2) lock belongs to a process of the
 * guest, for which a description stands that is opened for it (an open file description lock,
 * fcntl_locking(2)); it conflicts with the locks of the host's processes and of other owners.
 * Whoever waits is asked again when something was unlocked here, and from time to time, since
 * the host wakes nobody who did not block. */
#ifndef CCVM_FS_FS_LOCK_H
#define CCVM_FS_FS_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/fuse.h>

#include "fs/fs_handle.h"

struct fs_locks;

/* process_fds: as fs_tree_new's. on_turn: a waiting request has its answer, 0 or an errno. */
struct fs_locks *fs_locks_new(int process_fds,
			      void (*on_turn)(void *ctx, uint64_t unique, int code), void *ctx);
void fs_locks_free(struct fs_locks *t);

/* The next three return 0 or an errno, FS_LOCK_WAITS when on_turn will be called. */
#define FS_LOCK_WAITS (-1)
int fs_locks_set(struct fs_locks *t, const struct fs_handle *h, const struct fuse_lk_in *lk,
		 bool wait, uint64_t unique);
int fs_locks_flock(struct fs_locks *t, const struct fs_handle *h, const struct fuse_lk_in *lk,
		   bool wait, uint64_t unique);
/* out: the lock in the way, or F_UNLCK. */
int fs_locks_get(struct fs_locks *t, const struct fs_handle *h, const struct fuse_lk_in *lk,
		 struct fuse_file_lock *out);

/* The owner closed the file (close(2) ends its fcntl locks). */
void fs_locks_drop_owner(struct fs_locks *t, uint32_t node, uint64_t owner);
/* The open file is gone, with its flock and with fcntl locks that were made through it. */
void fs_locks_drop_handle(struct fs_locks *t, const struct fs_handle *h);

/* A signal reached the process that waits: EINTR is its answer. False: no such request waits. */
bool fs_locks_interrupt(struct fs_locks *t, uint64_t unique);
/* Asks for all that wait. */
void fs_locks_retry(struct fs_locks *t);
bool fs_locks_are_awaited(const struct fs_locks *t);

#endif
