/* fs_attr: what statx(2) says of a file, as the guest's kernel wants it. */
#ifndef CCVM_FS_FS_ATTR_H
#define CCVM_FS_FS_ATTR_H

#include <stdint.h>

#include <linux/fuse.h>

#include "fs/fs_node.h"

struct fs_attr {
	struct fs_identity identity;
	struct fuse_attr attr;
	uint64_t version; /* changes when the contents do; never 0 */
};

/* Of name in dirfd, not following a link, or of dirfd itself when name is "". 0, or an errno.
 * device: of the export; inode numbers of file systems that are mounted below it are told apart. */
int fs_attr_read(struct fs_attr *a, int dirfd, const char *name, uint64_t device);

/* What a guest may make of a mode: set-user-ID and set-group-ID programs would run on the host
 * with the rights of its user. type: S_IFMT of the file. */
mode_t fs_attr_safe_mode(uint32_t type, uint32_t mode);

#endif
