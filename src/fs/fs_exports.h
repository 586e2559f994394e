/* fs_exports: what a server was started to serve, from its arguments: directories that were opened
 * already, overlays, and what the guest is kept from in each. */
#ifndef CCVM_FS_FS_EXPORTS_H
#define CCVM_FS_FS_EXPORTS_H

#include "base/err.h"
#include "fs/fs_confine.h"
#include "fs/fs_notice.h"
#include "fs/fs_policy.h"
#include "fs/fs_tree.h"

struct fs_export {
	const char *name, *at; /* at: the host's path, or NULL */
	struct fs_confine_export place;
	int tree, work; /* of an overlay */
	bool git, undo; /* undo: its changes are recorded */
};

struct fs_exports {
	struct fs_export export[FS_TREE_EXPORTS_MAX];
	int n, notices;	       /* notices: -1, none */
	int journal;	       /* its directory; -1: none */
	uint64_t journal_size; /* bytes */
	struct fs_policy *policy;
	struct fs_notice *notice;
};

/* Each argument is a directory, which the guest sees under NAME: `NAME:FD:rw`, `NAME:FD:ro`, or
 * `NAME:FD:FD` for an overlay, where the second directory has `tree` and `work` in it; or a rule of
 * the directory before it: `protect-git`, `protect=PATTERN`, `hide=PATTERN`, `at=PATH` (the host's);
 * or `undo`: its changes are recorded; or `notices=FD`, where the session is told what was refused, and
 * `journal=FD:BYTES`, the directory in which changes are recorded (fs_journal.h). They are split in place and have to
 * live on. On failure, too, fs_exports_fini. */
int fs_exports_parse(struct fs_exports *x, int n, char **arguments, struct err *e);
/* The exports whose changes are recorded (fs_serve_set_journal). */
uint32_t fs_exports_journaled(const struct fs_exports *x);
void fs_exports_fini(struct fs_exports *x);
/* The descriptors go to the tree. */
int fs_exports_serve(struct fs_exports *x, struct fs_tree *tree, struct err *e);
/* The guest is gone, and with it what it changed in overlays. */
void fs_exports_empty_layers(const struct fs_exports *x);

#endif
