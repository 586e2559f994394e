/* fs_message: one FUSE request from a guest's kernel, read with bounds (linux/fuse.h, fuse(4)).
 *
 * A pure function of hostile bytes: whoever is root in the guest writes what he likes. What
 * comes out is safe to use: every fixed part is there in full, every name ends with NUL and
 * names one entry of a directory, sizes agree with what arrived. Node and handle numbers are
 * only numbers, looked up later. */
#ifndef CCVM_FS_FS_MESSAGE_H
#define CCVM_FS_FS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <linux/fuse.h>

#define FS_MESSAGE_DATA_MAX (256 * 1024)		 /* of a read or a write */
#define FS_MESSAGE_MAX	    (FS_MESSAGE_DATA_MAX + 8192) /* a whole request */

struct fs_message {
	struct fuse_in_header head;
	union { /* as opcode says; zero where the guest's kernel sent a shorter form */
		struct fuse_init_in init;
		struct fuse_forget_in forget;
		struct fuse_batch_forget_in batch_forget;
		struct fuse_getattr_in getattr;
		struct fuse_setattr_in setattr;
		struct fuse_mknod_in mknod;
		struct fuse_mkdir_in mkdir;
		struct fuse_rename2_in rename; /* of FUSE_RENAME, too */
		struct fuse_link_in link;
		struct fuse_open_in open;
		struct fuse_create_in create;
		struct fuse_read_in read;
		struct fuse_write_in write;
		struct fuse_release_in release;
		struct fuse_flush_in flush;
		struct fuse_fsync_in fsync;
		struct fuse_setxattr_in setxattr;
		struct fuse_getxattr_in getxattr;
		struct fuse_lk_in lk;
		struct fuse_interrupt_in interrupt;
		struct fuse_fallocate_in fallocate;
		struct fuse_lseek_in lseek;
		struct fuse_copy_file_range_in copy;
		struct fuse_notify_retrieve_in retrieved;
	} in;
	const char *name;  /* borrowed from the bytes, as all below; NULL: the operation has none */
	const char *name2; /* of FUSE_RENAME: the new one; of FUSE_SYMLINK: what the link says */
	const void *data;
	size_t ndata; /* of data: bytes; of FUSE_BATCH_FORGET: entries */
};

enum fs_message_result {
	FS_MESSAGE_OK,
	FS_MESSAGE_UNKNOWN, /* an operation that is not served; head is set */
	FS_MESSAGE_INVALID, /* malformed; head is set */
	FS_MESSAGE_LONG,    /* a name is longer than any directory takes; head is set */
	FS_MESSAGE_BROKEN,  /* no request at all: n is not what its header says */
};

/* The length of the request that begins with these n bytes: 0, more are needed to tell; -1, none
 * can begin so. */
long fs_message_length(const void *bytes, size_t n);

/* Reads one whole request of n bytes. */
enum fs_message_result fs_message_read(struct fs_message *m, const void *bytes, size_t n);

/* The operation's name for logs and statistics; never NULL. */
const char *fs_message_name(uint32_t opcode);

#endif
