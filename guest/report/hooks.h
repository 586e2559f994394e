/* hooks: the state that claude's hooks report through ccvm-hook. */
#ifndef CCVM_GUEST_HOOKS_H
#define CCVM_GUEST_HOOKS_H

#include <stddef.h>

#include "base/err.h"

/* A non-blocking datagram socket at NAME_HOOK_SOCKET that every user may send to. */
int hooks_open(struct err *e);
/* One of the names of NAME_HOOKS, or NULL. Pure. */
const char *hooks_name(const char *bytes, size_t n);
/* The next name that waits, or NULL. Invalid names are dropped, and all beyond HOOKS_MAX in a
 * second. */
const char *hooks_next(int fd);

#endif
