/* fs_journal: what the files that a guest changes were before it did: a list (fs_record.h) and
 * copies of contents, in a directory that no guest reaches.
 *
 * A file is saved once, before its first change. No change waits for space or fails because of the
 * journal: what does not fit is recorded without its contents, and when the list is full as well it
 * says so and ends. What a guest made itself is not saved. */
#ifndef CCVM_FS_FS_JOURNAL_H
#define CCVM_FS_FS_JOURNAL_H

#include "base/err.h"
#include "fs/fs_attr.h"
#include "fs/fs_record.h"

struct fs_journal;

/* fd: the directory (O_PATH); borrowed, as process_fds (/proc/self/fd). bytes: of list and copies
 * together. A list that is there is continued after its last whole record. NULL with e. */
struct fs_journal *fs_journal_new(int fd, int process_fds, uint64_t bytes, struct err *e);
void fs_journal_free(struct fs_journal *j); /* NULL is fine */

enum fs_journal_depth {
	FS_JOURNAL_ATTRIBUTES = 1, /* they change, or a directory's entries, or a name goes */
	FS_JOURNAL_CONTENTS,	   /* these do as well, or are gone */
};

/* A path below an export, as fs_record's. */
struct fs_journal_path {
	const char *export, *path;
};

/* Whether nothing has to be saved any more before such a change. */
bool fs_journal_has(const struct fs_journal *j, const struct fs_identity *file,
		    enum fs_journal_depth depth);
/* Saves what is open at fd (in any way) and is a. */
void fs_journal_save(struct fs_journal *j, struct fs_journal_path at, enum fs_record_op op, int fd,
		     const struct fs_attr *a, enum fs_journal_depth depth);
/* After a name came. */
void fs_journal_made(struct fs_journal *j, struct fs_journal_path at, enum fs_record_op op,
		     const struct fs_identity *file);
/* A file of the guest's without a name. */
void fs_journal_own(struct fs_journal *j, const struct fs_identity *file);
/* After a name went; a: what it was. */
void fs_journal_gone(struct fs_journal *j, struct fs_journal_path at, enum fs_record_op op,
		     const struct fs_attr *a);
/* After a name changed. */
void fs_journal_moved(struct fs_journal *j, struct fs_journal_path from, const char *to,
		      bool swapped);
/* It was copied, and is another file from now on. */
void fs_journal_become(struct fs_journal *j, const struct fs_identity *was,
		       const struct fs_identity *is);

struct fs_journal_figures {
	uint64_t bytes, records, copies, not_kept;
	bool full;
};
struct fs_journal_figures fs_journal_figures(const struct fs_journal *j);

#endif
