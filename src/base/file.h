/* file: whole files and trees, with bounds. All fds are close-on-exec; dirfd may be AT_FDCWD. */
#ifndef CCVM_BASE_FILE_H
#define CCVM_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the file's content to out; fails when it holds more than max bytes. */
int file_read(int dirfd, const char *path, size_t max, struct buf *out, struct err *e);

/* Appends what fd still holds, until end of file; fails beyond max bytes. */
int file_read_fd(int fd, size_t max, struct buf *out, struct err *e);

/* Makes a new file (it must not exist: O_EXCL, no symlink is followed) with these bytes and
 * mode. */
int file_create(int dirfd, const char *path, const void *bytes, size_t n, mode_t mode,
		struct err *e);

/* As file_create with formatted text. */
int file_createf(int dirfd, const char *path, mode_t mode, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Writes all n bytes, also past short writes and EINTR. */
int file_write_all(int fd, const void *bytes, size_t n, struct err *e);

/* Writes text in one go to an existing file, as the kernel's settings (procfs, sysfs) require. */
int file_set(const char *path, const char *text, struct err *e);

/* mkdir -p; missing directories get this mode. */
int file_mkdirs(const char *path, mode_t mode, struct err *e);

/* Removes path and everything below it, without following symlinks and without leaving the file
 * system tree below dirfd. A missing path is success. */
int file_remove_tree(int dirfd, const char *path, struct err *e);

/* Removes everything in the directory, in the same way. */
int file_empty_dir(int dirfd, struct err *e);

/* True when `inner` is `outer` or lies below it; both absolute and normalised. */
bool file_is_within(const char *inner, const char *outer);

#endif
