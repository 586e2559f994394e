/* fstouch: tells those who watch files in the guest (inotify(7)) of changes on the host
 * (proto/fstouch.h). */
#ifndef CCVM_INIT_FSTOUCH_H
#define CCVM_INIT_FSTOUCH_H

#include <sys/types.h>

#include "base/err.h"

/* Starts the process, which ends with the pipe. root: of the mount, O_PATH; touches: the end of
 * fsrelay_start's pipe to read from. Both stay the caller's. */
int fstouch_start(int root, int touches, pid_t *process, struct err *e);

#endif
