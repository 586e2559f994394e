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

/* A waiting request for a lock of the node has its answer: 0 or an errno, or one of the results
 * below. */
typedef void fs_locks_on_turn(void *ctx, uint32_t node, uint64_t unique, int code);

/* process_fds: as fs_tree_new's. */
struct fs_locks *fs_locks_new(int process_fds, fs_locks_on_turn *on_turn, void *ctx);
void fs_locks_free(struct fs_locks *t);

/* The next three return 0 or an errno; FS_LOCK_WAITS when on_turn will be called; for what was
 * locked and may have been changed by somebody else before, FS_LOCK_TAKEN, or FS_LOCK_MAPPED:
 * it may have been changed through a mapping (fs_switch.h). name: of the file. */
#define FS_LOCK_WAITS  (-1)
#define FS_LOCK_TAKEN  (-2)
#define FS_LOCK_MAPPED (-3)
int fs_locks_set(struct fs_locks *t, const struct fs_handle *h, const char *name,
		 const struct fuse_lk_in *lk, bool wait, uint64_t unique);
int fs_locks_flock(struct fs_locks *t, const struct fs_handle *h, const struct fuse_lk_in *lk,
		   bool wait, uint64_t unique);
/* out: the lock in the way, or F_UNLCK. */
int fs_locks_get(struct fs_locks *t, const struct fs_handle *h, const char *name,
		 const struct fuse_lk_in *lk, struct fuse_file_lock *out);

/* While the guest has mapped the file of a node (FS_LOCK_MAPPED): others find its database, the
 * file of that node and fd, busy. fd is taken over. */
void fs_locks_shut(struct fs_locks *t, uint32_t node, uint32_t database, int fd);
/* Whether somebody on the host has mapped the file of the node, which is open at fd. */
bool fs_locks_is_mapped_abroad(const struct fs_locks *t, uint32_t node, int fd);

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
