/* checked: a note that a file's bytes were compared with their checksum since this computer
 * started, and in which state the file was: reading hundreds of MB at each start would take longer
 * than everything else. */
#ifndef CCVM_VM_CHECKED_H
#define CCVM_VM_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

#define CHECKED_TEXT_MAX 256

/* What the note says of fd as it is now: computer's start, device, inode, size, times of the last
 * changes (the kernel sets the second whenever the file is written to, and no program can set it).
 * False: cannot be said, or the last change is so near to now_s (seconds since 1970) that another
 * one could have the same time. */
bool checked_describe(int fd, int64_t now_s, char out[CHECKED_TEXT_MAX]);

/* There is a note `name` in the directory with this text. */
bool checked_is_noted(int dirfd, const char *name, const char *text);

/* Makes the note, in place of an older one; fails silently: the next start reads the file again. */
void checked_note(int dirfd, const char *name, const char *text);

#endif
