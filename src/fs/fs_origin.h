/* fs_origin: what the guest sees of an overlay's files that their own layer does not say: a copy in
 * the upper layer has the inode number that the file had in the lower one, since programs that
 * compare it (git, tar, make) would see another file; and names of a file with several of them may
 * be covered, or in the lower layer still when it was copied. */
#ifndef CCVM_FS_FS_ORIGIN_H
#define CCVM_FS_FS_ORIGIN_H

#include <stdint.h>

#include "fs/fs_node.h"

struct fs_origin {
	struct fs_identity file; /* inode 0: none */
	uint64_t shown;		 /* the inode number that the guest sees */
	int32_t more;		 /* names that it has for the guest, beside those of its layer */
};

struct fs_origins;

struct fs_origins *fs_origins_new(void);
void fs_origins_free(struct fs_origins *t); /* NULL is fine */
/* Adds or replaces. */
void fs_origins_set(struct fs_origins *t, struct fs_origin origin);
/* NULL: nothing to say. Valid until one is set. */
const struct fs_origin *fs_origins_get(const struct fs_origins *t, const struct fs_identity *file);

#endif
