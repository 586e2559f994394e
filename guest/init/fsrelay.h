/* fsrelay: carries whole FUSE messages between the kernel (/dev/fuse) and the port to the host's
 * ccvm-fs. */
#ifndef CCVM_INIT_FSRELAY_H
#define CCVM_INIT_FSRELAY_H

#include <sys/types.h>

#include "base/err.h"

#define FSRELAY_PROCESSES 3

/* Starts the processes that relay, which end with the mount. touches: a pipe that does not block,
 * for what proto/fstouch.h says; what finds no room in it is dropped. The fds stay the caller's. */
int fsrelay_start(int fuse, int port, int touches, pid_t process[FSRELAY_PROCESSES], struct err *e);

#endif
