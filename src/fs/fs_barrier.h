/* fs_barrier: answers that wait until the guest's kernel has done what notices before them
 * asked for.
 *
 * The kernel is asked for none of a file's bytes (FUSE_NOTIFY_RETRIEVE); notices are handled in
 * order, so when its reply comes those before it were. */
#ifndef CCVM_FS_FS_BARRIER_H
#define CCVM_FS_FS_BARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs_barriers;

struct fs_barriers_callbacks {
	void (*on_send)(void *ctx, const void *bytes, size_t n);
	void (*on_pass)(void *ctx, uint64_t unique); /* that request may be answered */
	void *ctx;
};

struct fs_barriers *fs_barriers_new(const struct fs_barriers_callbacks *callbacks);
void fs_barriers_free(struct fs_barriers *t);

/* node: one that the guest has open. False: as many wait as may; nothing was asked. */
bool fs_barriers_add(struct fs_barriers *t, uint64_t node, uint64_t unique);
/* A reply came (FUSE_NOTIFY_REPLY); forged ones are ignored. */
void fs_barriers_reply(struct fs_barriers *t, uint64_t cookie);
bool fs_barriers_are_pending(const struct fs_barriers *t);
/* From time to time: a notice that was lost is sent again. */
void fs_barriers_tick(struct fs_barriers *t);

#endif
