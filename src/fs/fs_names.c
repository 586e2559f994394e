#include "fs/fs_keep.h"
#include "fs/fs_overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A directory of the guest's, open, and how it may be used. */
struct names_place {
	struct fs_node *node;
	uint32_t number;
	struct fs_place at;
	bool covered; /* fs_overlay_make_room */
};
#define AUTO_NAMES __attribute__((cleanup(names_close)))

static void names_close(struct names_place *p)
{
	fs_place_close(&p->at);
}

static int names_open(struct fs_ops *o, uint64_t number, bool write, struct names_place *p)
{
	int code;

	p->at = (struct fs_place)FS_PLACE_NONE;
	p->covered = false;
	p->number = (uint32_t)number;
	p->node = fs_nodes_get(o->nodes, number);
	if (!p->node)
		return ESTALE;
	code = write ? fs_tree_may_write(o->tree, p->node) : 0;
	if (code == 0 && write)
		code = fs_overlay_raise(o, p->number);
	return code ? code : fs_tree_find_directory(o->tree, p->node, &p->at);
}

/* The entry that was just made, as the answer. */
static int names_answer(struct fs_ops *o, struct names_place *p, const char *name,
			struct fs_reply *r)
{
	struct fuse_entry_out out;
	const int code = fs_tree_enter(o->tree, fs_nodes_get(o->nodes, p->number), &p->at, name,
				       &out);

	if (code == 0)
		fs_reply_add(r, &out, sizeof(out));
	return code;
}

/* Opens the directory in which m->name will be made. */
static int names_begin(struct fs_ops *o, const struct fs_message *m, struct names_place *p)
{
	int code = names_open(o, m->head.nodeid, true, p);

	if (code == 0)
		code = fs_overlay_make_room(o, p->node, &p->at, m->name, &p->covered);
	if (code == 0)
		fs_keep_directory(o, p->node, &p->at);
	return code;
}

/* After it was made, or was not (code). */
static int names_end(struct fs_ops *o, const struct fs_message *m, struct names_place *p, int code,
		     enum fs_record_op op, struct fs_reply *r)
{
	if (code == 0) {
		fs_keep_made(o, fs_nodes_get(o->nodes, p->number), &p->at, m->name, op);
		return names_answer(o, p, m->name, r);
	}
	if (p->covered)
		(void)fs_layer_cover(&p->at, m->name, fs_tree_work(o->tree, p->node));
	return code;
}

int fs_names_lookup(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	AUTO_NAMES struct names_place p = {.at = FS_PLACE_NONE};
	struct fuse_entry_out absent;
	int code;

	p.at = (struct fs_place)FS_PLACE_NONE;
	if (m->head.nodeid == FS_NODE_ROOT) {
		p.number = FS_NODE_ROOT;
		return names_answer(o, &p, m->name, r);
	}
	code = names_open(o, m->head.nodeid, false, &p);
	if (code == 0)
		code = fs_overlay_join(o, p.number, &p.at, m->name);
	if (code == 0)
		code = names_answer(o, &p, m->name, r);
	if (code == ENOENT && fs_tree_set_absent(o->tree, p.node, m->name, &absent)) {
		fs_reply_add(r, &absent, sizeof(absent));
		code = 0;
	}
	return code;
}

int fs_names_forget(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	(void)r;
	fs_nodes_forget(o->nodes, m->head.nodeid, m->in.forget.nlookup);
	return FS_OPS_NO_ANSWER;
}

int fs_names_batch_forget(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	struct fuse_forget_one one;

	(void)r;
	for (size_t i = 0; i < m->ndata; i++) {
		memcpy(&one, (const unsigned char *)m->data + i * sizeof(one), sizeof(one));
		fs_nodes_forget(o->nodes, one.nodeid, one.nlookup);
	}
	return FS_OPS_NO_ANSWER;
}

int fs_names_readlink(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	ssize_t got;
	int code;

	if (!n || n->identity.type != S_IFLNK)
		return n ? EINVAL : ESTALE;
	code = fs_tree_find(o->tree, n, &p, NULL);
	if (code)
		return code;
	got = readlinkat(p.fd, "", (char *)r->bytes, PATH_MAX);
	if (got < 0)
		return errno;
	r->n = (size_t)got;
	return 0;
}

int fs_names_symlink(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	AUTO_NAMES struct names_place p = {.at = FS_PLACE_NONE};
	int code = names_begin(o, m, &p);

	if (code == 0 && symlinkat(m->name2, p.at.fd, m->name) < 0)
		code = errno;
	return names_end(o, m, &p, code, FS_RECORD_SYMLINK, r);
}

int fs_names_mknod(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const mode_t type = m->in.mknod.mode & S_IFMT;
	AUTO_NAMES struct names_place p = {.at = FS_PLACE_NONE};
	int code;

	if (type != S_IFREG && type != S_IFIFO && type != S_IFSOCK) /* devices are the host's */
		return EPERM;
	code = names_begin(o, m, &p);
	if (code == 0 &&
	    mknodat(p.at.fd, m->name, type | fs_attr_safe_mode(type, m->in.mknod.mode), 0) < 0)
		code = errno;
	return names_end(o, m, &p, code, type == S_IFREG ? FS_RECORD_CREATE : FS_RECORD_MKNOD, r);
}

int fs_names_mkdir(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	AUTO_NAMES struct names_place p = {.at = FS_PLACE_NONE};
	const mode_t mode = fs_attr_safe_mode(S_IFDIR, m->in.mkdir.mode);
	int code = names_begin(o, m, &p);

	if (code == 0 && p.at.layers)
		code = fs_overlay_mkdir(&p.at, m->name, mode);
	else if (code == 0 && mkdirat(p.at.fd, m->name, mode) < 0)
		code = errno;
	return names_end(o, m, &p, code, FS_RECORD_MKDIR, r);
}

static int names_remove(struct fs_ops *o, const struct fs_message *m, int flags)
{
	AUTO_NAMES struct names_place p = {.at = FS_PLACE_NONE};
	struct fs_attr was;
	uint32_t number;
	bool recorded;
	int pin, code = names_open(o, m->head.nodeid, true, &p);

	if (code == 0)
		code = fs_tree_keep(o->tree, p.node, &p.at, m->name, &number, &pin);
	if (code)
		return code;
	fs_keep_directory(o, p.node, &p.at);
	recorded = fs_keep_entry(o, p.node, &p.at, m->name, FS_RECORD_REMOVE, &was);
	if (p.at.layers)
		code = fs_overlay_remove(o, p.node, &p.at, m->name, flags == AT_REMOVEDIR);
	else
		code = unlinkat(p.at.fd, m->name, flags) < 0 ? errno : 0;
	if (code == 0)
		fs_tree_expect_gone(o->tree, p.node, m->name);
	fs_tree_kept(o->tree, number, pin, code == 0);
	if (code == 0 && recorded)
		fs_keep_gone(o, p.node, m->name, FS_RECORD_REMOVE, &was);
	return code;
}

int fs_names_unlink(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	(void)r;
	return names_remove(o, m, 0);
}

int fs_names_rmdir(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	(void)r;
	return names_remove(o, m, AT_REMOVEDIR);
}

/* What the guest knows moves along. from, to: numbers of what was there before; 0: not known, or
 * nothing. */
static void names_moved(struct fs_ops *o, const struct fs_message *m, uint32_t from, uint32_t to,
			bool exchanged)
{
	struct fs_node *a = from ? fs_nodes_get(o->nodes, from) : NULL, *b;

	if (a && a->parent != FS_NODE_ROOT)
		fs_nodes_move(o->nodes, a, (uint32_t)m->in.rename.newdir, m->name2);
	b = exchanged && to ? fs_nodes_get(o->nodes, to) : NULL;
	if (b && b->parent != FS_NODE_ROOT)
		fs_nodes_move(o->nodes, b, (uint32_t)m->head.nodeid, m->name);
}

static int names_change(struct fs_ops *o, const struct fs_message *m,
			const struct names_place *from, const struct names_place *to)
{
	const struct fs_overlay_name a = {from->number, &from->at, m->name};
	const struct fs_overlay_name b = {to->number, &to->at, m->name2};
	const unsigned flags = m->in.rename.flags;

	if (from->at.layers)
		return fs_overlay_rename(o, &a, &b, flags);
	return renameat2(from->at.fd, m->name, to->at.fd, m->name2, flags) < 0 ? errno : 0;
}

/* As names_change, with what the journal is to know. */
static int names_change_recorded(struct fs_ops *o, const struct fs_message *m,
				 const struct names_place *from, const struct names_place *to)
{
	const unsigned flags = m->in.rename.flags;
	struct fs_look moved;
	struct fs_attr was;
	bool replaces = false;
	int code;

	if (fs_tree_look_at(o->tree, from->node, &from->at, m->name, &moved))
		return names_change(o, m, from, to);
	fs_keep_directory(o, from->node, &from->at);
	fs_keep_directory(o, to->node, &to->at);
	if (!(flags & (RENAME_NOREPLACE | RENAME_EXCHANGE)))
		replaces = fs_keep_entry(o, to->node, &to->at, m->name2, FS_RECORD_RENAME, &was);
	code = names_change(o, m, from, to);
	/* Two names of one file: rename(2) leaves both. */
	if (code || (replaces && fs_identity_is_same(&was.identity, &moved.attr.identity)))
		return code;
	if (replaces)
		fs_keep_gone(o, to->node, m->name2, FS_RECORD_RENAME, &was);
	fs_keep_moved(o, from->node, m->name, to->node, m->name2, flags & RENAME_EXCHANGE);
	return 0;
}

int fs_names_rename(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const unsigned flags = m->in.rename.flags;
	AUTO_NAMES struct names_place from = {.at = FS_PLACE_NONE}, to = {.at = FS_PLACE_NONE};
	uint32_t moved = 0, replaced = 0;
	int pin = -1, moved_pin = -1, code = names_open(o, m->head.nodeid, true, &from);

	(void)r;
	if (code == 0)
		code = names_open(o, m->in.rename.newdir, true, &to);
	if (code == 0 && flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		code = EINVAL;
	if (code == 0 && from.node->export != to.node->export)
		code = EXDEV;
	if (code == 0)
		code = fs_tree_keep(o->tree, from.node, &from.at, m->name, &moved, &moved_pin);
	if (code)
		return code;
	fs_tree_kept(o->tree, moved, moved_pin, false);
	code = fs_tree_keep(o->tree, to.node, &to.at, m->name2, &replaced, &pin);
	if (code && code != ENOENT)
		return code;
	code = o->journal ? names_change_recorded(o, m, &from, &to)
			  : names_change(o, m, &from, &to);
	/* Two names of one file: rename(2) leaves both. */
	if (code == 0 && replaced != moved)
		fs_tree_expect_gone(o->tree, from.node, m->name);
	fs_tree_kept(o->tree, replaced, pin,
		     code == 0 && replaced != moved && !(flags & RENAME_EXCHANGE));
	if (code == 0 && (moved != replaced || !moved))
		names_moved(o, m, moved, replaced, flags & RENAME_EXCHANGE);
	return code;
}

int fs_names_link(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fs_node *n = fs_nodes_get(o->nodes, m->in.link.oldnodeid);
	AUTO_PLACE struct fs_place file = FS_PLACE_NONE;
	AUTO_NAMES struct names_place p = {.at = FS_PLACE_NONE};
	char name[FS_TREE_FD_PATH];
	int code = names_begin(o, m, &p);

	if (code == 0 && (!n || n->identity.type == S_IFDIR))
		code = n ? EPERM : ESTALE;
	if (code == 0 && n->export != p.node->export)
		code = EXDEV;
	if (code == 0)
		code = fs_overlay_raise(o, fs_nodes_number(o->nodes, n));
	if (code == 0)
		code = fs_tree_find(o->tree, n, &file, NULL);
	fs_tree_fd_name(name, file.fd);
	if (code == 0 &&
	    linkat(fs_tree_process_fds(o->tree), name, p.at.fd, m->name, AT_SYMLINK_FOLLOW) < 0)
		code = errno;
	return names_end(o, m, &p, code, FS_RECORD_LINK, r);
}

/* ---- files that are made open ---- */

static int names_make(int dirfd, const char *name, unsigned flags, mode_t mode)
{
	const struct open_how how = {
		.flags = (flags & (O_ACCMODE | O_EXCL | O_TRUNC | O_SYNC | O_DSYNC)) | O_CREAT |
			 O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
}

/* As names_make, of a file that may be there: then it is kept as it was. */
static int names_make_or_open(struct fs_ops *o, const struct fs_message *m,
			      const struct names_place *p)
{
	const unsigned flags = m->in.create.flags;
	const mode_t mode = fs_attr_safe_mode(S_IFREG, m->in.create.mode);
	int fd = names_make(p->at.fd, m->name, flags | O_EXCL, mode);
	struct fs_attr was;

	if (fd >= 0)
		fs_keep_made(o, p->node, &p->at, m->name, FS_RECORD_CREATE);
	if (fd >= 0 || errno != EEXIST || flags & O_EXCL)
		return fd;
	if (flags & O_TRUNC)
		(void)fs_keep_entry(o, p->node, &p->at, m->name, FS_RECORD_TRUNCATE, &was);
	return names_make(p->at.fd, m->name, flags, mode);
}

/* Answers with the entry and the handle; fd is taken over. */
static int names_answer_open(struct fs_ops *o, const struct fs_message *m,
			     const struct fuse_entry_out *entry, int fd, struct fs_reply *r)
{
	struct fuse_open_out out;
	int code = fs_files_add_handle(o, (uint32_t)entry->nodeid, fd, m->in.create.flags, &out);

	if (code) {
		fs_nodes_forget(o->nodes, entry->nodeid, 1);
		return code;
	}
	fs_reply_add(r, entry, sizeof(*entry));
	fs_reply_add(r, &out, sizeof(out));
	return 0;
}

int fs_names_create(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	AUTO_NAMES struct names_place p = {.at = FS_PLACE_NONE};
	struct fuse_entry_out entry;
	struct stat opened;
	uint32_t there = 0;
	int fd = -1, code = names_begin(o, m, &p);

	/* Somebody made it since the guest looked; it is opened. */
	if (code == EEXIST && !(m->in.create.flags & O_EXCL))
		code = fs_overlay_raise_entry(o, p.number, &p.at, m->name, &there);
	p.node = fs_nodes_get(o->nodes, p.number);
	if (code == 0)
		fd = names_make_or_open(o, m, &p);
	if (code == 0 && fd < 0)
		code = errno;
	if (there)
		fs_nodes_forget(o->nodes, there, 1);
	if (code)
		return names_end(o, m, &p, code, FS_RECORD_CREATE, r);
	code = fstat(fd, &opened) < 0 ? errno : 0;
	if (code == 0 && !S_ISREG(opened.st_mode))
		code = EINVAL;
	if (code == 0)
		code = fs_tree_enter(o->tree, p.node, &p.at, m->name, &entry);
	if (code) {
		close(fd);
		return code;
	}
	return names_answer_open(o, m, &entry, fd, r);
}

int fs_names_tmpfile(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const unsigned allowed = O_ACCMODE | O_EXCL | O_SYNC | O_DSYNC;
	AUTO_NAMES struct names_place p = {.at = FS_PLACE_NONE};
	struct fuse_entry_out entry;
	int fd, code = names_open(o, m->head.nodeid, true, &p);

	if (code)
		return code;
	fd = openat(p.at.fd, ".", (int)(m->in.create.flags & allowed) | O_TMPFILE | O_CLOEXEC,
		    fs_attr_safe_mode(S_IFREG, m->in.create.mode));
	if (fd < 0)
		return errno;
	fs_keep_nameless(o, p.node, fd);
	code = fs_tree_enter_nameless(o->tree, p.node, fd, &entry);
	if (code) {
		close(fd);
		return code;
	}
	return names_answer_open(o, m, &entry, fd, r);
}
