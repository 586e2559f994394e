/* fs_switch: locks by which programs say that they have mapped a file, for as long as they
 * have.
 *
 * SQLite in WAL mode and LMDB keep what their processes share in a mapped file. What the guest
 * has mapped and what the host has mapped are not the same memory, so such a file may be used
 * from one side at a time: the lock, which each process takes for reading, is held for writing
 * on the host while any process of the guest has it. The other side finds it taken.
 *
 * Programs that come to SQLite's would try for ten seconds, and then speak of a protocol. So
 * its gate is shut meanwhile, a byte of the database that everybody locks on the way in: they
 * hear at once that it is busy. */
#ifndef CCVM_FS_FS_SWITCH_H
#define CCVM_FS_FS_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/fs_handle.h"

/* The file that a lock of the gate belongs to: NAME-shm for NAME. */
#define FS_SWITCH_GATE 0x40000000
#define FS_SWITCH_SHM  "-shm"
/* Other files of the directory that a lock of this one protects, too: the i-th, from 0; false:
 * there are no more. mapped: the lock was a switch. */
#define FS_SWITCH_NAME 512
bool fs_switch_companion(const char *name, bool mapped, size_t i, char companion[FS_SWITCH_NAME]);

struct fs_switches;

/* process_fds: as fs_tree_new's. */
struct fs_switches *fs_switches_new(int process_fds);
void fs_switches_free(struct fs_switches *t);

/* The bytes from start to end of a file of this name are such a lock, or the gate of one that
 * the guest holds. */
bool fs_switches_are(const struct fs_switches *t, uint32_t node, const char *name, uint64_t start,
		     uint64_t end);
/* While the guest holds the lock of the node, others find the gate of the file database shut;
 * fd, which may write, is taken over. */
void fs_switches_shut(struct fs_switches *t, uint32_t node, uint32_t database, int fd);
/* Somebody on the host holds the lock of the file that is open at fd. */
bool fs_switches_is_abroad(const struct fs_switches *t, uint32_t node, int fd);

/* A process of the guest takes, changes or gives back (F_UNLCK) its lock at byte; 0, EAGAIN
 * when somebody has it, or another errno. *first: nobody in the guest had it before; may be
 * NULL. */
int fs_switches_set(struct fs_switches *t, const struct fs_handle *h, uint64_t owner, int64_t byte,
		    int type, bool *first);
/* The type of the lock that is in the way of such a lock; F_UNLCK: none. 0 or an errno. */
int fs_switches_get(struct fs_switches *t, const struct fs_handle *h, uint64_t owner, int64_t byte,
		    int *type);

/* The owner's lock is in the range that it gives back, or all of them are. */
void fs_switches_release(struct fs_switches *t, uint32_t node, uint64_t owner, uint64_t start,
			 uint64_t end);
/* As fs_locks_drop_owner and fs_locks_drop_handle; true: something was given back. */
bool fs_switches_drop_owner(struct fs_switches *t, uint32_t node, uint64_t owner);
bool fs_switches_drop_handle(struct fs_switches *t, const struct fs_handle *h);

#endif
