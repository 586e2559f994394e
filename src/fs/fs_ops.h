/* fs_ops: what an operation sees of the server, and the operations by family. Each returns 0, an
 * errno, or FS_OPS_NO_ANSWER; what it answers goes to the reply. The rows of fs_serve.c name
 * them. */
#ifndef CCVM_FS_FS_OPS_H
#define CCVM_FS_FS_OPS_H

#include <stddef.h>

#include "fs/fs_handle.h"
#include "fs/fs_list.h"
#include "fs/fs_listing.h"
#include "fs/fs_lock.h"
#include "fs/fs_message.h"
#include "fs/fs_tree.h"

#define FS_OPS_NO_ANSWER (-1)
#define FS_OPS_NEVER	 (-2) /* ENOSYS: the kernel does without, for good */

struct fs_policy;
struct fs_journal;

struct fs_ops {
	struct fs_tree *tree;
	struct fs_nodes *nodes; /* the tree's */
	struct fs_handles *handles;
	struct fs_locks *locks;
	struct fs_listings *listings;
	struct fs_lists *lists;
	struct fs_policy *policy;   /* borrowed; NULL: none */
	struct fs_journal *journal; /* borrowed; NULL: none */
	uint32_t journaled;	    /* by number of the export: bits */
	void *server;
};

struct fs_reply {
	unsigned char *bytes; /* FS_MESSAGE_DATA_MAX of room */
	size_t n;
	uint64_t stale; /* a node of whose contents the guest has cached what is wrong; 0: none */
};
/* Appends a struct; there is room for any. */
void fs_reply_add(struct fs_reply *r, const void *bytes, size_t n);

typedef int fs_op(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r);

/* fs_names.c: entries of directories */
fs_op fs_names_lookup, fs_names_forget, fs_names_batch_forget, fs_names_readlink, fs_names_symlink,
	fs_names_mknod, fs_names_mkdir, fs_names_unlink, fs_names_rmdir, fs_names_rename,
	fs_names_link, fs_names_create, fs_names_tmpfile;
/* fs_files.c: contents and attributes */
fs_op fs_files_getattr, fs_files_setattr, fs_files_open, fs_files_read, fs_files_write,
	fs_files_release, fs_files_flush, fs_files_fsync, fs_files_fallocate, fs_files_lseek,
	fs_files_copy, fs_files_statfs;
/* fs_xattrs.c: extended attributes of users */
fs_op fs_xattrs_set, fs_xattrs_get, fs_xattrs_list, fs_xattrs_remove;
/* fs_dirs.c: lists of entries */
fs_op fs_dirs_open, fs_dirs_read, fs_dirs_read_plus, fs_dirs_fsync;

/* As fs_tree_find, and what is open is found without its name: the host may have taken it away,
 * or the way to it may be closed by now. */
int fs_files_find(struct fs_ops *o, const struct fs_node *n, struct fs_place *p, struct fs_attr *a);
/* Adds a handle of the node, for CREATE and OPEN. fd is taken over, also on failure. */
int fs_files_add_handle(struct fs_ops *o, uint32_t node, int fd, unsigned flags,
			struct fuse_open_out *out);

#endif
