/* qemu_args: the QEMU command line, as a pure function of what the guest shall be. */
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
	QEMU_FD_END,
};

struct qemu_spec { /* all borrowed */
	const char *program;     /* argv[0] */
	const char *machine;     /* microvm, or another type by CCVM_MACHINE */
	const struct accel *accel;
	unsigned tsc_khz; /* of the host, for an emulated guest; 0: not stated */
	unsigned memory_mib;
	unsigned cores;
	const char *kernel;
	const char *root_image;
	const char *seed_dir;
	const char *workspace;
	bool workspace_readonly;
	const char *projects_dir; /* NULL: not shared */
	bool sandbox;             /* QEMU's own seccomp filter */
	bool lock_memory;
};

void qemu_args_build(const struct qemu_spec *s, struct strv *argv);

/* The guest kernel's command line. No secret and no name of the host's may appear in it. Free it. */
char *qemu_args_kernel_line(const struct qemu_spec *s);

#endif
