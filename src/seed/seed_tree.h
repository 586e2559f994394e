/* seed_tree: copies what the user shares out of ~/.claude, within bounds. Not for use outside
 * src/seed.
 *
 * Symlinks are followed, also those that leave ~/.claude: people keep their configuration
 * elsewhere. Those deeper in a folder than its own entries may only lead to places in the entry:
 * they come with files that others wrote. So known secrets are not recognised by their place alone:
 * credential files are known by name and by identity (device, inode), whatever path, link or hard
 * link leads to them, and so are the folders where keys and logins of other programs live, and
 * every folder above ~/.claude. What is in a file is looked at too: one with a token or a private
 * key is left out, and a JSON file is copied without its credentials. Devices, sockets and FIFOs
 * are never opened. */
#ifndef CCVM_SEED_SEED_TREE_H
#define CCVM_SEED_SEED_TREE_H

#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/place.h"
#include "seed/seed_part.h"

#define SEED_TREE_SECRETS_MAX 256

struct seed_tree_limits {
	size_t files; /* files and directories together */
	unsigned long long bytes;
	unsigned long long file_bytes;
	unsigned depth;
};

struct seed_tree {
	const struct seed_run *run; /* borrowed; its notes are used */
	struct seed_tree_limits limits;
	struct {
		dev_t dev;
		ino_t ino;
		bool all_below; /* as well as what is below it */
	} secret[SEED_TREE_SECRETS_MAX];
	size_t nsecrets;
	size_t files; /* staged so far */
	unsigned long long bytes;
	unsigned notes; /* written so far: bounded, as there may be a thousand broken links */
	bool full;
	bool inside; /* an entry of a shared folder, whose own directory is `base` */
	struct place base;
};

/* Looks up the identities of the secrets of this user. limits may be NULL: the usual ones. */
void seed_tree_init(struct seed_tree *t, const struct seed_run *run,
		    const struct seed_tree_limits *limits);

/* Copies the directory `name` of src_dirfd (following symlinks) to the new directory `name` in
 * dst_dirfd. `shown` is its path for notes. What is left out is a note; a missing source is
 * ignored. -1 only when dst cannot be written. */
int seed_tree_copy_dir(struct seed_tree *t, int src_dirfd, const char *name, int dst_dirfd,
		       const char *shown, struct err *e);

/* Reads one regular file with the same checks. 1: read; 0: not there or left out, with a note. */
int seed_tree_read_file(struct seed_tree *t, int src_dirfd, const char *name, struct buf *out,
			const char *shown);

/* Whether a whole file holds no credential, with a note when it does. */
bool seed_tree_is_harmless(struct seed_tree *t, const struct buf *text, const char *shown);

/* Notes how much was left out beyond the other notes. */
void seed_tree_finish(struct seed_tree *t);

#endif
