#include "fs/fs_keep.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool keep_is_wanted(const struct fs_ops *o, const struct fs_node *n)
{
	return o->journal && n && n->parent && o->journaled & 1u << n->export;
}

static enum fs_journal_depth keep_depth(enum fs_record_op op, const struct fs_attr *a)
{
	if (a->identity.type != S_IFREG || op == FS_RECORD_ATTRIBUTES)
		return FS_JOURNAL_ATTRIBUTES;
	/* One name of several goes; the file stays. */
	if ((op == FS_RECORD_REMOVE || op == FS_RECORD_RENAME) && a->attr.nlink > 1)
		return FS_JOURNAL_ATTRIBUTES;
	return FS_JOURNAL_CONTENTS;
}

/* The path of the entry in the directory n, or with the name "" n's own; NULL: it is too long. */
static const char *keep_path(struct fs_ops *o, const struct fs_node *n, const char *name,
			     char path[PATH_MAX])
{
	size_t at = PATH_MAX - 1;

	path[at] = '\0';
	for (;;) {
		const size_t length = strlen(name);

		if (length + 1 > at)
			return NULL;
		if (length && path[at])
			path[--at] = '/';
		at -= length;
		memcpy(path + at, name, length);
		if (n->parent == FS_NODE_ROOT)
			return path + at;
		name = n->name;
		n = fs_nodes_get(o->nodes, n->parent);
		if (!n)
			return NULL;
	}
}

static struct fs_journal_path keep_at(struct fs_ops *o, const struct fs_node *n, const char *path)
{
	return (struct fs_journal_path){fs_tree_export_name(o->tree, n->export), path};
}

static void keep_save(struct fs_ops *o, const struct fs_node *n, const char *name, int fd,
		      const struct fs_attr *a, enum fs_record_op op)
{
	char buffer[PATH_MAX];
	const char *path = keep_path(o, n, name, buffer);

	if (path)
		fs_journal_save(o->journal, keep_at(o, n, path), op, fd, a, keep_depth(op, a));
}

void fs_keep_node(struct fs_ops *o, const struct fs_node *n, int fd, enum fs_record_op op)
{
	struct fs_attr a = {.attr.nlink = 1};

	if (!keep_is_wanted(o, n) || n->layers & FS_UPPER)
		return;
	a.identity = n->identity;
	if (fs_journal_has(o->journal, &n->identity, keep_depth(op, &a)) ||
	    fs_attr_read(&a, fd, "", 0) || a.attr.nlink == 0)
		return;
	if (n->fd >= 0) /* it has lost its name here, not all of them */
		fs_journal_save(o->journal, keep_at(o, n, ""), op, fd, &a, keep_depth(op, &a));
	else
		keep_save(o, n, "", fd, &a, op);
}

void fs_keep_directory(struct fs_ops *o, const struct fs_node *n, const struct fs_place *place)
{
	const int fd = place->layers && place->lower >= 0 ? place->lower : place->fd;
	struct fs_attr a;

	if (!keep_is_wanted(o, n) || place->layers == FS_UPPER ||
	    fs_journal_has(o->journal, &n->identity, FS_JOURNAL_ATTRIBUTES) ||
	    fs_attr_read(&a, fd, "", 0))
		return;
	keep_save(o, n, "", fd, &a, FS_RECORD_ENTRIES);
	if (place->layers)
		fs_journal_become(o->journal, &a.identity, &n->identity);
}

bool fs_keep_entry(struct fs_ops *o, const struct fs_node *directory, const struct fs_place *place,
		   const char *name, enum fs_record_op op, struct fs_attr *was)
{
	AUTO_CLOSE int fd = -1;
	struct fs_look look;

	if (!keep_is_wanted(o, directory) ||
	    fs_tree_look_at(o->tree, directory, place, name, &look))
		return false;
	*was = look.attr;
	if (look.layers & FS_UPPER ||
	    fs_journal_has(o->journal, &was->identity, keep_depth(op, was)))
		return true;
	fd = openat(place->layers ? fs_place_in(place, FS_LOWER) : place->fd, name,
		    O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		keep_save(o, directory, name, fd, was, op);
	return true;
}

void fs_keep_lower(struct fs_ops *o, const struct fs_node *n, int fd, const struct fs_attr *was)
{
	if (!keep_is_wanted(o, n))
		return;
	if (n->fd >= 0) /* the guest has removed it */
		fs_journal_own(o->journal, &was->identity);
	else
		keep_save(o, n, "", fd, was, FS_RECORD_COPY_UP);
}

void fs_keep_raised(struct fs_ops *o, const struct fs_node *n, const struct fs_attr *was,
		    const struct fs_attr *now)
{
	if (keep_is_wanted(o, n))
		fs_journal_become(o->journal, &was->identity, &now->identity);
}

void fs_keep_made(struct fs_ops *o, const struct fs_node *directory, const struct fs_place *place,
		  const char *name, enum fs_record_op op)
{
	char buffer[PATH_MAX];
	const char *path;
	struct fs_attr a;

	if (!keep_is_wanted(o, directory) || fs_attr_read(&a, place->fd, name, 0))
		return;
	path = keep_path(o, directory, name, buffer);
	if (path)
		fs_journal_made(o->journal, keep_at(o, directory, path), op, &a.identity);
}

void fs_keep_nameless(struct fs_ops *o, const struct fs_node *directory, int fd)
{
	struct fs_attr a;

	if (keep_is_wanted(o, directory) && fs_attr_read(&a, fd, "", 0) == 0)
		fs_journal_own(o->journal, &a.identity);
}

void fs_keep_gone(struct fs_ops *o, const struct fs_node *directory, const char *name,
		  enum fs_record_op op, const struct fs_attr *was)
{
	char buffer[PATH_MAX];
	const char *path = keep_path(o, directory, name, buffer);

	if (path)
		fs_journal_gone(o->journal, keep_at(o, directory, path), op, was);
}

void fs_keep_moved(struct fs_ops *o, const struct fs_node *from, const char *name,
		   const struct fs_node *to, const char *name2, bool swapped)
{
	char buffer[PATH_MAX], buffer2[PATH_MAX];
	const char *path, *path2;

	if (!keep_is_wanted(o, from))
		return;
	path = keep_path(o, from, name, buffer);
	path2 = keep_path(o, to, name2, buffer2);
	if (path && path2)
		fs_journal_moved(o->journal, keep_at(o, from, path), path2, swapped);
}
