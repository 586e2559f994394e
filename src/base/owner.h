/* owner: who else can change a file or directory that this user is about to trust. */
#ifndef CCVM_BASE_OWNER_H
#define CCVM_BASE_OWNER_H

#include <sys/stat.h>

/* (A directory like /tmp, where everybody may make names and nobody may change others', raises no doubt: what is asked about lies in it.) */
/* NULL: nobody but this user and root. Otherwise why not, as the end of a sentence ("everybody can write to it"). A group may write when
 * it is this user's own: many systems give each user one, and a umask to match. */
const char *owner_doubt(const struct stat *st);

/* The same for what is there at a path; NULL when nothing is. */
const char *owner_doubt_path(const char *path);

#endif
