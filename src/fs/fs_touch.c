#include "fs/fs_touch.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define TOUCH_DEVICE UINT64_MAX /* of entries that are not there: no device has it */

/* ---- what is told ---- */

/* The path of name below a directory, at the end of path; NULL: it is too long, or nothing leads
 * there. */
static const char *touch_path(struct fs_nodes *nodes, uint32_t directory, const char *name,
			      char path[FSTOUCH_PATH_MAX])
{
	size_t at = FSTOUCH_PATH_MAX - 1;

	path[at] = '\0';
	while (directory != FS_NODE_ROOT) {
		const struct fs_node *n = fs_nodes_get(nodes, directory);
		const size_t length = strlen(name);

		/* What has a descriptor and is no export's root has lost its name. */
		if (length + 2 > at || !n || (n->fd >= 0 && n->parent != FS_NODE_ROOT))
			return NULL;
		at -= length;
		memcpy(path + at, name, length);
		path[--at] = '/';
		name = n->name;
		directory = n->parent;
	}
	if (strlen(name) > at)
		return NULL;
	at -= strlen(name);
	memcpy(path + at, name, strlen(name));
	return path + at;
}

size_t fs_touch_tell(const struct fs_touch *t, struct fs_ops *o, uint32_t directory,
		     const char *name, enum fstouch_kind kind, bool is_directory, void *bytes)
{
	const struct fs_node *n = t->pid ? fs_nodes_get(o->nodes, directory) : NULL;
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	struct fstouch touch = {.kind = kind, .type = is_directory ? S_IFDIR : S_IFREG};
	char path[FSTOUCH_PATH_MAX];
	struct fs_look look;
	struct fs_attr a;
	const char *from;

	if (!n || fs_tree_find_directory(o->tree, n, &p) || fs_tree_look(o->tree, n, p.fd, &a))
		return 0;
	touch.directory = a.attr.ino;
	if (kind != FSTOUCH_WENT) {
		if (fs_tree_look_at(o->tree, n, &p, name, &look))
			return 0;
		touch.file = look.attr.attr.ino;
		touch.type = look.attr.attr.mode & (S_IFMT | 0111);
	}
	from = touch_path(o->nodes, directory, name, path);
	if (!from)
		return 0;
	touch.length = (uint32_t)(sizeof(touch) + strlen(from) + 1);
	memcpy(bytes, &touch, sizeof(touch));
	memcpy((char *)bytes + sizeof(touch), from, strlen(from) + 1);
	return touch.length;
}

/* ---- answers as if ---- */

/* Names of the root by which the process says what it does. */
static bool touch_announces(struct fs_touch *t, const struct fs_message *m)
{
	static const char *const stages[] = {FSTOUCH_IS, FSTOUCH_COMES, FSTOUCH_GOES,
					     FSTOUCH_RMDIR};

	if (m->head.opcode != FUSE_LOOKUP || m->head.nodeid != FS_NODE_ROOT)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(stages); i++)
		if (strcmp(m->name, stages[i]) == 0) {
			t->pid = m->head.pid;
			t->stage = stages[i];
			return true;
		}
	return false;
}

/* Whether the host has the entry. */
static bool touch_is_there(struct fs_ops *o, const struct fs_message *m)
{
	struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	struct fs_look look;

	return !n || m->head.nodeid == FS_NODE_ROOT || fs_tree_find_directory(o->tree, n, &p) ||
	       fs_tree_look_at(o->tree, n, &p, m->name, &look) == 0;
}

/* An entry that is not there any more, to be removed. */
static int touch_make_up(struct fs_touch *t, struct fs_ops *o, const struct fs_message *m,
			 struct fs_reply *r)
{
	const struct fs_node *parent = fs_nodes_get(o->nodes, m->head.nodeid);
	const uint32_t type = strcmp(t->stage, FSTOUCH_RMDIR) == 0 ? S_IFDIR : S_IFREG;
	const struct fs_identity identity = {
		.device = TOUCH_DEVICE, .inode = ++t->made_up, .type = type};
	struct fs_node *n = fs_nodes_add(o->nodes, parent->export, &identity,
					 (uint32_t)m->head.nodeid, m->name);
	struct fuse_entry_out out = {.attr = {.ino = t->made_up, .mode = type, .nlink = 1}};

	if (!n)
		return ENFILE;
	out.nodeid = fs_nodes_number(o->nodes, n);
	out.generation = n->generation;
	fs_reply_add(r, &out, sizeof(out));
	return 0;
}

static int touch_lookup(struct fs_touch *t, struct fs_ops *o, const struct fs_message *m,
			struct fs_reply *r)
{
	const bool is_there = touch_is_there(o, m);

	/* Never an entry that is known to be absent, which the kernel would remember. */
	if (strcmp(t->stage, FSTOUCH_IS) == 0)
		return is_there ? fs_names_lookup(o, m, r) : ENOENT;
	if (strcmp(t->stage, FSTOUCH_COMES) == 0 || is_there)
		return ENOENT;
	return touch_make_up(t, o, m, r);
}

/* Opened to be closed. */
static int touch_open(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	struct fs_message reading = *m;

	reading.in.open.flags = O_RDONLY;
	return fs_files_open(o, &reading, r);
}

bool fs_touch_answer(struct fs_touch *t, struct fs_ops *o, const struct fs_message *m,
		     struct fs_reply *r, int *code)
{
	if (touch_announces(t, m)) {
		*code = ENOENT;
		return true;
	}
	if (!t->pid || m->head.pid != t->pid)
		return false;
	switch (m->head.opcode) {
	case FUSE_LOOKUP:
		*code = touch_lookup(t, o, m, r);
		return true;
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_SYMLINK:
		*code = strcmp(t->stage, FSTOUCH_COMES) == 0 ? fs_names_lookup(o, m, r) : EEXIST;
		return true;
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		*code = touch_is_there(o, m) ? ENOENT : 0;
		return true;
	case FUSE_SETATTR:
		*code = fs_files_getattr(o, m, r);
		return true;
	case FUSE_OPEN:
		*code = touch_open(o, m, r);
		return true;
	default:
		return false;
	}
}
