/* Theory of operation.
 *
 * Offsets are those of the host's file system, so that a list goes on where it was left even
 * when entries came and went; where an offset is only a position, the descriptor that was left
 * there is what tells (fs_listing). An answer is filled until an entry does not fit; the next
 * request begins with it. */
#include "fs/fs_ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRS_PIECE 16384

struct dirs_entry { /* struct linux_dirent64 of getdents64(2) */
	uint64_t ino;
	int64_t off;
	uint16_t length;
	uint8_t type;
	char name[];
};

struct dirs_list {
	struct fs_ops *ops;
	uint32_t number;
	int fd;
	int64_t next; /* offset behind the last entry of the answer */
	bool full;    /* more are there */
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

/* The descriptor to list a directory by; -1 for the directory of exports. */
static int dirs_descriptor(struct fs_ops *o, const struct fs_message *m, int *fd)
{
	struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	AUTO_PLACE struct fs_place p = {.fd = -1};
	int code;

	*fd = -1;
	if (!n)
		return ESTALE;
	if (m->head.nodeid == FS_NODE_ROOT)
		return 0;
	code = fs_tree_find_directory(o->tree, n, &p);
	return code ? code : fs_tree_open(o->tree, p.fd, O_RDONLY | O_DIRECTORY, fd);
}

static bool dirs_is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
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
	/* What went away since it was listed has node 0: the kernel asks when it needs it. */
	if (l->plus && !dirs_is_dots(name) &&
	    fs_tree_enter(l->ops->tree, fs_nodes_get(l->ops->nodes, l->number), l->fd, name,
			  &entry))
		entry = (struct fuse_entry_out){0};
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

/* From where the descriptor stands, which is offset. */
static int dirs_list(struct dirs_list *l, uint64_t offset)
{
	alignas(8) char piece[DIRS_PIECE];

	l->next = (int64_t)offset;
	for (;;) {
		const long n = syscall(SYS_getdents64, l->fd, piece, sizeof(piece));

		if (n < 0)
			return l->reply->n ? 0 : errno;
		if (n == 0)
			return 0;
		for (long at = 0; at < n;) {
			const struct dirs_entry *e = (const void *)(piece + at);

			l->full = !dirs_add(l, e->name, e->ino, e->type, e->off);
			if (l->full)
				return 0;
			at += e->length;
		}
	}
}

/* The descriptor of a list that goes on, or one of its own. */
static int dirs_resume(struct fs_ops *o, const struct fs_message *m, int *fd)
{
	const struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	const uint64_t offset = m->in.read.offset;
	int code;

	*fd = n && offset ? fs_listings_take(o->listings, n, offset) : -1;
	if (*fd >= 0)
		return 0;
	code = dirs_descriptor(o, m, fd);
	if (code == 0 && *fd >= 0 && lseek(*fd, (off_t)offset, SEEK_SET) < 0) {
		code = errno;
		close(*fd);
	}
	return code;
}

/* It stays where it is while there is more. A piece of which a part was used is gone back in at
 * once, before anything is removed. */
static void dirs_leave(struct dirs_list *l)
{
	const struct fs_node *n = fs_nodes_get(l->ops->nodes, l->number);

	if (n && l->full && l->next && lseek(l->fd, l->next, SEEK_SET) >= 0)
		fs_listings_put(l->ops->listings, n, (uint64_t)l->next, l->fd);
	else
		close(l->fd);
}

static int dirs_read(struct fs_ops *o, const struct fs_message *m, bool plus, struct fs_reply *r)
{
	const struct fuse_read_in *in = &m->in.read;
	struct dirs_list l = {
		.ops = o, .number = (uint32_t)m->head.nodeid, .plus = plus, .reply = r};
	int code = dirs_resume(o, m, &l.fd);

	if (code)
		return code;
	l.room = in->size < FS_MESSAGE_DATA_MAX ? in->size : FS_MESSAGE_DATA_MAX;
	code = l.number == FS_NODE_ROOT ? dirs_list_exports(&l, in->offset)
					: dirs_list(&l, in->offset);
	if (l.fd >= 0)
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
	int fd, code = dirs_descriptor(o, m, &fd);

	(void)r;
	if (code == 0 && fd >= 0) {
		code = fsync(fd) < 0 ? errno : 0;
		close(fd);
	}
	return code;
}
