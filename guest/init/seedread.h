/* seedread: reads the files of the seed inside the guest.
 *
 * The seed comes from the host, which the guest trusts, but through 9p and QEMU: a reader that
 * trusted its lengths or names could be exploited, and runs as root. So every reader is a pure
 * function on bytes with fixed bounds, and takes what proto/names.h describes and nothing else. One
 * newline at the end of a one-line file is allowed. */
#ifndef CCVM_GUEST_SEEDREAD_H
#define CCVM_GUEST_SEEDREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define SEEDREAD_LINE_MAX  4096	      /* one-line files */
#define SEEDREAD_ARGS_MAX  (4u << 20) /* claude-args as a whole */
#define SEEDREAD_ARG_COUNT 300000     /* more than execve(2) takes with the usual stack */
#define SEEDREAD_NAMES_MAX 512	      /* accept-env */
#define SEEDREAD_LINES_MAX 8192	      /* egress-allow */

/* Decimal, no sign but '-', no blanks, within [min, max]. */
int seedread_int(const void *bytes, size_t n, int64_t min, int64_t max, int64_t *out,
		 struct err *e);
/* Absolute and normalised (no empty, "." or ".." part), not "/", no control characters. out gets it
 * NUL-terminated; a path that does not fit into size is an error. */
int seedread_path(const void *bytes, size_t n, char *out, size_t size, struct err *e);
/* The name of one entry of a directory: letters, digits and "-" alone. */
int seedread_folder(const void *bytes, size_t n, char *out, size_t size, struct err *e);
/* Variable names, one a line. Appends them to out, each with a newline behind it. */
int seedread_names(const void *bytes, size_t n, struct buf *out, struct err *e);
/* Arguments, each ended by NUL. Appends to out. */
int seedread_args(const void *bytes, size_t n, struct strv *out, struct err *e);
/* Lines of "ro" or "rw", a blank, and a path as seedread_path takes it. Appends them to out, as they are. */
int seedread_extra(const void *bytes, size_t n, struct strv *out, struct err *e);
/* Relative paths in their shortest form, one a line. Appends them to out. */
int seedread_private(const void *bytes, size_t n, struct strv *out, struct err *e);
/* IP addresses and CIDRs, one a line, as the host normalised them. Appends to out. */
int seedread_addresses(const void *bytes, size_t n, struct strv *out, struct err *e);
/* Ports 1 to 65535 with commas between them; empty is none. ports has room for max; *count of them
 * are set.
 */
int seedread_ports(const void *bytes, size_t n, uint16_t *ports, size_t max, size_t *count,
		   struct err *e);

/* The same for a file. A missing one is an error with ENOENT in e->sys; only regular files are
 * read, and the last part of the path may not be a symlink. */
int seedread_int_file(const char *path, int64_t min, int64_t max, int64_t *out, struct err *e);
int seedread_path_file(const char *path, char *out, size_t size, struct err *e);
int seedread_folder_file(const char *path, char *out, size_t size, struct err *e);
int seedread_names_file(const char *path, struct buf *out, struct err *e);
int seedread_args_file(const char *path, struct strv *out, struct err *e);
int seedread_extra_file(const char *path, struct strv *out, struct err *e);
int seedread_private_file(const char *path, struct strv *out, struct err *e);
int seedread_addresses_file(const char *path, struct strv *out, struct err *e);
int seedread_ports_file(const char *path, uint16_t *ports, size_t max, size_t *count,
			struct err *e);
/* Any file, as bytes; fails beyond max of them. */
int seedread_bytes_file(int dirfd, const char *path, size_t max, struct buf *out, struct err *e);

#endif
