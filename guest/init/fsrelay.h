/* fsrelay: carries whole FUSE messages between the kernel (/dev/fuse) and the port to the host's
 * ccvm-fs. */
#ifndef CCVM_INIT_FSRELAY_H
#define CCVM_INIT_FSRELAY_H

#include "base/err.h"

/* Starts the processes that relay, which end with the mount. Both fds stay the caller's. */
int fsrelay_start(int fuse, int port, struct err *e);

#endif
