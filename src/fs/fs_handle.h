/* fs_handle: the files that the guest holds open. */
#ifndef CCVM_FS_FS_HANDLE_H
#define CCVM_FS_FS_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs_handle {
	int fd;	       /* owned */
	uint32_t node; /* which it refers to */
	uint32_t generation;
	uint32_t next; /* of a free one */
	int access;    /* O_RDONLY, O_WRONLY, O_RDWR */
	bool revoked;  /* not to be written by any more */
};

struct fs_handles;

struct fs_handles *fs_handles_new(size_t most);
void fs_handles_free(struct fs_handles *t); /* closes their fds; NULL is fine */

/* The handle's number, with fd taken over; 0 when there are as many as may be (fd stays the
 * caller's). */
uint64_t fs_handles_add(struct fs_handles *t, int fd, uint32_t node, int access);
/* NULL: none of this number, or of another node. Valid until one is added. */
struct fs_handle *fs_handles_get(struct fs_handles *t, uint64_t number, uint64_t node);
/* The node's first (after NULL) or next one, or NULL; looks at all. */
struct fs_handle *fs_handles_next(struct fs_handles *t, uint32_t node,
				  const struct fs_handle *after);
/* Those of the node that may write may not any more. */
void fs_handles_revoke(struct fs_handles *t, uint32_t node);
/* Closes its fd. */
void fs_handles_drop(struct fs_handles *t, struct fs_handle *h);

#endif
