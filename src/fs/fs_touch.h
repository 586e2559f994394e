/* fs_touch: changes of the host's, made known to those who watch files in the guest
 * (proto/fstouch.h).
 *
 * The process that asks is believed whoever it is: what it gets is answers as if, which concern
 * its own kernel's view alone. Nothing that it asks for is done. */
#ifndef CCVM_FS_FS_TOUCH_H
#define CCVM_FS_FS_TOUCH_H

#include <stdbool.h>

#include "fs/fs_ops.h"
#include "proto/fstouch.h"

struct fs_touch {
	uint32_t pid;	   /* of the process; 0: there is none */
	const char *stage; /* the name that it looked up last */
	uint64_t made_up;  /* entries that were shown to it, so that it can remove them */
};

/* True: the request is the process's, and was answered with *code. */
bool fs_touch_answer(struct fs_touch *t, struct fs_ops *o, const struct fs_message *m,
		     struct fs_reply *r, int *code);

/* The notice's contents, in bytes, of FSTOUCH_MAX; 0: nothing to be told. is_directory: of what
 * went. */
size_t fs_touch_tell(const struct fs_touch *t, struct fs_ops *o, uint32_t directory,
		     const char *name, enum fstouch_kind kind, bool is_directory, void *bytes);

#endif
