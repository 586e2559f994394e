#include "fs/fs_keep.h"
#include "fs/fs_overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FILES_COPY_MAX (16u << 20) /* a turn, so that others have theirs */

/* ---- attributes ---- */

/* The directory that holds the exports is nobody's. */
static void files_root_attr(struct fuse_attr_out *out)
{
	*out = (struct fuse_attr_out){
		.attr_valid = 3600,
		.attr = {.ino = FS_NODE_ROOT, .mode = S_IFDIR | 0555, .nlink = 2, .blksize = 4096},
	};
}

int fs_files_find(struct fs_ops *o, const struct fs_node *n, struct fs_place *p, struct fs_attr *a)
{
	const int code = fs_tree_find(o->tree, n, p, a);
	const struct fs_handle *h = NULL;
	struct fs_attr ignored;

	if (code == ESTALE || code == EACCES)
		h = fs_handles_next(o->handles, fs_nodes_number(o->nodes, n), NULL);
	if (!h)
		return code;
	fs_place_close(p);
	*p = (struct fs_place){.fd = h->fd, .borrowed = true, .lower = -1};
	return fs_tree_look(o->tree, n, h->fd, a ? a : &ignored);
}

static int files_answer_attr(struct fs_ops *o, struct fs_node *n, int fd, struct fs_reply *r)
{
	struct fuse_attr_out out;
	struct fs_attr a;
	const int code = fs_tree_look(o->tree, n, fd, &a);

	if (code)
		return code;
	fs_tree_set_attr(o->tree, n, &a, &out);
	fs_reply_add(r, &out, sizeof(out));
	return 0;
}

int fs_files_getattr(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	struct fuse_attr_out out;
	struct fs_attr a;
	int code;

	if (m->head.nodeid == FS_NODE_ROOT) {
		files_root_attr(&out);
	} else {
		code = n ? fs_files_find(o, n, &p, &a) : ESTALE;
		if (code)
			return code;
		fs_tree_set_attr(o->tree, n, &a, &out);
	}
	fs_reply_add(r, &out, sizeof(out));
	return 0;
}

static struct timespec files_time(uint32_t valid, uint32_t set, uint32_t now, uint64_t seconds,
				  uint32_t nanoseconds)
{
	if (!(valid & set))
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	if (valid & now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = nanoseconds};
}

static int files_set_size(struct fs_ops *o, const struct fs_message *m, int place)
{
	const struct fuse_setattr_in *in = &m->in.setattr;
	const struct fs_handle *h = NULL;
	int fd, code;

	if (in->valid &
	    FATTR_FH) /* ftruncate(2): what it was opened for counts, not its mode of now */
		h = fs_handles_get(o->handles, in->fh, m->head.nodeid);
	if (h)
		return ftruncate(h->fd, (off_t)in->size) < 0 ? errno : 0;
	code = fs_tree_open(o->tree, place, O_WRONLY, &fd);
	if (code)
		return code;
	code = ftruncate(fd, (off_t)in->size) < 0 ? errno : 0;
	close(fd);
	return code;
}

static int files_set_times(struct fs_ops *o, const struct fuse_setattr_in *in, const char *name)
{
	const struct timespec times[2] = {
		files_time(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
		files_time(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
	};

	return utimensat(fs_tree_process_fds(o->tree), name, times, 0) < 0 ? errno : 0;
}

static int files_set_owner(const struct fuse_setattr_in *in, int place)
{
	const uid_t uid = in->valid & FATTR_UID ? in->uid : (uid_t)-1;
	const gid_t gid = in->valid & FATTR_GID ? in->gid : (gid_t)-1;

	return fchownat(place, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;
}

int fs_files_setattr(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fuse_setattr_in *in = &m->in.setattr;
	struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	char name[FS_TREE_FD_PATH];
	int code;

	code = n ? fs_tree_may_write(o->tree, n) : ESTALE;
	if (code == 0)
		code = fs_overlay_raise(o, (uint32_t)m->head.nodeid);
	if (code == 0)
		code = fs_files_find(o, n, &p, NULL);
	if (code == 0)
		fs_keep_node(o, n, p.fd,
			     in->valid & FATTR_SIZE ? FS_RECORD_TRUNCATE : FS_RECORD_ATTRIBUTES);
	if (code == 0 && in->valid & FATTR_SIZE)
		code = n->identity.type == S_IFREG ? files_set_size(o, m, p.fd) : EINVAL;
	if (code == 0 && in->valid & (FATTR_UID | FATTR_GID))
		code = files_set_owner(in, p.fd);
	fs_tree_fd_name(name, p.fd);
	if (code == 0 && in->valid & FATTR_MODE && n->identity.type != S_IFLNK)
		code = fchmodat(fs_tree_process_fds(o->tree), name,
				fs_attr_safe_mode(n->identity.type, in->mode), 0) < 0
			       ? errno
			       : 0;
	if (code == 0 && in->valid & (FATTR_ATIME | FATTR_MTIME))
		code = files_set_times(o, in, name);
	return code ? code : files_answer_attr(o, n, p.fd, r);
}

int fs_files_statfs(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	struct fuse_statfs_out out = {.st = {.bsize = 4096, .frsize = 4096, .namelen = 255}};
	struct statvfs st;
	int code;

	if (m->head.nodeid != FS_NODE_ROOT) {
		code = n ? fs_tree_find(o->tree, n, &p, NULL) : ESTALE;
		if (code)
			return code;
		if (fstatvfs(p.fd, &st) < 0)
			return errno;
		out.st = (struct fuse_kstatfs){.blocks = st.f_blocks,
					       .bfree = st.f_bfree,
					       .bavail = st.f_bavail,
					       .files = st.f_files,
					       .ffree = st.f_ffree,
					       .bsize = (uint32_t)st.f_bsize,
					       .namelen = (uint32_t)st.f_namemax,
					       .frsize = (uint32_t)st.f_frsize};
	}
	fs_reply_add(r, &out, sizeof(out));
	return 0;
}

/* ---- open files ---- */

int fs_files_add_handle(struct fs_ops *o, uint32_t node, int fd, unsigned flags,
			struct fuse_open_out *out)
{
	const int access = (int)(flags & O_ACCMODE);
	const uint64_t fh = fs_handles_add(o->handles, fd, node, access);

	if (!fh) {
		close(fd);
		return ENFILE;
	}
	fs_nodes_hold(o->nodes, node);
	/* Closing what was only read says nothing, and is not worth a message. A process that
	 * locks such a file, and closes another descriptor of it, keeps its lock until the first
	 * is closed. */
	*out = (struct fuse_open_out){.fh = fh,
				      .open_flags = access == O_RDONLY ? FOPEN_NOFLUSH : 0};
	return 0;
}

int fs_files_open(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const unsigned flags = m->in.open.flags;
	struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	struct fuse_open_out out;
	struct fs_attr a;
	const bool write = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
	int fd, code;

	if (!n || n->identity.type != S_IFREG)
		return n ? EINVAL : ESTALE;
	code = write ? fs_tree_may_write(o->tree, n) : 0;
	if (code == 0 && write)
		code = fs_overlay_raise(o, (uint32_t)m->head.nodeid);
	if (code == 0)
		code = fs_tree_find(o->tree, n, &p, &a);
	if (code == 0 && flags & O_TRUNC)
		fs_keep_node(o, n, p.fd, FS_RECORD_TRUNCATE);
	if (code == 0)
		code = fs_tree_open(o->tree, p.fd, flags & ~(unsigned)O_DIRECTORY, &fd);
	if (code == 0)
		code = fs_files_add_handle(o, (uint32_t)m->head.nodeid, fd, flags, &out);
	if (code)
		return code;
	if (n->told_version == a.version &&
	    !(flags & O_TRUNC)) /* what the guest has cached is right */
		out.open_flags |= FOPEN_KEEP_CACHE;
	fs_reply_add(r, &out, sizeof(out));
	return 0;
}

static struct fs_handle *files_handle(struct fs_ops *o, const struct fs_message *m, uint64_t fh)
{
	return fs_handles_get(o->handles, fh, m->head.nodeid);
}

int fs_files_read(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fuse_read_in *in = &m->in.read;
	const struct fs_handle *h = files_handle(o, m, in->fh);
	ssize_t got;

	if (!h)
		return EBADF;
	if (in->size > FS_MESSAGE_DATA_MAX)
		return EINVAL;
	got = pread(h->fd, r->bytes, in->size, (off_t)in->offset);
	if (got < 0)
		return errno;
	r->n = (size_t)got;
	return 0;
}

static int files_reserve(struct fs_ops *o, uint64_t node, uint64_t bytes)
{
	return fs_tree_reserve(o->tree, fs_nodes_get(o->nodes, node), bytes);
}

/* Appends where the file ends now, which the guest may not know. */
static ssize_t files_append(const struct fs_handle *h, const struct fs_message *m,
			    struct fs_reply *r)
{
	const struct iovec v = {.iov_base = (void *)(uintptr_t)m->data, .iov_len = m->ndata};
	const ssize_t n = pwritev2(h->fd, &v, 1, -1, RWF_APPEND);

	if (n > 0 && lseek(h->fd, 0, SEEK_CUR) != (off_t)m->in.write.offset + n)
		r->stale = m->head.nodeid;
	return n;
}

int fs_files_write(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fuse_write_in *in = &m->in.write;
	const struct fs_handle *h = files_handle(o, m, in->fh);
	const bool append = in->flags & O_APPEND && !(in->write_flags & FUSE_WRITE_CACHE);
	struct fuse_write_out out = {0};
	bool right;
	ssize_t n;
	int code;

	if (!h)
		return EBADF;
	code = files_reserve(o, m->head.nodeid, m->ndata);
	if (code)
		return code;
	fs_keep_node(o, fs_nodes_get(o->nodes, m->head.nodeid), h->fd, FS_RECORD_WRITE);
	right = fs_tree_is_told(o->tree, m->head.nodeid, h->fd);
	n = append ? files_append(h, m, r) : pwrite(h->fd, m->data, m->ndata, (off_t)in->offset);
	if (n < 0)
		return errno;
	fs_tree_told(o->tree, m->head.nodeid, h->fd, right && !r->stale);
	out.size = (uint32_t)n;
	fs_reply_add(r, &out, sizeof(out));
	return 0;
}

int fs_files_release(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	struct fs_handle *h = files_handle(o, m, m->in.release.fh);

	(void)r;
	if (!h)
		return EBADF;
	fs_locks_drop_handle(o->locks, h);
	fs_handles_drop(o->handles, h);
	fs_nodes_release(o->nodes, (uint32_t)m->head.nodeid);
	fs_locks_retry(o->locks);
	return 0;
}

/* A process closed it; others may have it open. */
int fs_files_flush(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	(void)r;
	if (!files_handle(o, m, m->in.flush.fh))
		return EBADF;
	fs_locks_drop_owner(o->locks, (uint32_t)m->head.nodeid, m->in.flush.lock_owner);
	return 0;
}

int fs_files_fsync(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fs_handle *h = files_handle(o, m, m->in.fsync.fh);

	(void)r;
	if (!h)
		return EBADF;
	return (m->in.fsync.fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(h->fd) : fsync(h->fd)) <
			       0
		       ? errno
		       : 0;
}

int fs_files_fallocate(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fuse_fallocate_in *in = &m->in.fallocate;
	const struct fs_handle *h = files_handle(o, m, in->fh);
	int code;
	bool right;

	(void)r;
	if (!h)
		return EBADF;
	code = in->mode & FALLOC_FL_PUNCH_HOLE ? 0 : files_reserve(o, m->head.nodeid, in->length);
	if (code)
		return code;
	fs_keep_node(o, fs_nodes_get(o->nodes, m->head.nodeid), h->fd, FS_RECORD_ALLOCATE);
	right = fs_tree_is_told(o->tree, m->head.nodeid, h->fd);
	if (fallocate(h->fd, (int)in->mode, (off_t)in->offset, (off_t)in->length) < 0)
		return errno;
	fs_tree_told(o->tree, m->head.nodeid, h->fd, right);
	return 0;
}

int fs_files_lseek(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fuse_lseek_in *in = &m->in.lseek;
	const struct fs_handle *h = files_handle(o, m, in->fh);
	struct fuse_lseek_out out = {0};
	off_t at;

	if (!h)
		return EBADF;
	if (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)
		return EINVAL;
	at = lseek(h->fd, (off_t)in->offset, (int)in->whence);
	if (at < 0)
		return errno;
	out.offset = (uint64_t)at;
	fs_reply_add(r, &out, sizeof(out));
	return 0;
}

int fs_files_copy(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fuse_copy_file_range_in *in = &m->in.copy;
	const struct fs_handle *from = files_handle(o, m, in->fh_in);
	const struct fs_handle *to = fs_handles_get(o->handles, in->fh_out, in->nodeid_out);
	const size_t length = in->len < FILES_COPY_MAX ? in->len : FILES_COPY_MAX;
	off_t off_in = (off_t)in->off_in, off_out = (off_t)in->off_out;
	struct fuse_write_out out = {0};
	bool right;
	ssize_t n;
	int code;

	if (!from || !to)
		return EBADF;
	code = files_reserve(o, in->nodeid_out, length);
	if (code)
		return code;
	fs_keep_node(o, fs_nodes_get(o->nodes, in->nodeid_out), to->fd, FS_RECORD_WRITE);
	right = fs_tree_is_told(o->tree, in->nodeid_out, to->fd);
	n = copy_file_range(from->fd, &off_in, to->fd, &off_out, length, 0);
	if (n < 0)
		return errno == ENOSYS ? EOPNOTSUPP
				       : errno; /* ENOSYS would be for good, of all files */
	fs_tree_told(o->tree, in->nodeid_out, to->fd, right);
	out.size = (uint32_t)n;
	fs_reply_add(r, &out, sizeof(out));
	return 0;
}
