/* Theory of operation.
 *
 * 1. A request is read by fs_message, which believes nothing; then the row of its operation
 *    says who answers. What has no row is answered with ENOSYS, which a kernel remembers.
 * 2. Requests are answered in order, except those that wait for a lock.
 * 3. Before INIT nothing is answered but INIT. The kernel of an earlier guest (a template's)
 *    does not come back: a second INIT is refused.
 * 4. A lock is not answered before the guest sees what others did while they had it: changes
 *    that the host told are passed on first, then what the guest may have cached of the file is
 *    dropped, and then the answer waits until the guest's kernel is through with these notices
 *    (fs_barrier).
 * 5. Never FUSE_WRITEBACK_CACHE: a write is on the host when write(2) has returned, and edits
 *    of the host are seen. */
#include "fs/fs_serve.h"
#include "base/mem.h"
#include "fs/fs_barrier.h"
#include "fs/fs_overlay.h"
#include "fs/fs_policy.h"
#include "fs/fs_switch.h"
#include "fs/fs_touch.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVE_MINOR	      38 /* of the protocol, the latest that this was written for */
#define SERVE_LEAST_MINOR     36
#define SERVE_RETRY_MS	      20 /* for locks that the host holds */
#define SERVE_EXPIRE_MS	      1000
#define SERVE_OPCODES	      64
#define SERVE_LOCKED_COPY_MAX (64u << 20) /* bytes */

struct fs_serve {
	struct fs_ops ops;
	struct fs_serve_callbacks callbacks;
	struct fs_barriers *barriers;
	uint64_t notices;     /* that were sent */
	uint64_t before_last; /* as many of them lie before the barrier that was made last */
	struct fs_touch touch;
	bool begun;
	unsigned char answer[sizeof(struct fuse_out_header) + FS_MESSAGE_DATA_MAX];
};

void fs_reply_add(struct fs_reply *r, const void *bytes, size_t n)
{
	if (r->n + n > FS_MESSAGE_DATA_MAX)
		mem_die("an answer that does not fit");
	memcpy(r->bytes + r->n, bytes, n);
	r->n += n;
}

static void serve_send(struct fs_serve *s, uint64_t unique, int32_t code, size_t n)
{
	const struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + n), .error = code, .unique = unique};

	memcpy(s->answer, &head, sizeof(head));
	s->callbacks.on_send(s->callbacks.ctx, s->answer, head.len);
}

/* Not by s->answer: another request's may be in the making. */
static void serve_send_code(struct fs_serve *s, uint64_t unique, int code)
{
	struct fuse_out_header head = {.len = sizeof(head), .error = -code, .unique = unique};

	s->callbacks.on_send(s->callbacks.ctx, &head, sizeof(head));
}

/* Notices. After the answer: the guest's kernel waits for requests under way before it drops
 * what it has cached. offset: -1 for attributes alone. */
static void serve_send_stale(struct fs_serve *s, uint64_t node, int64_t offset)
{
	const struct {
		struct fuse_out_header head;
		struct fuse_notify_inval_inode_out out;
	} notice = {
		.head = {.len = sizeof(notice), .error = FUSE_NOTIFY_INVAL_INODE},
		.out = {.ino = node, .off = offset},
	};

	s->notices++;
	s->callbacks.on_send(s->callbacks.ctx, &notice, sizeof(notice));
}

static void serve_send_stale_entry(struct fs_serve *s, uint32_t directory, const char *name)
{
	struct {
		struct fuse_out_header head;
		struct fuse_notify_inval_entry_out out;
		char name[NAME_MAX + 1];
	} notice = {.head = {.error = FUSE_NOTIFY_INVAL_ENTRY}, .out = {.parent = directory}};
	const size_t n = strnlen(name, NAME_MAX);

	fs_tree_forget_name(s->ops.tree, directory, name);
	memcpy(notice.name, name, n);
	notice.out.namelen = (uint32_t)n;
	notice.head.len = (uint32_t)(sizeof(notice.head) + sizeof(notice.out) + n + 1);
	s->notices++;
	s->callbacks.on_send(s->callbacks.ctx, &notice, notice.head.len);
}

/* What was known by the name is there no more, which those who watch it hear. It may have other
 * names, or live on under another one, so what the kernel takes from it is asked for again. A
 * directory cannot be given back: the kernel would hold one that was only moved for dead, and
 * list it as empty for good. */
static void serve_send_deleted(struct fs_serve *s, uint32_t directory, const char *name)
{
	struct {
		struct fuse_out_header head;
		struct fuse_notify_delete_out out;
		char name[NAME_MAX + 1];
	} notice = {.head = {.error = FUSE_NOTIFY_DELETE}, .out = {.parent = directory}};
	const struct fs_node *n = fs_nodes_find_entry(s->ops.nodes, directory, name);
	const size_t length = strnlen(name, NAME_MAX);

	if (!n || n->identity.type == S_IFDIR)
		return;
	memcpy(notice.name, name, length);
	notice.out.child = fs_nodes_number(s->ops.nodes, n);
	notice.out.namelen = (uint32_t)length;
	notice.head.len = (uint32_t)(sizeof(notice.head) + sizeof(notice.out) + length + 1);
	s->notices++;
	s->callbacks.on_send(s->callbacks.ctx, &notice, notice.head.len);
	serve_send_stale(s, notice.out.child, -1);
}

/* The relay in the guest knows it, the kernel does not. */
static void serve_send_all_stale(struct fs_serve *s)
{
	const struct fuse_out_header notice = {.len = sizeof(notice), .error = NAME_FS_ALL_STALE};

	s->callbacks.on_send(s->callbacks.ctx, &notice, sizeof(notice));
}

/* For those who watch files in the guest; behind what makes it forget. */
static void serve_send_touch(struct fs_serve *s, uint32_t directory, const char *name,
			     enum fstouch_kind kind, bool is_directory)
{
	struct {
		struct fuse_out_header head;
		unsigned char bytes[FSTOUCH_MAX];
	} notice = {.head = {.error = NAME_FS_TOUCH}};
	const size_t n = fs_touch_tell(&s->touch, &s->ops, directory, name, kind, is_directory,
				       notice.bytes);

	notice.head.len = (uint32_t)(sizeof(notice.head) + n);
	if (n)
		s->callbacks.on_send(s->callbacks.ctx, &notice, notice.head.len);
}

static void serve_on_change(void *ctx, uint32_t directory, const char *name,
			    enum fs_watch_change change, bool is_directory)
{
	enum fstouch_kind kind = FSTOUCH_CHANGED;
	struct fs_serve *s = ctx;
	uint64_t node;

	if (change == FS_WATCH_LOST) {
		serve_send_all_stale(s);
		return;
	}
	if (fs_policy_is_hidden(s->ops.policy, s->ops.nodes, directory, name))
		return;
	switch (fs_tree_judge(s->ops.tree, directory, name, change, &node)) {
	case FS_TREE_FRESH:
		return;
	case FS_TREE_UNKNOWN:
		break;
	case FS_TREE_CONTENTS:
		serve_send_stale(s, node, 0);
		break;
	case FS_TREE_ENTRY:
		if (change == FS_WATCH_GONE || change == FS_WATCH_NAME)
			serve_send_deleted(s, directory, name);
		serve_send_stale_entry(s, directory, name);
		serve_send_stale(s, directory, -1);
		if (node) /* it has a name more */
			serve_send_stale(s, node, -1);
		kind = change == FS_WATCH_NAME ? FSTOUCH_CAME : FSTOUCH_WENT;
	}
	serve_send_touch(s, directory, name, kind, is_directory);
}

void fs_serve_changes(struct fs_serve *s, struct fs_watch *watch)
{
	if (s->begun)
		fs_watch_read(watch, serve_on_change, s);
}

/* ---- locks ---- */

static void serve_on_ask(void *ctx, const void *bytes, size_t n)
{
	struct fs_serve *s = ctx;

	s->callbacks.on_send(s->callbacks.ctx, bytes, n);
}

static void serve_on_pass(void *ctx, uint64_t unique)
{
	serve_send_code(ctx, unique, 0);
}

static void serve_refresh_companions(struct fs_serve *s, uint32_t node, bool mapped)
{
	char name[FS_SWITCH_NAME];
	struct fs_attr a;

	for (size_t i = 0;; i++) {
		struct fs_node *n = fs_nodes_get(s->ops.nodes, node);

		if (!n || !fs_switch_companion(n->name, mapped, i, name))
			return;
		n = fs_tree_sibling(s->ops.tree, n, name, &a);
		if (n && (!fs_tree_confirm(n, &a) || mapped))
			serve_send_stale(s, fs_nodes_number(s->ops.nodes, n), 0);
	}
}

/* SQLite's database of the mapped file is busy for others from now on (fs_switch.h). */
static void serve_shut(struct fs_serve *s, uint32_t node)
{
	const struct fs_node *n = fs_nodes_get(s->ops.nodes, node);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	struct fs_node *database = NULL;
	char name[FS_SWITCH_NAME];
	struct fs_attr a;
	int fd;

	if (n && fs_switch_companion(n->name, true, 0, name))
		database = fs_tree_sibling(s->ops.tree, n, name, &a);
	if (database && a.identity.type == S_IFREG &&
	    fs_tree_find(s->ops.tree, database, &p, NULL) == 0 &&
	    fs_tree_open(s->ops.tree, p.fd, O_RDWR, &fd) == 0)
		fs_locks_shut(s->ops.locks, node, fs_nodes_number(s->ops.nodes, database), fd);
}

/* A process of the guest is on its way into a database that is mapped on the host. */
static bool serve_is_abroad(struct fs_serve *s, const struct fs_message *m)
{
	const struct fuse_file_lock *lk = &m->in.lk.lk;
	const struct fs_node *n = fs_nodes_get(s->ops.nodes, m->head.nodeid);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	char name[FS_SWITCH_NAME];
	uint32_t shm;
	int fd;
	bool is;

	if (!n || lk->type != F_RDLCK || lk->start != FS_SWITCH_GATE || lk->end != lk->start)
		return false;
	snprintf(name, sizeof(name), "%s" FS_SWITCH_SHM, n->name);
	if (fs_tree_find_sibling(s->ops.tree, n, name, &p, &shm) ||
	    fs_tree_open(s->ops.tree, p.fd, O_RDONLY, &fd))
		return false;
	is = fs_locks_is_mapped_abroad(s->ops.locks, shm, fd);
	close(fd);
	return is;
}

/* Tells the guest's kernel what may have changed before its process had the lock; false:
 * nothing. */
static bool serve_refresh(struct fs_serve *s, uint32_t node, bool mapped)
{
	struct fs_node *n = fs_nodes_get(s->ops.nodes, node);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	struct fs_attr a;

	if (fs_tree_watch(s->ops.tree))
		fs_serve_changes(s, fs_tree_watch(s->ops.tree));
	if (n && (fs_files_find(&s->ops, n, &p, &a) || !fs_tree_confirm(n, &a) || mapped))
		serve_send_stale(s, node, 0);
	if (n)
		serve_refresh_companions(s, node, mapped);
	return s->notices > s->before_last || fs_barriers_are_pending(s->barriers);
}

/* The code for a lock's answer, or FS_OPS_NO_ANSWER: it comes later. */
static int serve_lock_code(struct fs_serve *s, uint32_t node, uint64_t unique, int code)
{
	if (code == FS_LOCK_WAITS)
		return FS_OPS_NO_ANSWER;
	if (code >= 0)
		return code;
	if (code == FS_LOCK_MAPPED)
		serve_shut(s, node);
	if (!serve_refresh(s, node, code == FS_LOCK_MAPPED) ||
	    !fs_barriers_add(s->barriers, node, unique))
		return 0;
	s->before_last = s->notices;
	return FS_OPS_NO_ANSWER;
}

static void serve_on_turn(void *ctx, uint32_t node, uint64_t unique, int code)
{
	struct fs_serve *s = ctx;

	code = serve_lock_code(s, node, unique, code);
	if (code != FS_OPS_NO_ANSWER)
		serve_send_code(s, unique, code);
}

struct fs_serve *fs_serve_new(struct fs_tree *tree, size_t most_open,
			      const struct fs_serve_callbacks *callbacks)
{
	struct fs_serve *s = mem_alloc(sizeof(*s));

	s->callbacks = *callbacks;
	s->barriers = fs_barriers_new(&(struct fs_barriers_callbacks){
		.on_send = serve_on_ask, .on_pass = serve_on_pass, .ctx = s});
	s->ops = (struct fs_ops){
		.tree = tree,
		.nodes = fs_tree_nodes(tree),
		.handles = fs_handles_new(most_open),
		.listings = fs_listings_new(),
		.locks = fs_locks_new(fs_tree_process_fds(tree), serve_on_turn, s),
		.lists = fs_lists_new(fs_tree_process_fds(tree)),
		.server = s,
	};
	return s;
}

void fs_serve_set_policy(struct fs_serve *s, struct fs_policy *policy)
{
	s->ops.policy = policy;
}

void fs_serve_set_journal(struct fs_serve *s, struct fs_journal *journal, uint32_t exports)
{
	s->ops.journal = journal;
	s->ops.journaled = exports;
}

void fs_serve_free(struct fs_serve *s)
{
	if (!s)
		return;
	fs_locks_free(s->ops.locks);
	fs_barriers_free(s->barriers);
	fs_handles_free(s->ops.handles);
	fs_lists_free(s->ops.lists);
	fs_listings_free(s->ops.listings);
	free(s);
}

/* ---- operations of the connection itself ---- */

static int serve_init(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	static const uint32_t wanted = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ATOMIC_O_TRUNC |
				       FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS | FUSE_AUTO_INVAL_DATA |
				       FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |
				       FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2 |
				       FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |
				       FUSE_NO_OPENDIR_SUPPORT | FUSE_ASYNC_DIO;
	struct fs_serve *s = o->server;
	const struct fuse_init_in *in = &m->in.init;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = SERVE_MINOR,
		.max_readahead = in->max_readahead < FS_MESSAGE_DATA_MAX ? in->max_readahead
									 : FS_MESSAGE_DATA_MAX,
		.flags = in->flags & wanted,
		.max_background = 32,
		.congestion_threshold = 24,
		.max_write = FS_MESSAGE_DATA_MAX,
		.time_gran = 1,
		.max_pages = FS_MESSAGE_DATA_MAX / 4096,
	};

	if (s->begun || in->major != FUSE_KERNEL_VERSION || in->minor < SERVE_LEAST_MINOR)
		return EPROTO;
	s->begun = true;
	fs_reply_add(r, &out, sizeof(out));
	return 0;
}

static int serve_destroy(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	(void)o;
	(void)m;
	(void)r;
	return 0;
}

static int serve_interrupt(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	(void)r;
	fs_locks_interrupt(o->locks, m->in.interrupt.unique);
	return FS_OPS_NO_ANSWER;
}

static int serve_notify_reply(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	struct fs_serve *s = o->server;

	(void)r;
	fs_barriers_reply(s->barriers, m->head.unique);
	return FS_OPS_NO_ANSWER;
}

static struct fs_handle *serve_lock_handle(struct fs_ops *o, const struct fs_message *m)
{
	return fs_handles_get(o->handles, m->in.lk.fh, m->head.nodeid);
}

static const char *serve_lock_name(struct fs_ops *o, const struct fs_message *m)
{
	const struct fs_node *n = fs_nodes_get(o->nodes, m->head.nodeid);

	return n ? n->name : "";
}

static int serve_getlk(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fs_handle *h = serve_lock_handle(o, m);
	struct fuse_lk_out out = {0};
	int code;

	if (!h)
		return EBADF;
	code = fs_locks_get(o->locks, h, serve_lock_name(o, m), &m->in.lk, &out.lk);
	if (code == 0)
		fs_reply_add(r, &out, sizeof(out));
	return code;
}

/* In an overlay a lock is one of the copy: a lock of what is copied later would be lost. Files that
 * are larger are not copied for that. */
static int serve_settle(struct fs_ops *o, uint64_t node)
{
	const struct fs_node *n = fs_nodes_get(o->nodes, node);
	AUTO_PLACE struct fs_place p = FS_PLACE_NONE;
	struct fs_attr a;

	if (n->layers != FS_LOWER || fs_files_find(o, n, &p, &a) ||
	    a.attr.size > SERVE_LOCKED_COPY_MAX)
		return 0;
	return fs_overlay_raise(o, (uint32_t)node);
}

static int serve_setlk(struct fs_ops *o, const struct fs_message *m, struct fs_reply *r)
{
	const struct fs_handle *h = serve_lock_handle(o, m);
	const bool wait = m->head.opcode == FUSE_SETLKW;
	int code;

	(void)r;
	if (!h)
		return EBADF;
	code = serve_settle(o, m->head.nodeid);
	if (code)
		return code;
	if (!(m->in.lk.lk_flags & FUSE_LK_FLOCK) && serve_is_abroad(o->server, m))
		return EAGAIN;
	code = m->in.lk.lk_flags & FUSE_LK_FLOCK
		       ? fs_locks_flock(o->locks, h, &m->in.lk, wait, m->head.unique)
		       : fs_locks_set(o->locks, h, serve_lock_name(o, m), &m->in.lk, wait,
				      m->head.unique);
	return serve_lock_code(o->server, (uint32_t)m->head.nodeid, m->head.unique, code);
}

/* ---- dispatch ---- */

static fs_op *const serve_rows[SERVE_OPCODES] = {
	[FUSE_INIT] = serve_init,
	[FUSE_DESTROY] = serve_destroy,
	[FUSE_INTERRUPT] = serve_interrupt,
	[FUSE_NOTIFY_REPLY] = serve_notify_reply,
	[FUSE_GETLK] = serve_getlk,
	[FUSE_SETLK] = serve_setlk,
	[FUSE_SETLKW] = serve_setlk,
	[FUSE_LOOKUP] = fs_names_lookup,
	[FUSE_FORGET] = fs_names_forget,
	[FUSE_BATCH_FORGET] = fs_names_batch_forget,
	[FUSE_READLINK] = fs_names_readlink,
	[FUSE_SYMLINK] = fs_names_symlink,
	[FUSE_MKNOD] = fs_names_mknod,
	[FUSE_MKDIR] = fs_names_mkdir,
	[FUSE_UNLINK] = fs_names_unlink,
	[FUSE_RMDIR] = fs_names_rmdir,
	[FUSE_RENAME] = fs_names_rename,
	[FUSE_RENAME2] = fs_names_rename,
	[FUSE_LINK] = fs_names_link,
	[FUSE_CREATE] = fs_names_create,
	[FUSE_TMPFILE] = fs_names_tmpfile,
	[FUSE_GETATTR] = fs_files_getattr,
	[FUSE_SETATTR] = fs_files_setattr,
	[FUSE_OPEN] = fs_files_open,
	[FUSE_READ] = fs_files_read,
	[FUSE_WRITE] = fs_files_write,
	[FUSE_RELEASE] = fs_files_release,
	[FUSE_FLUSH] = fs_files_flush,
	[FUSE_FSYNC] = fs_files_fsync,
	[FUSE_FALLOCATE] = fs_files_fallocate,
	[FUSE_LSEEK] = fs_files_lseek,
	[FUSE_COPY_FILE_RANGE] = fs_files_copy,
	[FUSE_STATFS] = fs_files_statfs,
	[FUSE_SETXATTR] = fs_xattrs_set,
	[FUSE_GETXATTR] = fs_xattrs_get,
	[FUSE_LISTXATTR] = fs_xattrs_list,
	[FUSE_REMOVEXATTR] = fs_xattrs_remove,
	[FUSE_OPENDIR] = fs_dirs_open,
	[FUSE_READDIR] = fs_dirs_read,
	[FUSE_READDIRPLUS] = fs_dirs_read_plus,
	[FUSE_FSYNCDIR] = fs_dirs_fsync,
};

static int serve_answer(struct fs_serve *s, const struct fs_message *m, struct fs_reply *r)
{
	int code;

	if (!s->begun && m->head.opcode != FUSE_INIT)
		return EPROTO;
	if (fs_touch_answer(&s->touch, &s->ops, m, r, &code))
		return code;
	code = fs_policy_judge(s->ops.policy, &s->ops, m);
	return code ? code : serve_rows[m->head.opcode](&s->ops, m, r);
}

bool fs_serve_request(struct fs_serve *s, const void *bytes, size_t n)
{
	struct fs_reply reply = {.bytes = s->answer + sizeof(struct fuse_out_header)};
	struct fs_message m;
	int code = EINVAL;

	switch (fs_message_read(&m, bytes, n)) {
	case FS_MESSAGE_BROKEN:
		return false;
	case FS_MESSAGE_UNKNOWN:
		code = ENOSYS;
		break;
	case FS_MESSAGE_INVALID:
		break;
	case FS_MESSAGE_LONG:
		code = ENAMETOOLONG;
		break;
	case FS_MESSAGE_OK:
		code = serve_answer(s, &m, &reply);
		if (code == FS_OPS_NEVER)
			code = ENOSYS;
		else if (code == ENOSYS) /* an accident, which the kernel would take so */
			code = EIO;
		break;
	}
	if (code != FS_OPS_NO_ANSWER)
		serve_send(s, m.head.unique, -code, code ? 0 : reply.n);
	if (reply.stale)
		serve_send_stale(s, reply.stale, 0);
	return true;
}

int fs_serve_patience(const struct fs_serve *s)
{
	if (fs_locks_are_awaited(s->ops.locks) || fs_barriers_are_pending(s->barriers))
		return SERVE_RETRY_MS;
	return fs_listings_are_there(s->ops.listings) ? SERVE_EXPIRE_MS : -1;
}

void fs_serve_tick(struct fs_serve *s)
{
	fs_locks_retry(s->ops.locks);
	fs_barriers_tick(s->barriers);
	fs_listings_expire(s->ops.listings);
}
