/* Theory of operation.
 *
 * 1. The lower layer is opened for reading only, and Landlock holds it so.
 * 2. A copy is made in the work directory and put in place by one rename(2) when it is whole: a
 *    crash or a full disk leaves the file as it was. The server answers one request after the
 *    other, so the work directory holds one copy at a time.
 * 3. A directory above a copy keeps its times: the guest did not change it.
 * 4. Descriptors that the guest has open lead to the copy from then on (dup3(2)), so that a reader
 *    sees what a writer writes, as on any file system.
 * 5. Of a file with several names one is copied; it stays reachable in the work directory by what
 *    it was, and a further name joins it when the guest looks it up. */
#include "fs/fs_overlay.h"
#include "base/mem.h"
#include "fs/fs_copyup.h"
#include "fs/fs_keep.h"
#include "fs/fs_list.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OVERLAY_TEMP  "copy"
#define OVERLAY_ENTRY 4096 /* what a name may take of the upper layer's space */

/* ---- directories that their mode protects, from us as well ---- */

/* Calls again with the owner's right to write, when it is missing in the directory open at fd. */
static int overlay_insist(struct fs_ops *o, int fd, int (*change)(void *ctx, int fd), void *ctx)
{
	char number[FS_TREE_FD_PATH];
	struct stat st;
	int code = change(ctx, fd);

	if (code != EACCES || fstat(fd, &st) < 0)
		return code;
	fs_tree_fd_name(number, fd);
	if (fchmodat(fs_tree_process_fds(o->tree), number, st.st_mode | S_IRWXU, 0) < 0)
		return code;
	code = change(ctx, fd);
	return fchmodat(fs_tree_process_fds(o->tree), number, st.st_mode & 07777, 0) < 0 && !code
		       ? errno
		       : code;
}

static int overlay_set_mark(void *origin, int fd)
{
	return fs_layer_mark(fd, origin);
}

static int overlay_mark(struct fs_ops *o, int fd, const char *origin)
{
	return overlay_insist(o, fd, overlay_set_mark, (void *)(uintptr_t)origin);
}

/* ---- copies ---- */

struct overlay_placing {
	int work;
	const char *name;
};

static int overlay_place_copy(void *ctx, int directory)
{
	const struct overlay_placing *p = ctx;

	return renameat2(p->work, OVERLAY_TEMP, directory, p->name, RENAME_NOREPLACE) < 0 ? errno
											  : 0;
}

/* The copy in the work directory becomes the entry of the directory open at fd, whose times stay. */
static int overlay_put(struct fs_ops *o, int work, int directory, const char *name)
{
	struct overlay_placing placing = {work, name};
	char number[FS_TREE_FD_PATH];
	struct stat before;
	int code = fstat(directory, &before) < 0 ? errno : 0;

	if (code == 0)
		code = overlay_insist(o, directory, overlay_place_copy, &placing);
	if (code)
		return code;
	fs_tree_fd_name(number, directory);
	(void)utimensat(fs_tree_process_fds(o->tree), number,
			(struct timespec[2]){before.st_atim, before.st_mtim}, 0);
	return 0;
}

/* What the guest has open of it is the copy, open at place, from now on. */
static void overlay_hand_over(struct fs_ops *o, uint32_t node, int place)
{
	for (struct fs_handle *h = fs_handles_next(o->handles, node, NULL); h;
	     h = fs_handles_next(o->handles, node, h)) {
		AUTO_CLOSE int fd = -1;

		if (fs_tree_open(o->tree, place, (unsigned)h->access, &fd) == 0)
			(void)dup3(fd, h->fd, O_CLOEXEC);
	}
}

/* Whether the file's further names will find the copy. */
static bool overlay_index(int work, int copy, const struct fs_attr *was, int process_fds)
{
	char index[FS_TREE_INDEX_NAME], number[FS_TREE_FD_PATH];

	if (was->identity.type != S_IFREG || was->attr.nlink < 2)
		return false;
	fs_tree_index_name(index, &was->identity);
	fs_tree_fd_name(number, copy);
	return linkat(process_fds, number, work, index, AT_SYMLINK_FOLLOW) == 0;
}

/* The node's file, whose directory is in the upper layer; or one that has lost its name. */
static int overlay_raise_one(struct fs_ops *o, uint32_t number)
{
	struct fs_node *n = fs_nodes_get(o->nodes, number);
	const int work = fs_tree_work(o->tree, n), process_fds = fs_tree_process_fds(o->tree);
	const struct fs_node *parent = fs_nodes_get(o->nodes, n->parent);
	AUTO_PLACE struct fs_place file = FS_PLACE_NONE, above = FS_PLACE_NONE;
	AUTO_CLOSE int copy = -1;
	struct fs_attr was, now;
	int code = fs_tree_find(o->tree, n, &file, &was);

	if (code == 0 && n->fd < 0)
		code = fs_tree_find_directory(o->tree, parent, &above);
	if (code == 0)
		code = fs_tree_reserve(o->tree, n, OVERLAY_ENTRY + was.attr.blocks * 512);
	if (code == 0)
		fs_keep_lower(o, n, file.fd, &was);
	if (code == 0)
		code = fs_copyup(process_fds, file.fd, &was, work, OVERLAY_TEMP);
	if (code)
		return code;
	copy = openat(work, OVERLAY_TEMP, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	code = copy < 0 ? errno : 0;
	if (code == 0 && n->fd < 0)
		code = overlay_put(o, work, above.fd, n->name);
	if (code || n->fd >= 0)
		unlinkat(work, OVERLAY_TEMP, was.identity.type == S_IFDIR ? AT_REMOVEDIR : 0);
	if (code == 0)
		code = fs_copyup_mode(process_fds, copy, &was);
	if (code == 0)
		code = fs_attr_read(&now, copy, "", 0);
	if (code)
		return code;
	fs_tree_raised(o->tree, n, &was, &now,
		       n->fd < 0 && overlay_index(work, copy, &was, process_fds));
	fs_keep_raised(o, n, &was, &now);
	overlay_hand_over(o, number, copy);
	if (n->fd >= 0)
		fs_nodes_pin(n, mem_steal_fd(&copy));
	return 0;
}

int fs_overlay_raise(struct fs_ops *o, uint32_t node)
{
	AUTO_FREE uint32_t *way = NULL;
	size_t n = 0;
	int code = 0;

	for (uint32_t up = node; code == 0; n++) {
		const struct fs_node *at = fs_nodes_get(o->nodes, up);

		if (!at || at->layers != FS_LOWER)
			break;
		way = mem_resize(way, n + 1, sizeof(*way));
		way[n] = up;
		up = at->fd >= 0 ? 0 : at->parent;
	}
	while (n-- > 0 && code == 0)
		code = overlay_raise_one(o, way[n]);
	return code;
}

int fs_overlay_raise_entry(struct fs_ops *o, uint32_t directory, const struct fs_place *place,
			   const char *name, uint32_t *node)
{
	struct fuse_entry_out entry;
	int code = fs_tree_enter(o->tree, fs_nodes_get(o->nodes, directory), place, name, &entry);

	*node = 0;
	if (code)
		return code;
	*node = (uint32_t)entry.nodeid;
	code = fs_overlay_raise(o, *node);
	if (code) {
		fs_nodes_forget(o->nodes, *node, 1);
		*node = 0;
	}
	return code;
}

/* ---- names that are made ---- */

int fs_overlay_make_room(struct fs_ops *o, const struct fs_node *directory,
			 const struct fs_place *place, const char *name, bool *covered)
{
	struct fs_look look;
	int code;

	*covered = false;
	if (!fs_tree_is_overlay(o->tree, directory))
		return 0;
	if (strcmp(name, FS_LAYER_MARK) == 0)
		return EPERM;
	code = fs_tree_look_at(o->tree, directory, place, name, &look);
	if (code != ENOENT)
		return code ? code : EEXIST;
	code = fs_tree_reserve(o->tree, directory, OVERLAY_ENTRY);
	if (code == 0 && look.covered)
		code = fs_layer_uncover(place, name);
	*covered = code == 0 && look.covered;
	return code;
}

int fs_overlay_mkdir(const struct fs_place *place, const char *name, mode_t mode)
{
	AUTO_CLOSE int fd = -1;
	int code = mkdirat(place->fd, name, mode | S_IRWXU) < 0 ? errno : 0;

	if (code || place->lower < 0)
		return code ? code : fchmodat(place->fd, name, mode, 0) < 0 ? errno : 0;
	fd = openat(place->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	code = fd < 0 ? errno : fs_layer_mark(fd, FS_LAYER_NOTHING);
	if (code == 0 && fchmodat(place->fd, name, mode, 0) < 0)
		code = errno;
	if (code) {
		(void)fs_layer_clear(place->fd, name);
		unlinkat(place->fd, name, AT_REMOVEDIR);
	}
	return code;
}

int fs_overlay_join(struct fs_ops *o, uint32_t directory, struct fs_place *place, const char *name)
{
	const struct fs_node *n = fs_nodes_get(o->nodes, directory);
	char index[FS_TREE_INDEX_NAME];
	struct fs_identity copy;
	struct fs_look look;

	if (!fs_tree_has_copies(o->tree, n) || fs_tree_look_at(o->tree, n, place, name, &look) ||
	    !fs_tree_find_copy(o->tree, n, &look, index, &copy))
		return 0;
	if (place->layers == FS_LOWER) {
		const int code = fs_overlay_raise(o, directory);

		if (code)
			return code;
		fs_place_close(place);
		if (fs_tree_find_directory(o->tree, n, place))
			return ESTALE;
	}
	if (linkat(fs_tree_work(o->tree, n), index, place->fd, name, 0) < 0)
		return errno;
	fs_tree_lose_name(o->tree, n, &look);
	return 0;
}

/* ---- names that go ---- */

/* 0, or ENOTEMPTY. look: of the directory of this name. */
static int overlay_is_empty(struct fs_ops *o, const struct fs_node *directory,
			    const struct fs_place *place, const char *name,
			    const struct fs_look *look, bool again)
{
	AUTO_PLACE struct fs_place child = FS_PLACE_NONE;
	struct fs_list *list;
	bool any;
	int code = fs_tree_open_child(o->tree, directory, place, name, look, &child);

	if (code == 0)
		code = fs_list_take(fs_tree_process_fds(o->tree), &child, &list);
	if (code == EACCES && look->layers & FS_UPPER && !again &&
	    fchmodat(place->fd, name, S_IRWXU, 0) == 0) {
		/* rmdir(2) does not ask whether a directory may be read. */
		code = overlay_is_empty(o, directory, place, name, look, true);
		return fchmodat(place->fd, name, look->attr.attr.mode & 07777, 0) < 0 ? errno
										      : code;
	}
	if (code)
		return code;
	any = fs_list_length(list) > 0;
	fs_list_free(list);
	return any ? ENOTEMPTY : 0;
}

int fs_overlay_remove(struct fs_ops *o, const struct fs_node *directory,
		      const struct fs_place *place, const char *name, bool is_directory)
{
	struct fs_look look;
	int code = fs_tree_look_at(o->tree, directory, place, name, &look);

	if (code)
		return code;
	if ((look.attr.identity.type == S_IFDIR) != is_directory)
		return is_directory ? ENOTDIR : EISDIR;
	if (is_directory)
		code = overlay_is_empty(o, directory, place, name, &look, false);
	if (code)
		return code;
	if (fs_layer_has_lower(place, name)) {
		code = fs_layer_cover(place, name, fs_tree_work(o->tree, directory));
		if (code == 0)
			fs_tree_lose_name(o->tree, directory, &look);
		return code;
	}
	if (is_directory)
		(void)fs_layer_clear(place->fd, name);
	return unlinkat(place->fd, name, is_directory ? AT_REMOVEDIR : 0) < 0 ? errno : 0;
}

/* ---- names that move ---- */

/* What rename(2) says of the two. */
static int overlay_may_rename(struct fs_ops *o, const struct fs_overlay_name *to,
			      const struct fs_look *a, const struct fs_look *b, bool there,
			      unsigned flags)
{
	const bool a_dir = a->attr.identity.type == S_IFDIR;
	const bool b_dir = there && b->attr.identity.type == S_IFDIR;

	if (flags & RENAME_EXCHANGE)
		return there ? 0 : ENOENT;
	if (there && flags & RENAME_NOREPLACE)
		return EEXIST;
	if (there && a_dir != b_dir)
		return a_dir ? ENOTDIR : EISDIR;
	return b_dir ? overlay_is_empty(o, fs_nodes_get(o->nodes, to->directory), to->place,
					to->name, b, false)
		     : 0;
}

/* The entry goes to another directory: what lies below it goes along, or nothing does. */
static int overlay_make_movable(struct fs_ops *o, const struct fs_overlay_name *entry,
				const struct fs_overlay_name *target)
{
	AUTO_CLOSE int fd = -1;
	char path[PATH_MAX];
	struct fs_node *n;
	uint32_t number;
	int code = fs_overlay_raise_entry(o, entry->directory, entry->place, entry->name, &number);

	if (code)
		return code;
	n = fs_nodes_get(o->nodes, number);
	if (n->identity.type == S_IFDIR && (n->layers & FS_LOWER || target->place->lower >= 0)) {
		fd = openat(entry->place->fd, entry->name,
			    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		code = fd < 0 ? errno : 0;
		if (code == 0 && n->layers & FS_LOWER)
			code = fs_tree_lower_path(o->tree, n, path);
		if (code == 0)
			code = overlay_mark(o, fd, n->layers & FS_LOWER ? path : FS_LAYER_NOTHING);
		if (code == 0 && n->layers & FS_LOWER && !n->origin)
			n->origin = mem_strdup(path);
	}
	fs_nodes_forget(o->nodes, number, 1);
	/* Programs copy then, as between file systems. */
	return code == ENAMETOOLONG ? EXDEV : code;
}

/* The rename itself. Where the lower layer has the old name, that is covered in the same step. */
static int overlay_move(const struct fs_overlay_name *from, const struct fs_overlay_name *to,
			const struct fs_look *b, bool replaces_directory, unsigned flags, int work)
{
	const bool below = fs_layer_has_lower(from->place, from->name);
	int code;

	if (flags & RENAME_EXCHANGE || replaces_directory) {
		/* An empty directory that covers others has covers in it: it is cleared after. To be
		 * moved it has to be writable. */
		if (replaces_directory && fchmodat(to->place->fd, to->name, S_IRWXU, 0) < 0)
			return errno;
		code = renameat2(from->place->fd, from->name, to->place->fd, to->name,
				 RENAME_EXCHANGE) < 0
			       ? errno
			       : 0;
		if (code && replaces_directory &&
		    fchmodat(to->place->fd, to->name, b->attr.attr.mode & 07777, 0) < 0)
			return errno;
		if (code)
			return code;
		if (flags & RENAME_EXCHANGE)
			return 0;
		if (below)
			return fs_layer_cover(from->place, from->name, work);
		(void)fs_layer_clear(from->place->fd, from->name);
		return unlinkat(from->place->fd, from->name, AT_REMOVEDIR) < 0 ? errno : 0;
	}
	code = b->covered ? fs_layer_uncover(to->place, to->name) : 0;
	if (code == 0 && renameat2(from->place->fd, from->name, to->place->fd, to->name,
				   below ? RENAME_WHITEOUT : 0) < 0)
		code = errno;
	if (code && b->covered)
		(void)fs_layer_cover(to->place, to->name, work);
	return code;
}

int fs_overlay_rename(struct fs_ops *o, const struct fs_overlay_name *from,
		      const struct fs_overlay_name *to, unsigned flags)
{
	const struct fs_node *directory = fs_nodes_get(o->nodes, from->directory);
	const int work = fs_tree_work(o->tree, directory);
	struct fs_look a, b;
	int code = fs_tree_look_at(o->tree, directory, from->place, from->name, &a), found;
	bool replaces;

	if (code)
		return code;
	if (strcmp(to->name, FS_LAYER_MARK) == 0)
		return EPERM;
	found = fs_tree_look_at(o->tree, fs_nodes_get(o->nodes, to->directory), to->place, to->name,
				&b);
	if (found && found != ENOENT)
		return found;
	if (!found && !(flags & RENAME_EXCHANGE) &&
	    fs_identity_is_same(&a.attr.identity, &b.attr.identity))
		return flags & RENAME_NOREPLACE ? EEXIST : 0; /* two names of one file */
	code = overlay_may_rename(o, to, &a, &b, !found, flags);
	if (code == 0)
		code = fs_tree_reserve(o->tree, directory, OVERLAY_ENTRY);
	if (code == 0)
		code = overlay_make_movable(o, from, to);
	if (code == 0 && flags & RENAME_EXCHANGE)
		code = overlay_make_movable(o, to, from);
	replaces = !found && !(flags & RENAME_EXCHANGE) && b.layers & FS_UPPER &&
		   b.attr.identity.type == S_IFDIR;
	if (code == 0)
		code = overlay_move(from, to, &b, replaces, flags, work);
	if (code == 0 && !found && !(flags & RENAME_EXCHANGE))
		fs_tree_lose_name(o->tree, fs_nodes_get(o->nodes, to->directory), &b);
	return code;
}
