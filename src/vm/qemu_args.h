/* qemu_args: the QEMU command line, as a pure function of the guest's description. */
#ifndef CCVM_VM_QEMU_ARGS_H
#define CCVM_VM_QEMU_ARGS_H

#include <stdbool.h>

#include "base/mem.h"
#include "vm/accel.h"

/* The fds QEMU finds open; each socket is one end of a pair that the session made. */
enum qemu_fd {
	QEMU_FD_QMP = 3,
	QEMU_FD_CONSOLE,
	QEMU_FD_CTL,
	QEMU_FD_SSH,
	QEMU_FD_NET,
	QEMU_FD_INITRD,
	QEMU_FD_RAM,	 /* unless the guest's memory is anonymous */
	QEMU_FD_STATE,	 /* of a clone: its devices' state comes in */
	QEMU_FD_POOL,	 /* with a pool: its file */
	QEMU_FD_PRELOAD, /* with QEMU_RAM_CLONED_OLD: ccvm-ram.so */
	QEMU_FD_FS,	 /* the guest's files: ccvm-fs is at the other end */
	QEMU_FD_END,
};

/* Where the guest's memory is. */
enum qemu_ram {
	QEMU_RAM_ANONYMOUS,
	/* a memfd that holds it when QEMU has ended: a template is being made */
	QEMU_RAM_SAVED,
	/* a private mapping of a file that QEMU has open for reading: the guest comes from a
	 * template */
	QEMU_RAM_CLONED,
	/* the same with a QEMU before 8.2, which has no option for it (src/cmd/ccvm-ram.c) */
	QEMU_RAM_CLONED_OLD,
};

struct qemu_spec {	     /* all borrowed */
	const char *program; /* argv[0] */
	const char *machine; /* microvm, or another type by CCVM_MACHINE */
	const struct accel *accel;
	unsigned tsc_khz; /* of the host, for an emulated guest; 0: not stated */
	unsigned memory_mib;
	unsigned cores;
	const char *kernel; /* NULL: QEMU_FD_INITRD is that too (initrd_stub) */
	/* a test's, behind the rest of the command line; NULL or empty: none */
	const char *kernel_words;
	const char *root_image;
	bool pool;    /* a second disk, whose file is QEMU_FD_POOL */
	bool sandbox; /* QEMU's own seccomp filter */
	bool lock_memory;
	enum qemu_ram ram;
};

void qemu_args_build(const struct qemu_spec *s, struct strv *argv);

/* The guest kernel's command line. No secret and no name of the host's may appear in it. Free
 * it. */
char *qemu_args_kernel_line(const struct qemu_spec *s);

#endif
