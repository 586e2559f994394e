#include "fs/fs_keep.h"
#include "fs/fs_overlay.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define XATTRS_VALUE_MAX 65536 /* XATTR_SIZE_MAX of the kernel */

/* Attributes of users only: those of others mean something to the host's kernel. */
static bool xattrs_is_users(const char *name)
{
	return strncmp(name, "user.", 5) == 0 && name[5];
}

static int xattrs_find(struct fs_ops *o, const struct fs_message *m, bool write, struct fs_place *p,
		       char path[FS_TREE_FD_PATH])
{
	const struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	int code = n ? 0 : ESTALE;

	if (code == 0 && m->name && !xattrs_is_users(m->name))
		code = EOPNOTSUPP;
	if (code == 0 && write)
		code = fs_tree_may_write(o->tree, n);
	if (code == 0 && write)
		code = fs_overlay_raise(o, (uint32_t)m->head.nodeid);
	if (code == 0)
		code = m->head.nodeid == FS_NODE_ROOT ? EOPNOTSUPP : fs_files_find(o, n, p, NULL);
	if (code == 0 && write)
		fs_keep_node(o, n, p->fd, FS_RECORD_ATTRIBUTES);
	fs_tree_fd_path(path, p->fd);
	return code;
}

int fs_xattrs_set(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	char path[FS_TREE_FD_PATH];
	const int code = xattrs_find(o, m, true, &p, path);

	(void)r;
	if (code)
		return code;
	return setxattr(path, m->name, m->data, m->ndata,
			(int)m->in.setxattr.flags & (XATTR_CREATE | XATTR_REPLACE)) < 0
		       ? errno
		       : 0;
}

/* What get and list have in common: with a size of 0 the length is the answer. */
static int xattrs_answer(const struct fs_message *m, ssize_t got, struct fs_reply *r)
{
	const struct fuse_getxattr_out out = {.size = (uint32_t)got};

	if (got < 0)
		return errno;
	if (m->in.getxattr.size == 0) {
		r->n = 0;
		fs_reply_add(r, &out, sizeof(out));
	} else if ((size_t)got > m->in.getxattr.size) {
		return ERANGE;
	} else {
		r->n = (size_t)got;
	}
	return 0;
}

int fs_xattrs_get(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	char path[FS_TREE_FD_PATH];
	const int code = xattrs_find(o, m, false, &p, path);

	return code ? code
		    : xattrs_answer(m, getxattr(path, m->name, r->bytes, XATTRS_VALUE_MAX), r);
}

/* Leaves the names of users' attributes; returns their length. */
static ssize_t xattrs_keep_users(char *names, ssize_t n)
{
	ssize_t kept = 0;

	for (ssize_t at = 0; at < n;) {
		const ssize_t length = (ssize_t)strlen(names + at) + 1;

		if (xattrs_is_users(names + at)) {
			memmove(names + kept, names + at, (size_t)length);
			kept += length;
		}
		at += length;
	}
	return kept;
}

int fs_xattrs_list(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	char path[FS_TREE_FD_PATH];
	const int code = xattrs_find(o, m, false, &p, path);
	ssize_t got;

	if (code)
		return code;
	got = listxattr(path, (char *)r->bytes, XATTRS_VALUE_MAX);
	return xattrs_answer(m, got < 0 ? got : xattrs_keep_users((char *)r->bytes, got), r);
}

int fs_xattrs_remove(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	char path[FS_TREE_FD_PATH];
	const int code = xattrs_find(o, m, true, &p, path);

	(void)r;
	if (code)
		return code;
	return removexattr(path, m->name) < 0 ? errno : 0;
}
