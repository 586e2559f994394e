/* policy: what ccvm refuses to do before anything is started. */
#ifndef CCVM_SESSION_POLICY_H
#define CCVM_SESSION_POLICY_H

#include "base/err.h"
#include "conf/user_place.h"

/* Refuses (exit code 126) a workspace, or a directory that `option` lists, whose path, as the kernel has
 * it, would cover a part of the guest's own system or could not be taken over by the guest. Pure. */
int policy_check_path(const char *option, const char *path, struct err *e);

/* Refuses the open directory fd, which would be shared with a guest, when it holds a place of
 * the user's that no guest may see, or lies in one that is closed. By device and inode: what its
 * path leads to later does not count. `option` (NULL: it is the workspace) and `path` stand in
 * the error. */
int policy_check_shared(int fd, const char *path, const char *option, const struct user_dirs *d,
			struct err *e);
/* As a workspace is judged, for a directory that the option lists. */
int policy_check_listed(int fd, const char *path, const char *option, const struct user_dirs *d,
			struct err *e);

#endif
