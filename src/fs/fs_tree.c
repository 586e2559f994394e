/* Theory of operation.
 *
 * 1. The way to a node is its parents' names up to a node with a descriptor: an export's root,
 *    or what has lost its name. It is walked by one openat2(2) from there; longer ways than
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

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
	for (size_t i = 0; i < t->n; i++)
		free(t->export[i].name);
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
	t->n++;
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

void fs_place_close(struct fs_place *p)
{
	if (p->fd >= 0 && !p->borrowed)
		close(p->fd);
	p->fd = -1;
}

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

static int tree_walk(struct fs_tree *t, uint32_t to, int *result)
{
	char path[PATH_MAX];
	uint32_t from = to, below = to;
	int fd;

	while (from && fs_nodes_get(t->nodes, from)->fd < 0)
		from = fs_nodes_get(t->nodes, from)->parent;
	if (!from)
		return ENOENT; /* the root of all has no file */
	fd = fs_nodes_get(t->nodes, from)->fd;
	*result = -1;
	while (from != to) {
		const char *way = tree_way(t, from, to, path, &below);
		const int next = tree_open_beneath(fd, way), code = errno;

		if (*result >= 0)
			close(*result);
		if (next < 0)
			return code == ELOOP || code == EXDEV || code == ENOTDIR ? ESTALE : code;
		*result = fd = next;
		from = below;
	}
	return 0;
}

int fs_tree_look(const struct fs_tree *t, const struct fs_node *n, int fd, struct fs_attr *a)
{
	return fs_tree_look_at(t, n, fd, "", a);
}

int fs_tree_look_at(const struct fs_tree *t, const struct fs_node *n, int fd, const char *name,
		    struct fs_attr *a)
{
	return fs_attr_read(a, fd, name, n->export < t->n ? t->export[n->export].device : 0);
}

int fs_tree_find(struct fs_tree *t, const struct fs_node *n, struct fs_place *p, struct fs_attr *a)
{
	struct fs_attr found;
	int code;

	*p = (struct fs_place){.fd = n->fd, .borrowed = true};
	if (n->fd < 0) {
		p->borrowed = false;
		code = tree_walk(t, fs_nodes_number(t->nodes, n), &p->fd);
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
	p->fd = -1;
	return n->identity.type == S_IFDIR ? fs_tree_find(t, n, p, NULL) : ENOTDIR;
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
	return n && n->watch >= 0;
}

/* Before what lies in it is looked at, so that no change is missed. */
static void tree_watch(struct fs_tree *t, struct fs_node *n, int place)
{
	if (t->watch && n->watch < 0)
		n->watch = fs_watch_add(t->watch, place, fs_nodes_number(t->nodes, n));
}

/* A change of a file by another of its names is an event there; one of a directory is its own event. */
static uint64_t tree_attr_valid(const struct fs_tree *t, const struct fs_node *n,
				const struct fs_attr *a)
{
	const bool told = n->fd < 0 && tree_is_watched(fs_nodes_get(t->nodes, n->parent)) &&
			  (a->identity.type == S_IFDIR ? tree_is_watched(n) : a->attr.nlink == 1);

	return told ? TREE_VALID_WATCHED_S : TREE_VALID_S;
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

bool fs_tree_set_absent(const struct fs_node *parent, struct fuse_entry_out *out)
{
	*out = (struct fuse_entry_out){.entry_valid = TREE_VALID_WATCHED_S};
	return tree_is_watched(parent);
}

static void tree_set_entry(struct fs_tree *t, struct fs_node *n, const struct fs_attr *a,
			   struct fuse_entry_out *out)
{
	const bool watched = tree_is_watched(fs_nodes_get(t->nodes, n->parent));

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

int fs_tree_enter(struct fs_tree *t, struct fs_node *n, int place, const char *name,
		  struct fuse_entry_out *out)
{
	const uint32_t parent = fs_nodes_number(t->nodes, n);
	struct fs_node *child;
	struct fs_attr a;
	int code;

	if (parent == FS_NODE_ROOT)
		return tree_enter_export(t, name, out);
	tree_watch(t, n, place);
	code = fs_attr_read(&a, place, name, t->export[n->export].device);
	if (code)
		return code;
	child = fs_nodes_find(t->nodes, n->export, &a.identity);
	if (!child) {
		child = fs_nodes_add(t->nodes, n->export, &a.identity, parent, name);
		if (!child)
			return errno;
	} else {
		/* An export's own root, mounted again below itself, stays what it is. */
		if (child->parent != FS_NODE_ROOT && !fs_nodes_move(t->nodes, child, parent, name))
			return ESTALE;
		child->lookups++;
	}
	tree_set_entry(t, child, &a, out);
	return 0;
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
	fs_nodes_pin(child, pin);
	tree_set_entry(t, child, &a, out);
	return 0;
}

int fs_tree_keep(struct fs_tree *t, const struct fs_node *parent, int place, const char *name,
		 uint32_t *number, int *pin)
{
	struct fs_node *n;
	struct fs_attr a;
	int code = fs_attr_read(&a, place, name, 0);

	*number = 0;
	*pin = -1;
	if (code)
		return code;
	n = fs_nodes_find(t->nodes, parent->export, &a.identity);
	if (!n)
		return 0;
	*number = fs_nodes_number(t->nodes, n);
	/* Under another of its names it can still be reached. */
	if (n->fd >= 0 || n->parent != fs_nodes_number(t->nodes, parent) ||
	    strcmp(n->name, name) != 0)
		return 0;
	*pin = tree_open_beneath(place, name);
	return *pin < 0 ? errno : 0;
}

void fs_tree_kept(struct fs_tree *t, uint32_t number, int pin, bool gone)
{
	struct fs_node *n = number ? fs_nodes_get(t->nodes, number) : NULL;

	if (gone && n && n->fd < 0 && pin >= 0)
		fs_nodes_pin(n, pin);
	else if (pin >= 0)
		close(pin);
}

/* ---- the host's changes ---- */

void fs_tree_expect_gone(struct fs_tree *t, const struct fs_node *parent, const char *name)
{
	if (tree_is_watched(parent))
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
	AUTO_PLACE struct fs_place directory = {.fd = -1};
	const struct fs_node *sibling;
	struct fs_attr a;
	int code;

	if (!parent || n->export >= t->n)
		return ENOENT;
	code = fs_tree_find_directory(t, parent, &directory);
	if (code)
		return code;
	*p = (struct fs_place){.fd = tree_open_beneath(directory.fd, name)};
	code = p->fd < 0 ? errno : fs_tree_look(t, n, p->fd, &a);
	if (code)
		return code;
	sibling = fs_nodes_find(t->nodes, n->export, &a.identity);
	*number = sibling ? fs_nodes_number(t->nodes, sibling) : 0;
	return 0;
}

struct fs_node *fs_tree_sibling(struct fs_tree *t, const struct fs_node *n, const char *name,
				struct fs_attr *a)
{
	AUTO_PLACE struct fs_place p = {.fd = -1};
	uint32_t number;

	if (fs_tree_find_sibling(t, n, name, &p, &number) || !number || fs_tree_look(t, n, p.fd, a))
		return NULL;
	return fs_nodes_get(t->nodes, number);
}

enum fs_tree_stale fs_tree_judge(struct fs_tree *t, uint32_t directory, const char *name,
				 enum fs_watch_change change, uint64_t *number)
{
	const struct fs_node *parent = fs_nodes_get(t->nodes, directory);
	AUTO_PLACE struct fs_place p = {.fd = -1};
	struct fs_node *n;
	struct fs_attr a;

	if (!parent)
		return FS_TREE_FRESH;
	if (change == FS_WATCH_GONE || change == FS_WATCH_MOVED ||
	    fs_tree_find_directory(t, parent, &p) ||
	    fs_attr_read(&a, p.fd, name, t->export[parent->export].device))
		return FS_TREE_ENTRY;
	n = fs_nodes_find(t->nodes, parent->export, &a.identity);
	/* What we made, or renamed, is known by this name. */
	if (change == FS_WATCH_NAME)
		return n && n->parent == directory && strcmp(n->name, name) == 0 ? FS_TREE_FRESH
										 : FS_TREE_ENTRY;
	if (!n)
		return FS_TREE_UNKNOWN;
	/* Two changes of the host's within a tick leave the same version. */
	if ((n->told_version == a.version && !(n->host_changed && tree_is_recent(&a))))
		return FS_TREE_FRESH;
	n->host_changed = true;
	tree_tell(n, &a);
	*number = fs_nodes_number(t->nodes, n);
	return FS_TREE_CONTENTS;
}
