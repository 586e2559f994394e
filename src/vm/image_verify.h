/* image_verify: whether an image is the one that its manifest describes, and nobody else's to change. */
#ifndef CCVM_VM_IMAGE_VERIFY_H
#define CCVM_VM_IMAGE_VERIFY_H

#include "vm/image.h"

/* Compares the files with the SHA-256 of the manifest when they are first used after the computer's start, or have changed since
 * (vm/checked.h; the notes are in the user's cache). Refuses, with a remedy, what does not match, and an image that others than this user
 * and root can change; one that belongs to another user is allowed, and *note (static, or NULL) says so. */
int image_verify(const struct image *img, const struct hostenv *host, const char **note, struct err *e);

#endif
