/* fs_node: what the guest's kernel knows by number: a table of the files and directories that it
 * looked up.
 *
 * A number is an index and is given out again once nothing refers to it; its generation tells
 * the uses apart. A node at rest is its parent and a name, not a descriptor, so that a million
 * of them cost memory alone. A file is recognised by device, inode and time of birth, whatever
 * its names are. */
#ifndef CCVM_FS_FS_NODE_H
#define CCVM_FS_FS_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FS_NODES_MAX (1u << 21)
#define FS_NODE_ROOT 1 /* FUSE_ROOT_ID */

struct fs_identity {
	uint64_t device, inode;
	int64_t birth_s; /* 0: the file system does not say */
	uint32_t birth_ns;
	/* S_IFMT of its mode: an inode number that was given out anew is another file */
	uint32_t type;
};

bool fs_identity_is_same(const struct fs_identity *a, const struct fs_identity *b);

struct fs_node {
	struct fs_identity identity;
	uint64_t lookups;    /* that the guest's kernel has not forgotten */
	uint32_t references; /* children and handles */
	uint32_t parent;     /* 0: none */
	uint32_t generation;
	uint16_t export;
	uint8_t layers; /* of an overlay: where it is (fs_layer.h); else 0 */
	int fd;		/* O_PATH, for what has lost its name; else -1 */
	int watch;	/* of a directory that is watched; else -1 */
	char *name;
	char *origin; /* of an overlay's directory that was renamed: its path in the lower layer */
	uint64_t told_version; /* of the contents, that the guest was last told or made itself */
	bool doubtful;	       /* another change may have left the same version */
	bool host_changed;     /* the last version that was not told came from the host */
	bool told_name;	       /* the guest believes that its name leads here */
	uint32_t next;	       /* of the same hash; of a free one, the next free */
	uint32_t next_entry;   /* of the same hash of parent and name */
};

struct fs_nodes;

/* on_drop: a watched node goes; may be NULL. */
struct fs_nodes *fs_nodes_new(void (*on_drop)(void *ctx, int watch), void *ctx);
void fs_nodes_free(struct fs_nodes *t); /* closes their fds; NULL is fine */

/* NULL: no such node. The pointer is valid until a node is added. */
struct fs_node *fs_nodes_get(struct fs_nodes *t, uint64_t number);
uint32_t fs_nodes_number(const struct fs_nodes *t, const struct fs_node *n);
size_t fs_nodes_count(const struct fs_nodes *t);

/* The node of a file, or NULL. */
struct fs_node *fs_nodes_find(struct fs_nodes *t, uint16_t export,
			      const struct fs_identity *identity);
/* The one that is known by this name, or NULL; what lost its name is not. */
struct fs_node *fs_nodes_find_entry(struct fs_nodes *t, uint32_t parent, const char *name);
/* Adds one below parent (0 for the root), with one lookup; NULL with errno: ENFILE when the
 * table is full. */
struct fs_node *fs_nodes_add(struct fs_nodes *t, uint16_t export,
			     const struct fs_identity *identity, uint32_t parent, const char *name);
/* Where it is now; false when parent lies below it, which only a race with a rename makes so. */
bool fs_nodes_move(struct fs_nodes *t, struct fs_node *n, uint32_t parent, const char *name);
/* It was copied, and is another file on the host from now on. */
void fs_nodes_become(struct fs_nodes *t, struct fs_node *n, const struct fs_identity *identity);
/* It has lost its name; takes over fd, by which it is reached from now on. */
void fs_nodes_pin(struct fs_node *n, int fd);

/* The guest's kernel forgets n lookups; more than there are counts as all. */
void fs_nodes_forget(struct fs_nodes *t, uint64_t number, uint64_t n);
void fs_nodes_hold(struct fs_nodes *t, uint32_t number);
void fs_nodes_release(struct fs_nodes *t, uint32_t number);

#endif
