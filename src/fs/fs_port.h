/* fs_port: carries requests and answers between a socket (QEMU's end of a virtio-serial port)
 * and a server. */
#ifndef CCVM_FS_FS_PORT_H
#define CCVM_FS_FS_PORT_H

#include "base/err.h"
#include "fs/fs_journal.h"
#include "fs/fs_policy.h"
#include "fs/fs_tree.h"

struct fs_port_journal {
	struct fs_journal *journal; /* NULL: none */
	uint32_t exports;	    /* fs_serve_set_journal */
};

/* Serves until the other end closes. watch: of the tree, or NULL. policy: may be NULL. fd becomes non-blocking. 0; -1: the other end does not
 * speak FUSE, or the socket failed. */
int fs_port_run(int fd, struct fs_tree *tree, struct fs_watch *watch, struct fs_policy *policy,
		const struct fs_port_journal *journal, size_t most_open, struct err *e);

#endif
