/* fs_record: the list of a journal (fs_journal.h) on disk, one record after the other.
 *
 * Read backwards it undoes what a guest did: what was made goes, what was renamed is named back,
 * what went comes back, what was saved is put back. In the host's byte order; for the computer that
 * wrote it. Pure functions of bytes that anybody may have written. */
#ifndef CCVM_FS_FS_RECORD_H
#define CCVM_FS_FS_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FS_RECORD_LIST "list"			  /* its name in the journal's directory */
#define FS_RECORD_MAX  (128 + 256 + 2 * PATH_MAX) /* bytes of one */

enum fs_record_type {
	FS_RECORD_SAVED = 1, /* path is about to change for the first time; what it was */
	FS_RECORD_MADE,	     /* path was not there, and is now */
	FS_RECORD_GONE,	     /* path was there, and is not now */
	FS_RECORD_MOVED,     /* path is `other` now, with all that lies below it */
	FS_RECORD_SWAPPED,   /* path and `other` are each other */
	FS_RECORD_FULL,	     /* the journal ends here; changes went on */
};
#define FS_RECORD_TYPES (FS_RECORD_FULL + 1)

/* By which kind of operation. */
enum fs_record_op {
	FS_RECORD_CREATE = 1,
	FS_RECORD_MKDIR,
	FS_RECORD_SYMLINK,
	FS_RECORD_MKNOD,
	FS_RECORD_LINK,
	FS_RECORD_WRITE,
	FS_RECORD_TRUNCATE,
	FS_RECORD_ALLOCATE,
	FS_RECORD_ATTRIBUTES,
	FS_RECORD_REMOVE,
	FS_RECORD_RENAME,
	FS_RECORD_ENTRIES, /* of a directory */
	FS_RECORD_COPY_UP, /* of an overlay: the host's file, before it was copied */
};
#define FS_RECORD_OPS (FS_RECORD_COPY_UP + 1)

/* What there is of the contents. */
enum fs_record_contents {
	FS_RECORD_SAME,	    /* none was needed: they do not change */
	FS_RECORD_KEPT,	    /* in the journal's directory, in the file of the name `copy` */
	FS_RECORD_NOT_KEPT, /* too large, or not readable: they are lost */
};

struct fs_record {
	uint8_t type, op, contents;
	bool own;      /* GONE: the guest had made it; nothing of it was saved */
	uint64_t when; /* ns since 1970 */
	/* The same for all records of a file, whatever its names are; 0: of none. */
	uint64_t file;
	uint64_t copy;
	uint64_t device, inode;
	/* of SAVED; of GONE mode and nlink, before it went */
	uint64_t size;
	int64_t atime, mtime; /* s since 1970 */
	uint32_t atime_ns, mtime_ns;
	uint32_t mode, uid, gid, nlink;
	/* Relative to the export, without "." and ".."; "": the export itself, or of SAVED what is
	 * no directory: a file that has lost the name that was known, not all of them. Borrowed from
	 * the bytes, as all below. */
	const char *path;
	const char *export, *other; /* other: the new path; of a link SAVED: what it says */
};

enum fs_record_result {
	FS_RECORD_OK,
	FS_RECORD_TORN,	  /* the bytes end within it: its writer was killed */
	FS_RECORD_BROKEN, /* no record, and nothing after it can be found */
};

/* Appends one; the strings are copied. False: a path is too long for any. */
bool fs_record_put(struct buf *out, const struct fs_record *r);
/* Reads the one at the front of n bytes; *used: its length. */
enum fs_record_result fs_record_read(struct fs_record *r, const void *bytes, size_t n,
				     size_t *used);

#endif
