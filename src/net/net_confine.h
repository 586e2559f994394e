/* net_confine: takes from this process what libslirp and our own code do not need. See the theory
 * of operation at the head of net_confine.c. */
#ifndef CCVM_NET_CONFINE_H
#define CCVM_NET_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Closes every descriptor but 0, 1, 2 and those listed; 0 and 1 become /dev/null, 2 too when it is
 * closed. */
int net_confine_fds(const int *keep, size_t n, struct err *e);

/* No core dumps, not traceable by other processes of the user, bounded descriptors and memory. */
int net_confine_limits(struct err *e);

/* The ABI version of Landlock in this kernel, or 0 when it has none or may not use it. */
int net_confine_landlock_abi(void);

/* Locks the process in for good. landlock_abi: what net_confine_landlock_abi says, or 0 to do
 * without; then no file can be opened at all, not even the resolver's configuration. Not everything
 * can be undone on failure: the caller ends the process. */
int net_confine_enter(int landlock_abi, struct err *e);

#endif
