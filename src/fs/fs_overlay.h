/* fs_overlay: what a change of an overlay takes beside the change itself: files are copied to the
 * upper layer first, and names of the lower one are covered (fs_layer.h).
 *
 * Nothing here does anything, and all succeeds, where the node's export is no overlay, except that
 * fs_overlay_remove and fs_overlay_rename are for overlays only. Results are 0 or an errno. */
#ifndef CCVM_FS_FS_OVERLAY_H
#define CCVM_FS_FS_OVERLAY_H

#include "fs/fs_ops.h"

/* The node's file, and the directories above it, are in the upper layer from now on, and what is
 * open of it is the copy. */
int fs_overlay_raise(struct fs_ops *o, uint32_t node);
/* As above, of an entry that may be unknown to the guest. directory: raised; *node gets a lookup
 * more, which the caller takes back (fs_nodes_forget). */
int fs_overlay_raise_entry(struct fs_ops *o, uint32_t directory, const struct fs_place *place,
			   const char *name, uint32_t *node);

/* Before name is made in a directory that is raised: EEXIST, or nothing of that name is in the
 * upper layer any more. *covered: something was; give it back when making it failed. */
int fs_overlay_make_room(struct fs_ops *o, const struct fs_node *directory,
			 const struct fs_place *place, const char *name, bool *covered);
/* The new directory, which is empty whatever the lower layer has. */
int fs_overlay_mkdir(const struct fs_place *place, const char *name, mode_t mode);
/* One of several names of a file that was copied by another of them: makes it a name of the copy. */
int fs_overlay_join(struct fs_ops *o, uint32_t directory, struct fs_place *place, const char *name);

int fs_overlay_remove(struct fs_ops *o, const struct fs_node *directory,
		      const struct fs_place *place, const char *name, bool is_directory);

struct fs_overlay_name {
	uint32_t directory; /* raised */
	const struct fs_place *place;
	const char *name;
};
int fs_overlay_rename(struct fs_ops *o, const struct fs_overlay_name *from,
		      const struct fs_overlay_name *to, unsigned flags);

#endif
