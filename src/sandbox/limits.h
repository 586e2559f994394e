/* limits: takes descriptors, cores and room from this process. */
#ifndef CCVM_SANDBOX_LIMITS_H
#define CCVM_SANDBOX_LIMITS_H

#include <stddef.h>
#include <sys/resource.h>

#include "base/err.h"

/* Closes every descriptor from `first` on but those listed, in whatever order. */
int limits_close_all_but(int first, const int *keep, size_t n, struct err *e);
/* At most that much, soft and hard; a lower limit stays. name: for the message. */
int limits_lower(int resource, const char *name, rlim_t most, struct err *e);
/* No core, and no other process of the user attaches to it or reads its memory. */
int limits_hide_memory(struct err *e);
/* What Landlock and seccomp ask for: no set-user-ID program gives anything back. */
int limits_no_new_privs(struct err *e);

#endif
