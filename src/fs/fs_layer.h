/* fs_layer: an overlay's two layers, seen in one directory: what a name means, and how the upper
 * layer says that something of the lower one is not there.
 *
 * The lower layer is the host's directory, never written. In the upper one a character device 0:0
 * stands for a name that is gone (as in the kernel's overlayfs; anybody may make one since Linux
 * 5.8, and no guest can, since ccvm-fs makes no devices), and a symbolic link of the name
 * FS_LAYER_MARK in a directory says what lies below it: FS_LAYER_NOTHING, or the path that the
 * directory had in the lower layer before it was renamed. Guests neither see nor make that name. */
#ifndef CCVM_FS_FS_LAYER_H
#define CCVM_FS_FS_LAYER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/fs_attr.h"

#define FS_LAYER_MARK	 ".ccvm-layer"
#define FS_LAYER_NOTHING "/"

enum fs_layer { FS_UPPER = 1, FS_LOWER = 2 };

/* An open file or directory of one call; fs_place_close it, or let AUTO_PLACE do so. */
struct fs_place {
	int fd;		/* O_PATH */
	bool borrowed;	/* fd is the node's */
	uint8_t layers; /* of an overlay: where it is; else 0. fd is the upper one's, if any */
	int lower;	/* O_PATH, of a directory that is in both; else -1 */
};
#define FS_PLACE_NONE                                                                              \
	{                                                                                          \
		.fd = -1, .lower = -1                                                              \
	}
#define AUTO_PLACE __attribute__((cleanup(fs_place_close)))
void fs_place_close(struct fs_place *p);
/* The directory's descriptor in a layer; -1: it is not there. */
int fs_place_in(const struct fs_place *p, enum fs_layer layer);

struct fs_look {
	struct fs_attr attr;   /* of the upper one, if any */
	uint8_t layers;	       /* as a place's; of a directory both, when they are one */
	bool covered;	       /* it is not there, and the upper layer says so */
	char origin[PATH_MAX]; /* what FS_LAYER_MARK says of a directory; else empty */
};

/* The following return 0 or an errno. */

/* What name is in a directory. device: of the export (fs_attr_read). */
int fs_layer_look(const struct fs_place *directory, const char *name, uint64_t device,
		  struct fs_look *look);
/* Whether the lower layer has something of this name, covered or not. */
bool fs_layer_has_lower(const struct fs_place *directory, const char *name);

/* From now on name is not there. Takes along what the upper layer has, a directory that seems
 * empty included. work: a directory of the upper layer's file system, for the moment between. */
int fs_layer_cover(const struct fs_place *directory, const char *name, int work);
/* Takes back what covers a name, if anything does. */
int fs_layer_uncover(const struct fs_place *directory, const char *name);
/* Sets or replaces the mark of the directory open at fd. */
int fs_layer_mark(int fd, const char *origin);
/* Removes the mark and what covers names from a directory of the upper layer, before it is removed;
 * its mode is the owner's alone then. */
int fs_layer_clear(int dirfd, const char *name);

#endif
