/* fs_keep: what the operations tell the journal (fs_journal.h): before a file changes what it is,
 * after a name did what the change was.
 *
 * Nothing here does anything for exports that are not journaled, and nothing fails. In an overlay
 * the host's file is saved when it is copied up or covered; what is in the upper layer alone is the
 * guest's. */
#ifndef CCVM_FS_FS_KEEP_H
#define CCVM_FS_FS_KEEP_H

#include "fs/fs_journal.h"
#include "fs/fs_ops.h"

/* Before: of the node's file, open at fd in any way. */
void fs_keep_node(struct fs_ops *o, const struct fs_node *n, int fd, enum fs_record_op op);
/* Before entries of the directory, which is open at place, come or go. */
void fs_keep_directory(struct fs_ops *o, const struct fs_node *n, const struct fs_place *place);
/* Before the file of this name goes, or is emptied. *was: what it is; false: there is none, or
 * nobody wants to know. */
bool fs_keep_entry(struct fs_ops *o, const struct fs_node *directory, const struct fs_place *place,
		   const char *name, enum fs_record_op op, struct fs_attr *was);
/* Before the lower layer's file is copied, and after. */
void fs_keep_lower(struct fs_ops *o, const struct fs_node *n, int fd, const struct fs_attr *was);
void fs_keep_raised(struct fs_ops *o, const struct fs_node *n, const struct fs_attr *was,
		    const struct fs_attr *now);

/* After. */
void fs_keep_made(struct fs_ops *o, const struct fs_node *directory, const struct fs_place *place,
		  const char *name, enum fs_record_op op);
void fs_keep_nameless(struct fs_ops *o, const struct fs_node *directory, int fd);
void fs_keep_gone(struct fs_ops *o, const struct fs_node *directory, const char *name,
		  enum fs_record_op op, const struct fs_attr *was);
void fs_keep_moved(struct fs_ops *o, const struct fs_node *from, const char *name,
		   const struct fs_node *to, const char *name2, bool swapped);

#endif
