/* fs_tree: the exported directories, and the way from a node's number to the file.
 *
 * Every step starts at the descriptor of an export, opened and judged once, and stays beneath it
 * (openat2(2), RESOLVE_BENEATH and no links): what is renamed or swapped meanwhile leads nowhere
 * else. What is found counts only when it is the file that the guest looked up; else the result
 * is ESTALE. */
#ifndef CCVM_FS_FS_TREE_H
#define CCVM_FS_FS_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/fuse.h>

#include "base/err.h"
#include "fs/fs_layer.h"
#include "fs/fs_node.h"
#include "fs/fs_watch.h"

#define FS_TREE_EXPORTS_MAX 16

struct fs_tree;

/* process_fds: /proc/self/fd, opened by the caller before it was confined (O_PATH); borrowed,
 * as is watch, which may be NULL: then what the guest knows expires soon. */
struct fs_tree *fs_tree_new(int process_fds, struct fs_watch *watch);
void fs_tree_free(struct fs_tree *t);
struct fs_nodes *fs_tree_nodes(struct fs_tree *t);

/* The directory appears as `name` in the root that the guest mounts. Takes over fd. */
int fs_tree_export(struct fs_tree *t, const char *name, int fd, bool writable, struct err *e);
/* As above, an overlay: fd is never written, and what the guest changes goes to the directory
 * open at upper, which is empty at first. The caller has given it the mode and owner of fd's.
 * work: a directory of the same file system. Takes over all three. */
int fs_tree_export_overlay(struct fs_tree *t, const char *name, int fd, int upper, int work,
			   struct err *e);
size_t fs_tree_exports(const struct fs_tree *t);
const char *fs_tree_export_name(const struct fs_tree *t, size_t i);
struct fs_node *fs_tree_export_node(struct fs_tree *t, size_t i);

/* The following return 0 or an errno. */

/* EROFS where the export may not be written; ENOENT for the root of all. */
int fs_tree_may_write(const struct fs_tree *t, const struct fs_node *n);

/* a: what it is now; may be NULL. */
int fs_tree_find(struct fs_tree *t, const struct fs_node *n, struct fs_place *p, struct fs_attr *a);
/* What the open file fd of the node's is now. */
int fs_tree_look(const struct fs_tree *t, const struct fs_node *n, int fd, struct fs_attr *a);
/* Before the guest changes what is open at fd: whether its own view is right. And after it did:
 * still right, if so. */
bool fs_tree_is_told(struct fs_tree *t, uint64_t number, int fd);
void fs_tree_told(struct fs_tree *t, uint64_t number, int fd, bool right);
/* Whether what the guest has of the contents is what is there now, at a, for certain; else it
 * counts as told, and has to be. */
bool fs_tree_confirm(struct fs_node *n, const struct fs_attr *a);
/* The node of the entry name in the directory of n; NULL: the guest does not know it. a: what
 * it is now. */
struct fs_node *fs_tree_sibling(struct fs_tree *t, const struct fs_node *n, const char *name,
				struct fs_attr *a);
/* As fs_tree_find, of that entry; *number: its node's, 0 when the guest does not know it. */
int fs_tree_find_sibling(struct fs_tree *t, const struct fs_node *n, const char *name,
			 struct fs_place *p, uint32_t *number);
/* NULL: there is none. */
struct fs_watch *fs_tree_watch(const struct fs_tree *t);
/* The host changed something in a directory. What the guest has to forget: its entry, its
 * contents (by *number), or nothing. */
enum fs_tree_stale {
	FS_TREE_FRESH,
	FS_TREE_ENTRY,
	FS_TREE_CONTENTS,
	FS_TREE_UNKNOWN /* contents of what the guest does not know: nothing to forget */
};
enum fs_tree_stale fs_tree_judge(struct fs_tree *t, uint32_t directory, const char *name,
				 enum fs_watch_change change, uint64_t *number);
/* As fs_tree_find; ENOTDIR for what is no directory. */
int fs_tree_find_directory(struct fs_tree *t, const struct fs_node *n, struct fs_place *p);
/* A descriptor to read or write what is at p. flags: an access mode, O_TRUNC, O_SYNC, O_DSYNC,
 * O_DIRECTORY. Regular files and directories only: everything else is a matter of the guest's
 * kernel. */
int fs_tree_open(const struct fs_tree *t, int place, unsigned flags, int *fd);

/* Looks up name below n, whose directory is open at p; counts as a lookup of the guest's. */
int fs_tree_enter(struct fs_tree *t, struct fs_node *n, const struct fs_place *place,
		  const char *name, struct fuse_entry_out *out);
int fs_tree_look_at(const struct fs_tree *t, const struct fs_node *n, const struct fs_place *place,
		    const char *name, struct fs_look *look);
/* As above, for an open file without a name. Takes no fd over. */
int fs_tree_enter_nameless(struct fs_tree *t, struct fs_node *n, int fd,
			   struct fuse_entry_out *out);
/* Fills in how long the guest may believe it, and remembers that it was told. */
void fs_tree_set_attr(struct fs_tree *t, struct fs_node *n, const struct fs_attr *a,
		      struct fuse_attr_out *out);
/* Of a name that is not there; false: the guest may not believe it at all. */
bool fs_tree_set_absent(struct fs_tree *t, const struct fs_node *parent, const char *name,
			struct fuse_entry_out *out);
/* The guest forgets, or never heard, what the name leads to: should the same file come back by it,
 * that is news. */
void fs_tree_forget_name(struct fs_tree *t, uint32_t parent, const char *name);

/* Before a name goes away: what the guest knows of the file stays reachable. *number: its node;
 * 0: the guest does not know it. */
int fs_tree_keep(struct fs_tree *t, const struct fs_node *parent, const struct fs_place *place,
		 const char *name, uint32_t *number, int *pin);
/* After it went (gone) or did not. */
void fs_tree_kept(struct fs_tree *t, uint32_t number, int pin, bool gone);
/* The entry went by our doing (fs_watch_expect_gone): after it did, or the next one to go by the
 * host would be missed. */
void fs_tree_expect_gone(struct fs_tree *t, const struct fs_node *parent, const char *name);

/* ---- overlays (fs_overlay.h) ---- */

/* The directory `name` in both layers; look: what it is. */
int fs_tree_open_child(const struct fs_tree *t, const struct fs_node *n,
		       const struct fs_place *place, const char *name, const struct fs_look *look,
		       struct fs_place *child);
bool fs_tree_is_overlay(const struct fs_tree *t, const struct fs_node *n);
int fs_tree_work(const struct fs_tree *t, const struct fs_node *n);
/* Whether bytes more may be written to the upper layer: ENOSPC leaves some of the file system to
 * others. */
int fs_tree_reserve(struct fs_tree *t, const struct fs_node *n, uint64_t bytes);
/* The path of a directory's part in the lower layer; ENAMETOOLONG. */
int fs_tree_lower_path(struct fs_tree *t, const struct fs_node *n, char path[PATH_MAX]);
/* The node is in the upper layer now. was: what it was before; indexed: fs_origin.h. */
void fs_tree_raised(struct fs_tree *t, struct fs_node *n, const struct fs_attr *was,
		    const struct fs_attr *now, bool indexed);
/* A file of the lower layer with several names has its copy in the work directory, under this name,
 * when it was copied by one of them. */
#define FS_TREE_INDEX_NAME 48
bool fs_tree_has_copies(const struct fs_tree *t, const struct fs_node *n);
/* Whether the entry in directory n is another of its names. copy: what the copy is. */
bool fs_tree_find_copy(const struct fs_tree *t, const struct fs_node *n, const struct fs_look *look,
		       char index[FS_TREE_INDEX_NAME], struct fs_identity *copy);
/* A name of a file of the lower layer was covered, or became one of the copy. */
void fs_tree_lose_name(struct fs_tree *t, const struct fs_node *n, const struct fs_look *look);
void fs_tree_index_name(char name[FS_TREE_INDEX_NAME], const struct fs_identity *lower);

/* "/proc/self/fd/N", or N below the directory that fs_tree_new was given. */
#define FS_TREE_FD_PATH 32
void fs_tree_fd_path(char path[FS_TREE_FD_PATH], int fd);
void fs_tree_fd_name(char name[FS_TREE_FD_PATH], int fd);
int fs_tree_process_fds(const struct fs_tree *t);

#endif
