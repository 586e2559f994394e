/* owner: whether others can change a file or directory that this user is about to trust. */
#ifndef CCVM_BASE_OWNER_H
#define CCVM_BASE_OWNER_H

#include <sys/stat.h>

/* (A directory like /tmp, where everybody may create names but not change those of others, is
 * accepted: the file in question lies in it.) */
/* NULL: only this user and root. Otherwise the reason, as the end of a sentence ("everybody can
 * write to it"). A group may write when it is this user's own: many systems give each user one, and
 * a umask to match. */
const char *owner_doubt(const struct stat *st);

/* The same for a path; NULL when it does not exist. */
const char *owner_doubt_path(const char *path);

#endif
