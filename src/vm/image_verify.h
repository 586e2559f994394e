/* image_verify: checks that an image matches its manifest, and that others cannot change it. */
#ifndef CCVM_VM_IMAGE_VERIFY_H
#define CCVM_VM_IMAGE_VERIFY_H

#include "vm/image.h"

/* Compares the files with the SHA-256 of the manifest when they are first used after the computer's
 * start, or have changed since (vm/checked.h; the notes are in the user's cache). Refuses, with a
 * remedy, an image that does not match, or that users other than this one and root can change; one
 * that belongs to another user is allowed, and *note (static, or NULL) says so. */
int image_verify(const struct image *img, const struct hostenv *host, const char **note,
		 struct err *e);

#endif
