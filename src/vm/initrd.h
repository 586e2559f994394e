/* initrd: the initramfs of one start: the image's kernel modules followed by ccvm's own guest
 * programs.
 *
 * The kernel unpacks cpio archives one after the other, so joining them is all it takes, and a
 * guest always runs the programs of the ccvm that starts it, whatever the image's age. */
#ifndef CCVM_VM_INITRD_H
#define CCVM_VM_INITRD_H

#include "base/err.h"

/* Returns a sealed memfd (close-on-exec), or -1. */
int initrd_join(const char *modules_cpio, const char *programs_cpio, struct err *e);

/* The beginning of the image's kernel, which QEMU takes for a kernel and for an initramfs alike. A
 * guest whose memory comes from a template boots nothing; the real ones would be 18 MB that its
 * QEMU reads and keeps to itself. Returned as above. */
int initrd_stub(const char *kernel, struct err *e);

#endif
