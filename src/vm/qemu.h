/* qemu: starts QEMU in its jail, connected to this process by socket pairs only. */
#ifndef CCVM_VM_QEMU_H
#define CCVM_VM_QEMU_H

#include <sys/types.h>

#include "base/err.h"
#include "proto/hostenv.h"
#include "vm/qemu_args.h"

struct qemu { /* our ends; owned, non-blocking, close-on-exec; -1 when taken or closed */
	pid_t pid;
	int pidfd;
	int qmp_fd;
	int console_fd;
	int ctl_fd;
	int ssh_fd;
	int log_fd;	  /* reads what QEMU prints */
	int state_fd;	  /* takes the devices' state of a cloned guest; else -1 */
	int landlock_abi; /* 0: the kernel has no usable Landlock, QEMU runs without it */
};

/* QEMU's path: CCVM_QEMU, or qemu-system-x86_64 along PATH. NULL with a remedy. Free it. */
char *qemu_find(const struct hostenv *host, struct err *e);

struct qemu_files { /* borrowed */
	int net;    /* QEMU's end of the network's socket pair */
	int fs;	    /* and of the files' */
	int initrd;
	int pool;    /* the file of spec->pool; -1 without one */
	int ram;     /* -1 with anonymous memory */
	int preload; /* ccvm-ram.so with QEMU_RAM_CLONED_OLD, else -1 */
};

void qemu_init(struct qemu *q); /* nothing open */
int qemu_start(struct qemu *q, const struct qemu_spec *spec, const struct qemu_files *files,
	       struct err *e);

#endif
