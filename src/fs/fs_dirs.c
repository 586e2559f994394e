/* Theory of operation.
 *
 * Offsets are those of the host's file system, so that a list goes on where it was left even
 * when entries came and went; where an offset is only a position, the descriptor that was left
 * there is what tells (fs_listing). An answer is filled until an entry does not fit; the next
 * request begins with it. */
#include "base/mem.h"
#include "fs/fs_overlay.h"
#include "fs/fs_policy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct dirs_list {
	struct fs_ops *ops;
	uint32_t number;
	struct fs_place place; /* fd: open for reading, but for an overlay's */
	int64_t next;	       /* offset behind the last entry of the answer */
	bool full;	       /* more are there */
	bool plus;
	size_t room;
	struct fs_reply *reply;
};

/* A kernel that knows how (FUSE_NO_OPENDIR_SUPPORT) opens directories without asking from now
 * on, and keeps what it listed. */
int fs_dirs_open(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	(void)o;
	(void)m;
	(void)r;
	return FS_OPS_NEVER;
}

/* The directory, to be listed; nothing for the directory of exports. */
static int dirs_place(struct fs_ops *o, const struct fs_message *m, struct fs_place *p)
{
	struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	AUTO_PLACE struct fs_place found = FS_PLACE_NONE;
	int code;

	*p = (struct fs_place)FS_PLACE_NONE;
	if (!n)
		return ESTALE;
	if (m->head.nodeid == FS_NODE_ROOT)
		return 0;
	if (n->layers)
		return fs_tree_find_directory(o->tree, n, p);
	code = fs_tree_find_directory(o->tree, n, &found);
	return code ? code : fs_tree_open(o->tree, found.fd, O_RDONLY | O_DIRECTORY, &p->fd);
}

static bool dirs_is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* What went away since it was listed has node 0: the kernel asks when it needs it. */
static void dirs_enter(struct dirs_list *l, const char *name, struct fuse_entry_out *entry)
{
	struct fs_node *n = fs_nodes_get(l->ops->nodes, l->number);

	if ((l->place.layers && fs_overlay_join(l->ops, l->number, &l->place, name)) ||
	    fs_tree_enter(l->ops->tree, n, &l->place, name, entry))
		*entry = (struct fuse_entry_out){0};
}

/* False: there is no room for it any more. */
static bool dirs_add(struct dirs_list *l, const char *name, uint64_t ino, uint8_t type,
		     int64_t next)
{
	static const unsigned char padding[8];
	const size_t n = strlen(name), ahead = l->plus ? sizeof(struct fuse_entry_out) : 0;
	const size_t size = ahead + offsetof(struct fuse_dirent, name) + n,
		     rounded = FUSE_DIRENT_ALIGN(size);
	struct fuse_dirent d = {
		.ino = ino, .off = (uint64_t)next, .namelen = (uint32_t)n, .type = type};
	struct fuse_entry_out entry = {0};

	if (l->reply->n + rounded > l->room)
		return false;
	if (l->plus && !dirs_is_dots(name))
		dirs_enter(l, name, &entry);
	if (entry.nodeid)
		d.ino = entry.attr.ino;
	if (l->plus)
		fs_reply_add(l->reply, &entry, sizeof(entry));
	fs_reply_add(l->reply, &d, offsetof(struct fuse_dirent, name));
	fs_reply_add(l->reply, name, n);
	fs_reply_add(l->reply, padding, rounded - size);
	l->next = next;
	return true;
}

static int dirs_list_exports(struct dirs_list *l, uint64_t offset)
{
	for (size_t i = offset; i < fs_tree_exports(l->ops->tree); i++)
		if (!dirs_add(l, fs_tree_export_name(l->ops->tree, i), 2 + i, DT_DIR,
			      (int64_t)i + 1))
			break;
	return 0;
}

static bool dirs_add_entry(void *list, const struct fs_dirent *e)
{
	struct dirs_list *l = list;

	l->full = !fs_policy_is_hidden(l->ops->policy, l->ops->nodes, l->number, e->name) &&
		  !dirs_add(l, e->name, e->ino, e->type, e->next);
	return !l->full;
}

/* From where the descriptor stands, which is offset. */
static int dirs_list(struct dirs_list *l, uint64_t offset)
{
	int code;

	l->next = (int64_t)offset;
	code = fs_dirent_each(l->place.fd, dirs_add_entry, l);
	return l->reply->n ? 0 : code;
}

/* Of an overlay: by a list of both layers, whose offsets are places in it. "." and ".." come first,
 * at 0 and 1. */
static int dirs_list_layers(struct dirs_list *l, uint64_t offset)
{
	static const char *const dots[] = {".", ".."};
	const struct fs_node *n = fs_nodes_get(l->ops->nodes, l->number);
	const size_t ndots = ARRAY_LEN(dots);
	const struct fs_list *list;
	bool room = true;
	int code = fs_lists_get(l->ops->lists, l->number, n->generation, offset == 0, &l->place,
				&list);

	for (uint64_t i = offset; code == 0 && room && i < ndots; i++)
		room = dirs_add(l, dots[i], n->identity.inode, DT_DIR, (int64_t)i + 1);
	for (uint64_t i = offset < ndots ? 0 : offset - ndots;
	     code == 0 && room && i < fs_list_length(list); i++) {
		struct fs_dirent e = fs_list_get(list, i);

		e.next += (int64_t)ndots;
		room = dirs_add_entry(l, &e);
	}
	return code;
}

/* The descriptor of a list that goes on, or one of its own. */
static int dirs_resume(struct fs_ops *o, const struct fs_message *m, struct fs_place *p)
{
	const struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	const uint64_t offset = m->in.read.offset;
	const int fd = n && !n->layers && offset ? fs_listings_take(o->listings, n, offset) : -1;
	int code;

	*p = (struct fs_place)FS_PLACE_NONE;
	p->fd = fd;
	if (fd >= 0)
		return 0;
	code = dirs_place(o, m, p);
	if (code == 0 && p->fd >= 0 && !p->layers && lseek(p->fd, (off_t)offset, SEEK_SET) < 0) {
		code = errno;
		fs_place_close(p);
	}
	return code;
}

/* It stays where it is while there is more. A piece of which a part was used is gone back in at
 * once, before anything is removed. */
static void dirs_leave(struct dirs_list *l)
{
	const struct fs_node *n = fs_nodes_get(l->ops->nodes, l->number);
	const bool stays = n && !l->place.layers && l->full && l->next;

	if (stays && l->place.fd >= 0 && lseek(l->place.fd, l->next, SEEK_SET) >= 0)
		fs_listings_put(l->ops->listings, n, (uint64_t)l->next, mem_steal_fd(&l->place.fd));
	fs_place_close(&l->place);
}

static int dirs_read(struct fs_ops *o, const struct fs_message *m, bool plus, struct fs_reply *r)
{
	const struct fuse_read_in *in = &m->in.read;
	struct dirs_list l = {
		.ops = o, .number = (uint32_t)m->head.nodeid, .plus = plus, .reply = r};
	int code = dirs_resume(o, m, &l.place);

	if (code)
		return code;
	l.room = in->size < FS_MESSAGE_DATA_MAX ? in->size : FS_MESSAGE_DATA_MAX;
	if (l.number == FS_NODE_ROOT)
		code = dirs_list_exports(&l, in->offset);
	else if (l.place.layers)
		code = dirs_list_layers(&l, in->offset);
	else
		code = dirs_list(&l, in->offset);
	dirs_leave(&l);
	return code;
}

int fs_dirs_read(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	return dirs_read(o, m, false, r);
}

int fs_dirs_read_plus(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	return dirs_read(o, m, true, r);
}

int fs_dirs_fsync(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	AUTO_CLOSE int fd = -1;
	int code = dirs_place(o, m, &p);

	(void)r;
	if (code || p.fd < 0)
		return code;
	code = fs_tree_open(o->tree, p.fd, O_RDONLY | O_DIRECTORY, &fd);
	return code ? code : fsync(fd) < 0 ? errno : 0;
}
