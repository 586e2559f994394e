/* Theory of operation.
 *
 * 1. The way to a node is its parents' names up to a node with a descriptor: an export's root,
 *    or what has lost its name. In an overlay it is walked in the upper layer or in the lower one,
 *    as the node's layers say; in the lower one a directory that was renamed begins it anew. It is walked by one openat2(2) from there; longer ways than
 *    PATH_MAX in pieces.
 * 2. RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS: a directory that the guest, or
 *    somebody on the host, swaps for a link while we walk gives ELOOP or EXDEV, never a file outside.
 * 3. What is found is compared by device, inode, type and time of birth with what the guest
 *    looked up. So a name that was given to another file never makes one file's number stand for
 *    the other.
 * 4. Changes that take a path (chmod, utimes, xattr) go through /proc/self/fd/N of a descriptor
 *    that was found in this way; N is ours, so the link leads to exactly this file. */
#include "fs/fs_tree.h"
#include "base/mem.h"
#include "fs/fs_origin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* For so long the guest believes names and attributes that nobody watches, and those that are watched: mapped
 * files of the host change without an event, so it is not for ever. */
#define TREE_VALID_S	     1
#define TREE_VALID_WATCHED_S 60

/* Times of files are those of the last tick of the kernel's (HZ is 100 at least), and some for the way here. */
#define TREE_TICK_NS (25 * 1000 * 1000)

struct tree_export {
	char *name;
	uint64_t device;
	uint32_t node;
	bool writable;
	/* of an overlay, else -1 and NULL */
	int lower, work;
	struct fs_origins *origins;
	uint64_t reserve; /* bytes that may be written before the free space is looked at again */
	bool has_index;
};

struct fs_tree {
	struct fs_nodes *nodes;
	struct tree_export export[FS_TREE_EXPORTS_MAX];
	size_t n;
	int process_fds;
	struct fs_watch *watch;
};

static void tree_on_drop(void *ctx, int watch)
{
	fs_watch_remove(((struct fs_tree *)ctx)->watch, watch);
}

struct fs_tree *fs_tree_new(int process_fds, struct fs_watch *watch)
{
	static const struct fs_identity root = {.type = S_IFDIR};
	struct fs_tree *t = mem_alloc(sizeof(*t));

	t->watch = watch;
	t->nodes = fs_nodes_new(watch ? tree_on_drop : NULL, t);
	t->process_fds = process_fds;
	/* FS_NODE_ROOT, of no export. */
	fs_nodes_add(t->nodes, FS_TREE_EXPORTS_MAX, &root, 0, "");
	return t;
}

void fs_tree_free(struct fs_tree *t)
{
	if (!t)
		return;
	fs_nodes_free(t->nodes);
	for (size_t i = 0; i < t->n; i++) {
		free(t->export[i].name);
		if (t->export[i].lower >= 0)
			close(t->export[i].lower);
		if (t->export[i].work >= 0)
			close(t->export[i].work);
		fs_origins_free(t->export[i].origins);
	}
	free(t);
}

struct fs_nodes *fs_tree_nodes(struct fs_tree *t)
{
	return t->nodes;
}

int fs_tree_export(struct fs_tree *t, const char *name, int fd, bool writable, struct err *e)
{
	const uint16_t number = (uint16_t)t->n;
	struct tree_export *x = &t->export[number];
	struct fs_node *n;
	struct fs_attr a;

	if (t->n == FS_TREE_EXPORTS_MAX)
		return err_set(e, "more than %d exported directories", FS_TREE_EXPORTS_MAX);
	errno = fs_attr_read(&a, fd, "", 0);
	if (errno)
		return err_sys(e, "look at the exported directory %s", name);
	if (a.identity.type != S_IFDIR)
		return err_set(e, "what is exported as %s is not a directory", name);
	n = fs_nodes_add(t->nodes, number, &a.identity, FS_NODE_ROOT, name);
	fs_nodes_pin(n, fd);
	x->node = fs_nodes_number(t->nodes, n);
	fs_nodes_hold(t->nodes, x->node); /* for good */
	x->name = mem_strdup(name);
	x->device = a.identity.device;
	x->writable = writable;
	x->lower = x->work = -1;
	t->n++;
	return 0;
}

int fs_tree_export_overlay(struct fs_tree *t, const char *name, int fd, int upper, int work,
			   struct err *e)
{
	struct tree_export *x = &t->export[t->n];
	struct fs_attr below;
	struct fs_node *n;

	errno = fs_attr_read(&below, fd, "", 0);
	if (errno)
		return err_sys(e, "look at the exported directory %s", name);
	if (fs_tree_export(t, name, upper, true, e) < 0)
		return -1;
	n = fs_nodes_get(t->nodes, x->node);
	n->layers = FS_UPPER | FS_LOWER;
	x->device = below.identity.device;
	x->lower = fd;
	x->work = work;
	x->origins = fs_origins_new();
	return 0;
}

size_t fs_tree_exports(const struct fs_tree *t)
{
	return t->n;
}

const char *fs_tree_export_name(const struct fs_tree *t, size_t i)
{
	return t->export[i].name;
}

struct fs_node *fs_tree_export_node(struct fs_tree *t, size_t i)
{
	return fs_nodes_get(t->nodes, t->export[i].node);
}

int fs_tree_may_write(const struct fs_tree *t, const struct fs_node *n)
{
	return n->export < t->n && t->export[n->export].writable ? 0 : EROFS;
}

int fs_tree_process_fds(const struct fs_tree *t)
{
	return t->process_fds;
}

void fs_tree_fd_name(char name[FS_TREE_FD_PATH], int fd)
{
	snprintf(name, FS_TREE_FD_PATH, "%d", fd);
}

void fs_tree_fd_path(char path[FS_TREE_FD_PATH], int fd)
{
	snprintf(path, FS_TREE_FD_PATH, "/proc/self/fd/%d", fd);
}

/* ---- from a number to a file ---- */

static int tree_open_beneath(int dirfd, const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do /* EAGAIN: something was renamed on the way */
		fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd;
}

/* The way down from `from`, at the end of path; ways that are longer take several turns. *below:
 * the node that it leads to. */
static const char *tree_way(struct fs_tree *t, uint32_t from, uint32_t to, char path[PATH_MAX],
			    uint32_t *below)
{
	size_t at = PATH_MAX - 1;

	path[at] = '\0';
	*below = to;
	for (uint32_t up = to; up != from; up = fs_nodes_get(t->nodes, up)->parent) {
		const char *name = fs_nodes_get(t->nodes, up)->name;
		const size_t n = strlen(name);

		if (n + 2 > at) { /* the lower end does not fit: it is for a later turn */
			at = PATH_MAX - 1;
			*below = up;
		}
		if (at != PATH_MAX - 1)
			path[--at] = '/';
		at -= n;
		memcpy(path + at, name, n);
	}
	return path + at;
}

/* Where the walk to a node begins: a node whose descriptor is known, in *fd (*own: the caller's). */
static int tree_start(struct fs_tree *t, uint32_t to, uint8_t layer, uint32_t *from, int *fd,
		      bool *own)
{
	const struct fs_node *n;

	*own = false;
	for (*from = to;; *from = n->parent) {
		n = fs_nodes_get(t->nodes, *from);
		if (!n || n->export >= t->n)
			return ENOENT; /* the root of all has no file */
		if (n->fd >= 0 && layer == FS_LOWER && n->parent == FS_NODE_ROOT) {
			*fd = t->export[n->export].lower;
			return 0;
		}
		if (n->fd >= 0) {
			*fd = n->fd;
			/* What has lost its name is in one layer alone. */
			return layer && !(n->layers & layer) ? ENOENT : 0;
		}
		if (layer == FS_LOWER && n->origin) {
			*fd = tree_open_beneath(t->export[n->export].lower, n->origin);
			*own = true;
			return *fd < 0 ? errno : 0;
		}
	}
}

/* *result: the caller's. */
static int tree_walk(struct fs_tree *t, uint32_t to, uint8_t layer, int *result)
{
	char path[PATH_MAX];
	uint32_t from, below = to;
	bool own;
	int fd, code = tree_start(t, to, layer, &from, &fd, &own);

	*result = -1;
	while (code == 0 && from != to) {
		const char *way = tree_way(t, from, to, path, &below);
		const int next = tree_open_beneath(fd, way);

		code = next < 0 ? errno : 0;
		if (own)
			close(fd);
		fd = next;
		own = next >= 0;
		from = below;
	}
	if (code == 0 && !own) {
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		code = fd < 0 ? errno : 0;
	}
	if (code)
		return code == ELOOP || code == EXDEV || code == ENOTDIR ? ESTALE : code;
	*result = fd;
	return 0;
}

/* Files of an overlay have the inode numbers that they had before they were copied. */
static void tree_show(const struct fs_tree *t, const struct fs_node *n, struct fs_attr *a)
{
	const struct tree_export *x = n->export < t->n ? &t->export[n->export] : NULL;
	const struct fs_origin *o = NULL;

	if (x && x->origins)
		o = fs_origins_get(x->origins, &a->identity);
	if (!o)
		return;
	a->attr.ino = o->shown;
	a->attr.nlink += (uint32_t)o->more;
}

int fs_tree_look(const struct fs_tree *t, const struct fs_node *n, int fd, struct fs_attr *a)
{
	const int code = fs_attr_read(a, fd, "",
				      n->export < t->n ? t->export[n->export].device : 0);

	if (code == 0)
		tree_show(t, n, a);
	return code;
}

int fs_tree_look_at(const struct fs_tree *t, const struct fs_node *n, const struct fs_place *place,
		    const char *name, struct fs_look *look)
{
	const int code = fs_layer_look(place, name, t->export[n->export].device, look);

	if (code == 0)
		tree_show(t, n, &look->attr);
	return code;
}

int fs_tree_find(struct fs_tree *t, const struct fs_node *n, struct fs_place *p, struct fs_attr *a)
{
	const uint8_t layer = n->layers & FS_UPPER ? FS_UPPER : n->layers;
	struct fs_attr found;
	int code;

	*p = (struct fs_place){.fd = n->fd, .borrowed = true, .layers = n->layers, .lower = -1};
	if (n->fd < 0) {
		p->borrowed = false;
		code = tree_walk(t, fs_nodes_number(t->nodes, n), layer, &p->fd);
		if (code)
			return code == ENOENT ? ESTALE : code;
	}
	code = fs_tree_look(t, n, p->fd, &found);
	if (code)
		return code;
	if (!p->borrowed && fs_nodes_find(t->nodes, n->export, &found.identity) != n)
		return ESTALE;
	if (a)
		*a = found;
	return 0;
}

int fs_tree_find_directory(struct fs_tree *t, const struct fs_node *n, struct fs_place *p)
{
	int code;

	p->fd = p->lower = -1;
	code = n->identity.type == S_IFDIR ? fs_tree_find(t, n, p, NULL) : ENOTDIR;
	/* The host may have taken the lower one away. */
	if (code == 0 && n->layers == (FS_UPPER | FS_LOWER))
		(void)tree_walk(t, fs_nodes_number(t->nodes, n), FS_LOWER, &p->lower);
	return code;
}

int fs_tree_open(const struct fs_tree *t, int place, unsigned flags, int *fd)
{
	const int allowed = O_ACCMODE | O_TRUNC | O_SYNC | O_DSYNC | O_DIRECTORY;
	char name[FS_TREE_FD_PATH];

	fs_tree_fd_name(name, place);
	*fd = openat(t->process_fds, name,
		     ((int)flags & allowed) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return *fd < 0 ? errno : 0;
}

/* ---- names ---- */

static bool tree_is_watched(const struct fs_node *n)
{
	return n && (n->watch >= 0 || n->layers == FS_UPPER);
}

/* Before what lies in it is looked at, so that no change is missed. Nobody else changes the upper
 * layer. */
static void tree_watch(struct fs_tree *t, struct fs_node *n, const struct fs_place *place)
{
	const int fd = place->layers ? fs_place_in(place, FS_LOWER) : place->fd;

	if (t->watch && n->watch < 0 && fd >= 0)
		n->watch = fs_watch_add(t->watch, fd, fs_nodes_number(t->nodes, n));
}

/* A change of a file by another of its names is an event there; one of a directory is its own event. */
static uint64_t tree_attr_valid(const struct fs_tree *t, const struct fs_node *n,
				const struct fs_attr *a)
{
	const bool told = n->fd < 0 && tree_is_watched(fs_nodes_get(t->nodes, n->parent)) &&
			  (a->identity.type == S_IFDIR ? tree_is_watched(n) : a->attr.nlink == 1);

	return told || n->layers & FS_UPPER ? TREE_VALID_WATCHED_S : TREE_VALID_S;
}

static bool tree_is_recent(const struct fs_attr *a)
{
	struct timespec now;
	int64_t age;

	clock_gettime(CLOCK_REALTIME, &now);
	age = (int64_t)now.tv_sec - (int64_t)a->attr.ctime;
	return age < 2 && age * 1000000000 + now.tv_nsec - a->attr.ctimensec < TREE_TICK_NS;
}

static void tree_tell(struct fs_node *n, const struct fs_attr *a)
{
	n->told_version = a->version;
	n->doubtful = n->doubtful || tree_is_recent(a);
}

bool fs_tree_confirm(struct fs_node *n, const struct fs_attr *a)
{
	if (n->told_version == a->version && !n->doubtful)
		return true;
	n->doubtful = false;
	tree_tell(n, a);
	return false;
}

void fs_tree_set_attr(struct fs_tree *t, struct fs_node *n, const struct fs_attr *a,
		      struct fuse_attr_out *out)
{
	*out = (struct fuse_attr_out){.attr_valid = tree_attr_valid(t, n, a), .attr = a->attr};
	tree_tell(n, a);
}

void fs_tree_forget_name(struct fs_tree *t, uint32_t parent, const char *name)
{
	struct fs_node *n = fs_nodes_find_entry(t->nodes, parent, name);

	if (n)
		n->told_name = false;
}

bool fs_tree_set_absent(struct fs_tree *t, const struct fs_node *parent, const char *name,
			struct fuse_entry_out *out)
{
	fs_tree_forget_name(t, fs_nodes_number(t->nodes, parent), name);
	*out = (struct fuse_entry_out){.entry_valid = TREE_VALID_WATCHED_S};
	return tree_is_watched(parent);
}

static void tree_set_entry(struct fs_tree *t, struct fs_node *n, const struct fs_attr *a,
			   struct fuse_entry_out *out)
{
	const bool watched = tree_is_watched(fs_nodes_get(t->nodes, n->parent));

	n->told_name = true;
	*out = (struct fuse_entry_out){
		.nodeid = fs_nodes_number(t->nodes, n),
		.generation = n->generation,
		.entry_valid = watched ? TREE_VALID_WATCHED_S : TREE_VALID_S,
		.attr_valid = tree_attr_valid(t, n, a),
		.attr = a->attr,
	};
	tree_tell(n, a);
}

static int tree_enter_export(struct fs_tree *t, const char *name, struct fuse_entry_out *out)
{
	for (size_t i = 0; i < t->n; i++) {
		struct fs_node *n = fs_tree_export_node(t, i);
		struct fs_attr a;
		int code;

		if (strcmp(t->export[i].name, name) != 0)
			continue;
		code = fs_attr_read(&a, n->fd, "", t->export[i].device);
		if (code)
			return code;
		n->lookups++;
		tree_set_entry(t, n, &a, out);
		return 0;
	}
	return ENOENT;
}

/* The child's node, new or known by another name. */
static int tree_child(struct fs_tree *t, uint32_t parent, uint16_t export, const char *name,
		      const struct fs_look *look, struct fs_node **result)
{
	struct fs_node *child = fs_nodes_find(t->nodes, export, &look->attr.identity);

	*result = child;
	if (!child) {
		*result = child = fs_nodes_add(t->nodes, export, &look->attr.identity, parent,
					       name);
		if (!child)
			return errno;
		child->layers = look->layers;
		child->origin = look->origin[0] ? mem_strdup(look->origin) : NULL;
		return 0;
	}
	/* An export's own root, mounted again below itself, stays what it is. */
	if (child->parent != FS_NODE_ROOT && !fs_nodes_move(t->nodes, child, parent, name))
		return ESTALE;
	child->lookups++;
	return 0;
}

int fs_tree_enter(struct fs_tree *t, struct fs_node *n, const struct fs_place *place,
		  const char *name, struct fuse_entry_out *out)
{
	const uint32_t parent = fs_nodes_number(t->nodes, n);
	struct fs_node *child;
	struct fs_look look;
	int code;

	if (parent == FS_NODE_ROOT)
		return tree_enter_export(t, name, out);
	tree_watch(t, n, place);
	code = fs_tree_look_at(t, n, place, name, &look);
	if (code == 0)
		code = tree_child(t, parent, n->export, name, &look, &child);
	if (code == 0)
		tree_set_entry(t, child, &look.attr, out);
	return code;
}

int fs_tree_enter_nameless(struct fs_tree *t, struct fs_node *n, int fd, struct fuse_entry_out *out)
{
	const uint32_t parent = fs_nodes_number(t->nodes, n);
	struct fs_node *child;
	struct fs_attr a;
	int pin, code = fs_attr_read(&a, fd, "", t->export[n->export].device);

	if (code)
		return code;
	pin = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (pin < 0)
		return errno;
	child = fs_nodes_add(t->nodes, n->export, &a.identity, parent, "");
	if (!child) {
		close(pin);
		return ENFILE;
	}
	child->layers = n->layers & FS_UPPER;
	fs_nodes_pin(child, pin);
	tree_set_entry(t, child, &a, out);
	return 0;
}

/* What look was of. */
static int tree_open_entry(const struct fs_place *directory, const char *name,
			   const struct fs_look *look)
{
	const int fd = look->layers == FS_LOWER ? fs_place_in(directory, FS_LOWER) : directory->fd;

	return tree_open_beneath(fd, name);
}

int fs_tree_keep(struct fs_tree *t, const struct fs_node *parent, const struct fs_place *place,
		 const char *name, uint32_t *number, int *pin)
{
	struct fs_look look;
	struct fs_node *n;
	int code = fs_tree_look_at(t, parent, place, name, &look);

	*number = 0;
	*pin = -1;
	if (code)
		return code;
	n = fs_nodes_find(t->nodes, parent->export, &look.attr.identity);
	if (!n)
		return 0;
	*number = fs_nodes_number(t->nodes, n);
	/* Under another of its names it can still be reached. */
	if (n->fd >= 0 || n->parent != fs_nodes_number(t->nodes, parent) ||
	    strcmp(n->name, name) != 0)
		return 0;
	*pin = tree_open_entry(place, name, &look);
	return *pin < 0 ? errno : 0;
}

void fs_tree_kept(struct fs_tree *t, uint32_t number, int pin, bool gone)
{
	struct fs_node *n = number ? fs_nodes_get(t->nodes, number) : NULL;

	if (gone && n && n->fd < 0 && pin >= 0) {
		fs_nodes_pin(n, pin);
		if (n->layers & FS_UPPER) /* a directory that was empty */
			n->layers = FS_UPPER;
	} else if (pin >= 0) {
		close(pin);
	}
}

/* ---- the host's changes ---- */

void fs_tree_expect_gone(struct fs_tree *t, const struct fs_node *parent, const char *name)
{
	if (parent->watch >= 0 && !parent->layers) /* an overlay's entries stay on the host */
		fs_watch_expect_gone(t->watch, fs_nodes_number(t->nodes, parent), name);
}

bool fs_tree_is_told(struct fs_tree *t, uint64_t number, int fd)
{
	const struct fs_node *n = fs_nodes_get(t->nodes, number);
	struct fs_attr a;

	return t->watch && n && fs_tree_look(t, n, fd, &a) == 0 && n->told_version == a.version;
}

void fs_tree_told(struct fs_tree *t, uint64_t number, int fd, bool right)
{
	struct fs_node *n = fs_nodes_get(t->nodes, number);
	struct fs_attr a;

	if (right && n && fs_tree_look(t, n, fd, &a) == 0)
		tree_tell(n, &a);
}

struct fs_watch *fs_tree_watch(const struct fs_tree *t)
{
	return t->watch;
}

int fs_tree_find_sibling(struct fs_tree *t, const struct fs_node *n, const char *name,
			 struct fs_place *p, uint32_t *number)
{
	const struct fs_node *parent = n->fd < 0 ? fs_nodes_get(t->nodes, n->parent) : NULL;
	AUTO_PLACE struct fs_place directory = FS_PLACE_NONE;
	const struct fs_node *sibling;
	struct fs_look look;
	int code;

	if (!parent || n->export >= t->n)
		return ENOENT;
	code = fs_tree_find_directory(t, parent, &directory);
	if (code == 0)
		code = fs_tree_look_at(t, parent, &directory, name, &look);
	if (code)
		return code;
	*p = (struct fs_place){.fd = tree_open_entry(&directory, name, &look), .lower = -1};
	if (p->fd < 0)
		return errno;
	sibling = fs_nodes_find(t->nodes, n->export, &look.attr.identity);
	*number = sibling ? fs_nodes_number(t->nodes, sibling) : 0;
	return 0;
}

struct fs_node *fs_tree_sibling(struct fs_tree *t, const struct fs_node *n, const char *name,
				struct fs_attr *a)
{
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	uint32_t number;

	if (fs_tree_find_sibling(t, n, name, &p, &number) || !number || fs_tree_look(t, n, p.fd, a))
		return NULL;
	return fs_nodes_get(t->nodes, number);
}

enum fs_tree_stale fs_tree_judge(struct fs_tree *t, uint32_t directory, const char *name,
				 enum fs_watch_change change, uint64_t *number)
{
	const struct fs_node *parent = fs_nodes_get(t->nodes, directory);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	struct fs_look look;
	struct fs_node *n;

	*number = 0;
	if (!parent)
		return FS_TREE_FRESH;
	if (change == FS_WATCH_MOVED || (change == FS_WATCH_GONE && !parent->layers) ||
	    fs_tree_find_directory(t, parent, &p))
		return FS_TREE_ENTRY;
	if (fs_tree_look_at(t, parent, &p, name, &look))
		return look.covered ? FS_TREE_FRESH : FS_TREE_ENTRY;
	if (look.layers & FS_UPPER)
		return FS_TREE_FRESH;
	n = fs_nodes_find(t->nodes, parent->export, &look.attr.identity);
	if (n)
		*number = fs_nodes_number(t->nodes, n);
	/* What we made, or renamed, is known by this name. */
	if (change == FS_WATCH_NAME)
		return n && n->told_name && n->parent == directory && strcmp(n->name, name) == 0
			       ? FS_TREE_FRESH
			       : FS_TREE_ENTRY;
	if (!n)
		return FS_TREE_UNKNOWN;
	/* Two changes of the host's within a tick leave the same version. */
	if (n->told_version == look.attr.version &&
	    !(n->host_changed && tree_is_recent(&look.attr)))
		return FS_TREE_FRESH;
	n->host_changed = true;
	tree_tell(n, &look.attr);
	return FS_TREE_CONTENTS;
}

/* ---- overlays ---- */

#define TREE_RESERVE_SHARE 8		  /* this part of the file system is for others, */
#define TREE_RESERVE_MAX   (256ull << 20) /* or so much */
#define TREE_RESERVE_STEP  (4ull << 20)

int fs_tree_open_child(const struct fs_tree *t, const struct fs_node *n,
		       const struct fs_place *place, const char *name, const struct fs_look *look,
		       struct fs_place *child)
{
	const int lower = fs_place_in(place, FS_LOWER);
	int below = -1;

	*child = (struct fs_place){.fd = -1, .layers = look->layers, .lower = -1};
	if (look->layers & FS_LOWER && look->origin[0])
		below = tree_open_beneath(t->export[n->export].lower, look->origin);
	else if (look->layers & FS_LOWER)
		below = tree_open_beneath(lower, name);
	if (look->layers == FS_LOWER) {
		child->fd = below;
	} else {
		child->lower = below;
		child->fd = tree_open_beneath(place->fd, name);
	}
	return child->fd < 0 ? errno : 0;
}

bool fs_tree_is_overlay(const struct fs_tree *t, const struct fs_node *n)
{
	return n->export < t->n && t->export[n->export].origins;
}

int fs_tree_work(const struct fs_tree *t, const struct fs_node *n)
{
	return t->export[n->export].work;
}

int fs_tree_reserve(struct fs_tree *t, const struct fs_node *n, uint64_t bytes)
{
	struct tree_export *x = &t->export[n->export];
	uint64_t unit, kept, free_bytes;
	struct statvfs st;

	if (!fs_tree_is_overlay(t, n))
		return 0;
	if (bytes > x->reserve) {
		if (fstatvfs(x->work, &st) < 0)
			return errno;
		unit = st.f_frsize;
		kept = st.f_blocks * unit / TREE_RESERVE_SHARE;
		kept = kept < TREE_RESERVE_MAX ? kept : TREE_RESERVE_MAX;
		free_bytes = st.f_bavail * unit;
		if (free_bytes < kept || free_bytes - kept < bytes ||
		    (st.f_files && st.f_favail < st.f_files / TREE_RESERVE_SHARE))
			return ENOSPC;
		x->reserve = bytes + (free_bytes - kept - bytes < TREE_RESERVE_STEP
					      ? free_bytes - kept - bytes
					      : TREE_RESERVE_STEP);
	}
	x->reserve -= bytes;
	return 0;
}

int fs_tree_lower_path(struct fs_tree *t, const struct fs_node *n, char path[PATH_MAX])
{
	size_t at = PATH_MAX - 1, size;

	path[at] = '\0';
	for (; n->parent != FS_NODE_ROOT; n = fs_nodes_get(t->nodes, n->parent)) {
		const char *part = n->origin ? n->origin : n->name;

		size = strlen(part);
		if (size + 2 > at)
			return ENAMETOOLONG;
		if (path[at])
			path[--at] = '/';
		at -= size;
		memcpy(path + at, part, size);
		if (n->origin)
			break;
	}
	memmove(path, path + at, PATH_MAX - at);
	return 0;
}

void fs_tree_raised(struct fs_tree *t, struct fs_node *n, const struct fs_attr *was,
		    const struct fs_attr *now, bool indexed)
{
	struct tree_export *x = &t->export[n->export];

	fs_origins_set(x->origins, (struct fs_origin){
					   .file = now->identity,
					   .shown = was->attr.ino,
					   /* the other ones; and its name in the work directory */
					   .more = indexed ? (int32_t)was->attr.nlink - 2 : 0,
				   });
	x->has_index |= indexed;
	if (n->told_version == was->version) /* it has the contents that it had */
		n->told_version = now->version;
	fs_nodes_become(t->nodes, n, &now->identity);
	n->layers = n->identity.type == S_IFDIR ? FS_UPPER | FS_LOWER : FS_UPPER;
}

bool fs_tree_has_copies(const struct fs_tree *t, const struct fs_node *n)
{
	return n->export < t->n && t->export[n->export].has_index;
}

bool fs_tree_find_copy(const struct fs_tree *t, const struct fs_node *n, const struct fs_look *look,
		       char index[FS_TREE_INDEX_NAME], struct fs_identity *copy)
{
	const struct tree_export *x = &t->export[n->export];
	struct fs_attr a;

	if (!x->has_index || look->layers != FS_LOWER || look->attr.identity.type != S_IFREG)
		return false;
	fs_tree_index_name(index, &look->attr.identity);
	if (fs_attr_read(&a, x->work, index, 0))
		return false;
	*copy = a.identity;
	return true;
}

void fs_tree_lose_name(struct fs_tree *t, const struct fs_node *n, const struct fs_look *look)
{
	struct tree_export *x = &t->export[n->export];
	struct fs_origin less = {.shown = look->attr.attr.ino};
	char index[FS_TREE_INDEX_NAME];
	const struct fs_origin *o;

	if (look->layers != FS_LOWER || look->attr.identity.type == S_IFDIR)
		return;
	if (!fs_tree_find_copy(t, n, look, index, &less.file))
		less.file = look->attr.identity;
	o = fs_origins_get(x->origins, &less.file);
	if (o)
		less = *o;
	less.more--;
	fs_origins_set(x->origins, less);
}

void fs_tree_index_name(char name[FS_TREE_INDEX_NAME], const struct fs_identity *lower)
{
	snprintf(name, FS_TREE_INDEX_NAME, "%llx-%llx", (unsigned long long)lower->device,
		 (unsigned long long)lower->inode);
}
