/* machine: everything that defines a guest before it has a user: QEMU, accelerator, size, image,
 * guest programs. A template (vm/template.h) belongs to exactly one machine; the machine's key
 * names it. */
#ifndef CCVM_VM_MACHINE_H
#define CCVM_VM_MACHINE_H

#include "base/err.h"
#include "vm/accel.h"
#include "vm/image.h"
#include "vm/qemu_args.h"

#define MACHINE_KEY_SIZE 33

struct machine_size {
	unsigned memory_mib;
	unsigned cores;
	/* a second disk; its size is not the machine's: the guest asks for it after `go` */
	bool pool;
};

struct machine {
	char *program;		       /* QEMU */
	char *kernel, *modules, *root; /* of the image */
	char *programs;		       /* guest.cpio */
	const struct hostenv *host;    /* borrowed */
	const struct image *image;     /* borrowed */
	struct accel accel;
	struct machine_size size;
	/* of image, programs, QEMU's build, the host's CPU, the command line */
	char key[MACHINE_KEY_SIZE];
};

/* libexec is our own directory, with the guest programs. On error there is nothing to free. host
 * and image stay the caller's, and have to outlive it. */
int machine_open(struct machine *m, const struct hostenv *host, const struct image *image,
		 const char *libexec, const struct accel *accel, struct machine_size size,
		 struct err *e);
void machine_fini(struct machine *m); /* zeroed is fine */

/* The initramfs, in a sealed memfd; the caller's. */
int machine_initrd(const struct machine *m, struct err *e);
/* The same for a guest from a template, which needs none: in place of it and of the kernel. */
int machine_stub(const struct machine *m, struct err *e);

/* The spec's fields that the machine decides; what remains is the session's. All borrowed from
 * m. */
struct qemu_spec machine_spec(const struct machine *m);

#endif
