/* endall: ends the guest's processes before it powers off. */
#ifndef CCVM_INIT_ENDALL_H
#define CCVM_INIT_ENDALL_H

#include <stddef.h>
#include <sys/types.h>

/* SIGKILL to all processes but this one, the kernel's and those n, until they are gone; process 1 reaps them.
 * Zeroes among the n are nobody. */
void endall_but(const pid_t *keep, size_t n);

#endif
