/* fs_copyup: one file, directory without what lies in it, link, FIFO or socket, copied as a whole
 * into another directory: contents with their holes, owner where it may be given, times, mode and
 * attributes of users. */
#ifndef CCVM_FS_FS_COPYUP_H
#define CCVM_FS_FS_COPYUP_H

#include "fs/fs_attr.h"

/* from: O_PATH. process_fds: /proc/self/fd. The mode is not set, since a directory without the
 * owner's right to write could not be moved (fs_copyup_mode). 0 or an errno, and then nothing is
 * left. */
int fs_copyup(int process_fds, int from, const struct fs_attr *a, int dirfd, const char *name);
/* The contents alone, of files that are open; holes stay. */
int fs_copyup_contents(int from, int to, off_t size);
/* The mode of the copy, open at fd (O_PATH). */
int fs_copyup_mode(int process_fds, int fd, const struct fs_attr *a);

#endif
