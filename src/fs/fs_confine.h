/* fs_confine: what ccvm-fs gives up before it reads the first byte of a guest's. */
#ifndef CCVM_FS_FS_CONFINE_H
#define CCVM_FS_FS_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct fs_confine_export {
	int fd;
	bool writable;
	int layer; /* of an overlay: the directory of its upper layer; else -1 */
};

/* Keeps the nkept descriptors and the exports; everything else is closed. After it, *most_open descriptors may be
 * opened, which is lowered to what the limits of the user allow. */
int fs_confine_self(const int *kept, size_t nkept, const struct fs_confine_export *exports,
		    size_t n, size_t *most_open, struct err *e);

#endif
