/* areas: base fs proto
 * The server of a guest's files, spoken to by messages as a guest's kernel, and one that lies,
 * sends them. */
#include "unit/unit.h"

#include "fs/fs_serve.h"
#include "fs/fs_tree.h"
#include "proto/fstouch.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define UNIQUE 2

struct world {
	struct fs_tree *tree;
	struct fs_serve *serve;
	struct fs_watch *watch; /* may be NULL */
	int top, process_fds;
	uint64_t root; /* node of the export */
	uint32_t pid;  /* who asks */
	/* the last answer, and the last notice */
	struct fuse_out_header head, notice;
	uint64_t cookie; /* of a notice that waits for its reply; 0: none */
	size_t stale;	 /* notices that contents are stale */
	unsigned char body[FS_MESSAGE_DATA_MAX];
	size_t n;
};

static void on_send(void *ctx, const void *bytes, size_t n)
{
	struct world *w = ctx;
	struct fuse_out_header head;

	assert_true(n >= sizeof(head));
	memcpy(&head, bytes, sizeof(head));
	assert_int_equal(head.len, n);
	if (head.unique == 0 && head.error == FUSE_NOTIFY_RETRIEVE) {
		struct fuse_notify_retrieve_out out;

		memcpy(&out, (const unsigned char *)bytes + sizeof(head), sizeof(out));
		w->cookie = out.notify_unique;
		return;
	}
	if (head.unique == 0) {
		w->notice = head;
		w->stale += head.error == FUSE_NOTIFY_INVAL_INODE;
		return;
	}
	w->head = head;
	w->n = n - sizeof(head);
	memcpy(w->body, (const unsigned char *)bytes + sizeof(head), w->n);
}

/* What the guest's kernel does once it is through with the notices. */
static void reply(struct world *w)
{
	const struct {
		struct fuse_in_header head;
		struct fuse_notify_retrieve_in in;
	} request = {
		.head = {.len = sizeof(request), .opcode = FUSE_NOTIFY_REPLY, .unique = w->cookie}};

	w->cookie = 0;
	assert_true(fs_serve_request(w->serve, &request, sizeof(request)));
}

/* Sends a request; returns its error, 0 or positive, or -1 when there was no answer. */
static int ask(struct world *w, uint32_t opcode, uint64_t node, const void *in, size_t nin,
	       const void *rest, size_t nrest)
{
	struct fuse_in_header head = {.len = (uint32_t)(sizeof(head) + nin + nrest),
				      .opcode = opcode,
				      .unique = UNIQUE,
				      .nodeid = node,
				      .pid = w->pid};
	struct buf b = {0};

	buf_add(&b, &head, sizeof(head));
	buf_add(&b, in, nin);
	buf_add(&b, rest, nrest);
	w->head = w->notice = (struct fuse_out_header){0};
	w->n = w->stale = 0;
	assert_true(fs_serve_request(w->serve, buf_data(&b), buf_len(&b)));
	buf_fini(&b);
	if (w->cookie) {
		/* No lock before the reply. */
		assert_true(w->head.unique == 0 || (opcode != FUSE_SETLK && opcode != FUSE_SETLKW));
		reply(w);
	}
	return w->head.unique ? -w->head.error : -1;
}

static int ask_name(struct world *w, uint32_t opcode, uint64_t node, const char *name)
{
	return ask(w, opcode, node, NULL, 0, name, strlen(name) + 1);
}

static uint64_t look(struct world *w, uint64_t node, const char *name)
{
	struct fuse_entry_out out;

	if (ask_name(w, FUSE_LOOKUP, node, name))
		return 0;
	memcpy(&out, w->body, sizeof(out));
	return out.nodeid;
}

static int open_node(struct world *w, uint64_t node, unsigned flags, uint64_t *fh)
{
	const struct fuse_open_in in = {.flags = flags};
	struct fuse_open_out out;
	const int code = ask(w, FUSE_OPEN, node, &in, sizeof(in), NULL, 0);

	memcpy(&out, w->body, sizeof(out));
	*fh = out.fh;
	return code;
}

static int write_at(struct world *w, uint64_t node, uint64_t fh, uint64_t offset, unsigned flags,
		    const char *text)
{
	const struct fuse_write_in in = {
		.fh = fh, .offset = offset, .size = (uint32_t)strlen(text), .flags = flags};

	return ask(w, FUSE_WRITE, node, &in, sizeof(in), text, strlen(text));
}

static int get_attr(struct world *w, uint64_t node, struct fuse_attr *attr)
{
	const struct fuse_getattr_in in = {0};
	const int code = ask(w, FUSE_GETATTR, node, &in, sizeof(in), NULL, 0);
	struct fuse_attr_out out;

	memcpy(&out, w->body, sizeof(out));
	*attr = out.attr;
	return code;
}

static int rename_to(struct world *w, const char *from, const char *to, unsigned flags)
{
	const struct fuse_rename2_in in = {.newdir = w->root, .flags = flags};
	struct buf names = {0};
	int code;

	buf_add(&names, from, strlen(from) + 1);
	buf_add(&names, to, strlen(to) + 1);
	code = ask(w, FUSE_RENAME2, w->root, &in, sizeof(in), buf_data(&names), buf_len(&names));
	buf_fini(&names);
	return code;
}

static void put(const struct world *w, const char *name, const char *text)
{
	struct err e;

	unlinkat(w->top, name, 0);
	assert_int_equal(file_create(w->top, name, text, strlen(text), 0600, &e), 0);
}

static void assert_host(const struct world *w, const char *name, const char *text)
{
	AUTO_BUF struct buf b = {0};
	struct err e;

	assert_int_equal(file_read(w->top, name, 1 << 20, &b, &e), 0);
	assert_string_equal(buf_text(&b), text);
}

static void world_make_watched(struct world *w, bool writable, bool watched)
{
	const struct fs_serve_callbacks callbacks = {.on_send = on_send, .ctx = w};
	const struct fuse_init_in init = {
		.major = FUSE_KERNEL_VERSION, .minor = 40, .flags = UINT32_MAX};
	AUTO_FREE char *path = unit_path("export");
	struct err e;

	memset(w, 0, sizeof(*w));
	file_remove_tree(AT_FDCWD, path, &e);
	assert_int_equal(mkdir(path, 0700), 0);
	w->top = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->process_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (watched)
		w->watch = fs_watch_new(100, &e);
	w->tree = fs_tree_new(w->process_fds, w->watch);
	assert_int_equal(fs_tree_export(w->tree, "w", dup(w->top), writable, &e), 0);
	w->serve = fs_serve_new(w->tree, 16, &callbacks);
	/* INIT comes first */
	assert_int_equal(ask_name(w, FUSE_LOOKUP, FUSE_ROOT_ID, "w"), EPROTO);
	assert_int_equal(ask(w, FUSE_INIT, 0, &init, sizeof(init), NULL, 0), 0);
	w->root = look(w, FUSE_ROOT_ID, "w");
	assert_true(w->root > FUSE_ROOT_ID);
}

static void world_make(struct world *w, bool writable)
{
	world_make_watched(w, writable, false);
}

static void world_end(struct world *w)
{
	fs_serve_free(w->serve);
	fs_tree_free(w->tree);
	fs_watch_free(w->watch);
	close(w->top);
	close(w->process_fds);
}

static struct world w;

static void test_names(void **state)
{
	static const char *const bad[] = {"..", ".", "../x", "a/b", "/", ""};
	static const uint32_t opcodes[] = {FUSE_LOOKUP, FUSE_UNLINK, FUSE_RMDIR};
	const struct fuse_mkdir_in in = {.mode = 0755};
	char longest[NAME_MAX + 2];

	(void)state;
	world_make(&w, true);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		for (size_t k = 0; k < ARRAY_LEN(opcodes); k++)
			assert_int_equal(ask_name(&w, opcodes[k], w.root, bad[i]), EINVAL);
		assert_int_equal(
			ask(&w, FUSE_MKDIR, w.root, &in, sizeof(in), bad[i], strlen(bad[i]) + 1),
			EINVAL);
		assert_int_equal(rename_to(&w, "a", bad[i], 0), EINVAL);
		assert_int_equal(rename_to(&w, bad[i], "a", 0), EINVAL);
	}
	memset(longest, 'a', sizeof(longest));
	longest[NAME_MAX + 1] = '\0';
	assert_int_equal(ask_name(&w, FUSE_LOOKUP, w.root, longest), ENAMETOOLONG);
	assert_int_equal(ask_name(&w, FUSE_UNLINK, w.root, longest), ENAMETOOLONG);
	longest[NAME_MAX] = '\0';
	assert_int_equal(ask_name(&w, FUSE_LOOKUP, w.root, longest), ENOENT);
	/* A name without its end. */
	assert_int_equal(ask(&w, FUSE_LOOKUP, w.root, NULL, 0, "abc", 3), EINVAL);
	world_end(&w);
}

static void test_forged_numbers(void **state)
{
	static const uint64_t nodes[] = {0, 4, 1000, UINT32_MAX, UINT64_MAX, (uint64_t)1 << 32 | 2};
	struct fuse_attr attr;
	uint64_t node, fh, other;

	(void)state;
	world_make(&w, true);
	put(&w, "a", "text");
	put(&w, "b", "text");
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		assert_int_equal(get_attr(&w, nodes[i], &attr), ESTALE);
		assert_int_equal(ask_name(&w, FUSE_LOOKUP, nodes[i], "a"), ESTALE);
	}
	node = look(&w, w.root, "a");
	other = look(&w, w.root, "b");
	assert_int_equal(open_node(&w, node, O_RDWR, &fh), 0);
	assert_int_equal(write_at(&w, node, fh + 1, 0, 0, "x"), EBADF);
	assert_int_equal(write_at(&w, node, fh + ((uint64_t)1 << 32), 0, 0, "x"), EBADF);
	assert_int_equal(write_at(&w, other, fh, 0, 0, "x"), EBADF); /* another file's */
	assert_int_equal(write_at(&w, node, fh, 0, 0, "x"), 0);
	assert_host(&w, "a", "xext");
	world_end(&w);
}

static void test_links_and_swaps_lead_nowhere(void **state)
{
	AUTO_FREE char *secret = unit_path("secret");
	struct fuse_attr attr;
	uint64_t dir, file, fh;

	(void)state;
	world_make(&w, true);
	unlink(secret);
	unit_write(secret, "secret", 6);
	assert_int_equal(mkdirat(w.top, "dir", 0700), 0);
	assert_int_equal(mkdirat(w.top, "dir/below", 0700), 0);
	put(&w, "dir/secret", "mine");
	dir = look(&w, w.root, "dir");
	file = look(&w, dir, "secret");
	/* The directory becomes a link to what is outside, as an agent in a parent directory can
	 * do. */
	assert_int_equal(renameat(w.top, "dir", w.top, "gone"), 0);
	assert_int_equal(symlinkat("..", w.top, "dir"), 0);
	assert_int_equal(get_attr(&w, file, &attr), ESTALE);
	assert_int_equal(open_node(&w, file, O_RDWR, &fh), ESTALE);
	assert_int_equal(ask_name(&w, FUSE_LOOKUP, dir, "secret"), ESTALE);
	assert_int_equal(ask_name(&w, FUSE_UNLINK, dir, "secret"), ESTALE);
	/* A link is a link. */
	assert_int_equal(open_node(&w, look(&w, w.root, "dir"), O_RDONLY, &fh), EINVAL);
	/* Another directory of the same name is another node. */
	assert_int_equal(unlinkat(w.top, "dir", 0), 0);
	assert_int_equal(mkdirat(w.top, "dir", 0700), 0);
	assert_int_equal(ask_name(&w, FUSE_LOOKUP, dir, "secret"), ESTALE);
	assert_int_not_equal(look(&w, w.root, "dir"), dir);
	world_end(&w);
}

static void test_unlinked_and_replaced_files_live(void **state)
{
	const struct fuse_setattr_in mode = {.valid = FATTR_MODE, .mode = 0640};
	struct fuse_setattr_in size = {.valid = FATTR_SIZE | FATTR_FH};
	struct fuse_attr attr;
	uint64_t node, fh;

	(void)state;
	world_make(&w, true);
	put(&w, "log", "old");
	node = look(&w, w.root, "log");
	assert_int_equal(open_node(&w, node, O_RDWR, &fh), 0);
	put(&w, "new", "content");
	assert_int_equal(rename_to(&w, "new", "log", 0), 0);
	/* The first file has no name any more; the new one stays as it is. */
	size.fh = fh;
	assert_int_equal(ask(&w, FUSE_SETATTR, node, &size, sizeof(size), NULL, 0), 0);
	assert_int_equal(ask(&w, FUSE_SETATTR, node, &mode, sizeof(mode), NULL, 0), 0);
	assert_int_equal(get_attr(&w, node, &attr), 0);
	assert_int_equal(attr.size, 0);
	assert_int_equal(attr.mode & 07777, 0640);
	assert_int_equal(attr.nlink, 0);
	assert_host(&w, "log", "content");
	assert_int_not_equal(look(&w, w.root, "log"), node);
	world_end(&w);
}

static void test_exchange(void **state)
{
	struct fuse_attr attr;
	uint64_t a, b;

	(void)state;
	world_make(&w, true);
	put(&w, "a", "1");
	put(&w, "b", "22");
	a = look(&w, w.root, "a");
	b = look(&w, w.root, "b");
	assert_int_equal(rename_to(&w, "a", "b", RENAME_NOREPLACE), EEXIST);
	assert_int_equal(rename_to(&w, "a", "b", RENAME_EXCHANGE), 0);
	assert_host(&w, "a", "22");
	assert_int_equal(get_attr(&w, a, &attr), 0);
	assert_int_equal(attr.size, 1);
	assert_int_equal(look(&w, w.root, "a"), b);
	assert_int_equal(rename_to(&w, "a", "b", RENAME_WHITEOUT), EINVAL);
	world_end(&w);
}

static void test_appends(void **state)
{
	uint64_t node, fh;
	int host;

	(void)state;
	world_make(&w, true);
	put(&w, "log", "");
	node = look(&w, w.root, "log");
	assert_int_equal(open_node(&w, node, O_WRONLY, &fh), 0);
	host = openat(w.top, "log", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write_at(&w, node, fh, 0, O_APPEND | O_WRONLY, "guest\n"), 0);
	assert_int_equal(w.notice.len, 0);
	assert_int_equal(write(host, "host\n", 5), 5);
	/* The guest believes that the file ends at 6; it hears that it was wrong. */
	assert_int_equal(write_at(&w, node, fh, 6, O_APPEND | O_WRONLY, "guest\n"), 0);
	assert_int_equal(w.notice.error, FUSE_NOTIFY_INVAL_INODE);
	assert_host(&w, "log", "guest\nhost\nguest\n");
	close(host);
	world_end(&w);
}

static int lock(uint32_t opcode, uint64_t node, uint64_t fh, uint64_t owner, uint32_t type,
		uint32_t flags)
{
	const struct fuse_lk_in in = {.fh = fh,
				      .owner = owner,
				      .lk = {.end = INT64_MAX, .type = type},
				      .lk_flags = flags};

	return ask(&w, opcode, node, &in, sizeof(in), NULL, 0);
}

static void test_locks(void **state)
{
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct fuse_flush_in flush = {.lock_owner = 1};
	struct fuse_lk_out out;
	uint64_t node, fh;
	int host;

	(void)state;
	world_make(&w, true);
	put(&w, "db", "");
	node = look(&w, w.root, "db");
	assert_int_equal(open_node(&w, node, O_RDWR, &fh), 0);
	host = openat(w.top, "db", O_RDWR | O_CLOEXEC);
	/* One process of the guest, another one, and the host. */
	assert_int_equal(lock(FUSE_SETLK, node, fh, 1, F_WRLCK, 0), 0);
	assert_int_equal(lock(FUSE_SETLK, node, fh, 2, F_RDLCK, 0), EAGAIN);
	assert_int_equal(fcntl(host, F_SETLK, &range), -1);
	assert_int_equal(lock(FUSE_GETLK, node, fh, 2, F_RDLCK, 0), 0);
	memcpy(&out, w.body, sizeof(out));
	assert_int_equal(out.lk.type, F_WRLCK);
	/* The second waits, and has its turn when the first closes the file. */
	assert_int_equal(lock(FUSE_SETLKW, node, fh, 2, F_WRLCK, 0), -1);
	flush.fh = fh;
	assert_int_equal(ask(&w, FUSE_FLUSH, node, &flush, sizeof(flush), NULL, 0), 0);
	assert_int_equal(fcntl(host, F_SETLK, &range), -1);
	assert_int_equal(lock(FUSE_SETLK, node, fh, 2, F_UNLCK, 0), 0);
	assert_int_equal(fcntl(host, F_SETLK, &range), 0);
	/* What waits for the host is asked again, and a signal ends the wait. */
	assert_int_equal(lock(FUSE_SETLKW, node, fh, 3, F_WRLCK, 0), -1);
	assert_true(fs_serve_patience(w.serve) > 0);
	range.l_type = F_UNLCK;
	assert_int_equal(fcntl(host, F_SETLK, &range), 0);
	fs_serve_tick(w.serve);
	if (w.cookie)
		reply(&w);
	assert_int_equal(w.head.unique, UNIQUE);
	assert_int_equal(w.head.error, 0);
	assert_int_equal(lock(FUSE_SETLKW, node, fh, 4, F_WRLCK, 0), -1);
	assert_int_equal(ask(&w, FUSE_INTERRUPT, node,
			     &(struct fuse_interrupt_in){.unique = UNIQUE},
			     sizeof(struct fuse_interrupt_in), NULL, 0),
			 EINTR);
	/* flock(2) */
	assert_int_equal(flock(host, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(lock(FUSE_SETLK, node, fh, 1, F_RDLCK, FUSE_LK_FLOCK), EAGAIN);
	assert_int_equal(flock(host, LOCK_UN), 0);
	assert_int_equal(lock(FUSE_SETLK, node, fh, 1, F_WRLCK, FUSE_LK_FLOCK), 0);
	assert_int_equal(flock(host, LOCK_SH | LOCK_NB), -1);
	close(host);
	world_end(&w);
}

static void test_modes_and_kinds(void **state)
{
	const struct fuse_setattr_in set = {.valid = FATTR_MODE, .mode = 06755};
	struct fuse_mknod_in node_in = {.mode = S_IFCHR | 0666, .rdev = 0x103};
	struct fuse_attr attr;
	uint64_t node, fh;
	struct stat st;

	(void)state;
	world_make(&w, true);
	put(&w, "program", "x");
	node = look(&w, w.root, "program");
	assert_int_equal(ask(&w, FUSE_SETATTR, node, &set, sizeof(set), NULL, 0), 0);
	assert_int_equal(fstatat(w.top, "program", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755); /* nothing that runs as somebody else */
	assert_int_equal(ask(&w, FUSE_MKNOD, w.root, &node_in, sizeof(node_in), "null", 5), EPERM);
	node_in.mode = S_IFIFO | 0600;
	assert_int_equal(ask(&w, FUSE_MKNOD, w.root, &node_in, sizeof(node_in), "fifo", 5), 0);
	/* Opening a FIFO here would wait for ever. */
	assert_int_equal(open_node(&w, look(&w, w.root, "fifo"), O_RDONLY, &fh), EINVAL);
	assert_int_equal(get_attr(&w, w.root, &attr), 0);
	assert_true(S_ISDIR(attr.mode));
	world_end(&w);
}

static void test_read_only(void **state)
{
	const struct fuse_setattr_in set = {.valid = FATTR_MODE, .mode = 0777};
	const struct fuse_mkdir_in dir = {.mode = 0755};
	uint64_t node, fh;

	(void)state;
	world_make(&w, false);
	put(&w, "a", "x");
	node = look(&w, w.root, "a");
	assert_int_equal(open_node(&w, node, O_RDWR, &fh), EROFS);
	assert_int_equal(open_node(&w, node, O_RDONLY | O_TRUNC, &fh), EROFS);
	assert_int_equal(ask(&w, FUSE_SETATTR, node, &set, sizeof(set), NULL, 0), EROFS);
	assert_int_equal(ask(&w, FUSE_MKDIR, w.root, &dir, sizeof(dir), "d", 2), EROFS);
	assert_int_equal(ask_name(&w, FUSE_UNLINK, w.root, "a"), EROFS);
	assert_int_equal(rename_to(&w, "a", "b", 0), EROFS);
	assert_int_equal(ask(&w, FUSE_SYMLINK, w.root, NULL, 0, "s\0t", 4), EROFS);
	assert_int_equal(open_node(&w, node, O_RDONLY, &fh), 0);
	assert_int_equal(write_at(&w, node, fh, 0, 0, "y"), EBADF);
	assert_host(&w, "a", "x");
	world_end(&w);
}

/* Adds an overlay over the directory of the export; returns its root. */
static uint64_t add_overlay(void)
{
	AUTO_FREE char *tree = unit_path("tree");
	AUTO_FREE char *work = unit_path("work");
	struct err e;

	file_remove_tree(AT_FDCWD, tree, &e);
	file_remove_tree(AT_FDCWD, work, &e);
	assert_int_equal(mkdir(tree, 0700) | mkdir(work, 0700), 0);
	assert_int_equal(fs_tree_export_overlay(w.tree, "o", dup(w.top),
						open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC),
						open(work, O_PATH | O_DIRECTORY | O_CLOEXEC), &e),
			 0);
	return look(&w, FUSE_ROOT_ID, "o");
}

static void test_overlay(void **state)
{
	static const char own[] = FS_LAYER_MARK;
	const struct fuse_mkdir_in dir = {.mode = 0755};
	const struct fuse_mknod_in fifo = {.mode = S_IFIFO | 0600};
	const struct fuse_create_in create = {.flags = O_CREAT | O_WRONLY, .mode = 0600};
	struct fuse_rename2_in rename = {0};
	struct fuse_link_in link = {0};
	uint64_t root, made, file, fh;

	(void)state;
	world_make(&w, true);
	put(&w, "a", "x");
	root = add_overlay();
	/* The name of the layer's own, by each way that makes one. */
	rename.newdir = root;
	link.oldnodeid = file = look(&w, root, "a");
	assert_int_equal(ask_name(&w, FUSE_LOOKUP, root, own), ENOENT);
	assert_int_equal(ask(&w, FUSE_MKDIR, root, &dir, sizeof(dir), own, sizeof(own)), EPERM);
	assert_int_equal(ask(&w, FUSE_MKNOD, root, &fifo, sizeof(fifo), own, sizeof(own)), EPERM);
	assert_int_equal(ask(&w, FUSE_CREATE, root, &create, sizeof(create), own, sizeof(own)),
			 EPERM);
	assert_int_equal(ask(&w, FUSE_LINK, root, &link, sizeof(link), own, sizeof(own)), EPERM);
	assert_int_equal(ask(&w, FUSE_SYMLINK, root, NULL, 0, FS_LAYER_MARK "\0t", sizeof(own) + 2),
			 EPERM);
	assert_int_equal(ask(&w, FUSE_RENAME2, root, &rename, sizeof(rename), "a\0" FS_LAYER_MARK,
			     2 + sizeof(own)),
			 EPERM);
	/* Nothing goes from one export to another. */
	assert_int_equal(ask(&w, FUSE_LINK, w.root, &link, sizeof(link), "b", 2), EXDEV);
	assert_int_equal(ask(&w, FUSE_RENAME2, w.root, &rename, sizeof(rename), "a\0b", 4), EXDEV);
	/* In a directory of the upper layer alone; nobody watches. */
	assert_int_equal(ask(&w, FUSE_MKDIR, root, &dir, sizeof(dir), "d", 2), 0);
	made = look(&w, root, "d");
	assert_int_equal(ask(&w, FUSE_MKDIR, made, &dir, sizeof(dir), "e", 2), 0);
	assert_int_equal(ask_name(&w, FUSE_RMDIR, root, "d"), ENOTEMPTY);
	assert_int_equal(ask_name(&w, FUSE_RMDIR, made, "e"), 0);
	assert_int_equal(ask_name(&w, FUSE_RMDIR, root, "d"), 0);
	/* The file below stays as it is, by a write and when it is removed. */
	assert_int_equal(open_node(&w, file, O_RDWR, &fh), 0);
	assert_int_equal(write_at(&w, file, fh, 0, 0, "y"), 0);
	assert_int_equal(ask_name(&w, FUSE_UNLINK, root, "a"), 0);
	assert_int_equal(ask_name(&w, FUSE_LOOKUP, root, "a"), ENOENT);
	assert_host(&w, "a", "x");
	world_end(&w);
}

static void test_limits(void **state)
{
	uint64_t node, fh, last = 0;
	struct fuse_release_in release = {0};
	int code = 0, n = 0;

	(void)state;
	world_make(&w, true);
	put(&w, "a", "x");
	node = look(&w, w.root, "a");
	for (; n < 100 && code == 0; n++) {
		code = open_node(&w, node, O_RDONLY, &fh);
		last = code ? last : fh;
	}
	assert_int_equal(code, ENFILE);
	assert_int_equal(n, 17); /* of fs_serve_new */
	release.fh = last;
	assert_int_equal(ask(&w, FUSE_RELEASE, node, &release, sizeof(release), NULL, 0), 0);
	assert_int_equal(open_node(&w, node, O_RDONLY, &fh), 0);
	assert_int_not_equal(fh, last); /* the place is used again, the number is not */
	assert_int_equal(ask(&w, FUSE_RELEASE, node, &release, sizeof(release), NULL, 0), EBADF);
	world_end(&w);
}

static void test_forget(void **state)
{
	struct fuse_forget_in forget = {.nlookup = UINT64_MAX};
	uint64_t dir, file;
	struct fuse_attr attr;

	(void)state;
	world_make(&w, true);
	assert_int_equal(mkdirat(w.top, "d", 0700), 0);
	put(&w, "d/f", "x");
	dir = look(&w, w.root, "d");
	file = look(&w, dir, "f");
	/* The parent first, and more often than it was looked up: what lies below is still
	 * reached. */
	assert_int_equal(ask(&w, FUSE_FORGET, dir, &forget, sizeof(forget), NULL, 0), -1);
	assert_int_equal(get_attr(&w, file, &attr), 0);
	assert_int_equal(ask(&w, FUSE_FORGET, file, &forget, sizeof(forget), NULL, 0), -1);
	assert_int_equal(get_attr(&w, file, &attr), ESTALE);
	assert_int_equal(get_attr(&w, dir, &attr), ESTALE);
	assert_int_equal(ask(&w, FUSE_FORGET, w.root, &forget, sizeof(forget), NULL, 0), -1);
	assert_int_equal(ask(&w, FUSE_FORGET, FUSE_ROOT_ID, &forget, sizeof(forget), NULL, 0), -1);
	assert_int_equal(get_attr(&w, w.root, &attr), 0);
	world_end(&w);
}

static void test_no_request(void **state)
{
	static const unsigned char none[] = {4, 0, 0, 0, 1, 0, 0, 0};
	static const unsigned char huge[] = {0, 0, 0, 0xff};

	(void)state;
	world_make(&w, true);
	assert_int_equal(fs_message_length(none, sizeof(none)), -1);
	assert_int_equal(fs_message_length(huge, sizeof(huge)), -1);
	assert_int_equal(fs_message_length(none, 3), 0);
	assert_false(fs_serve_request(w.serve, none, sizeof(none)));
	assert_int_equal(ask(&w, 4096, w.root, NULL, 0, NULL, 0), ENOSYS);
	assert_int_equal(ask(&w, FUSE_IOCTL, w.root, "xxxxxxxx", 8, NULL, 0), ENOSYS);
	world_end(&w);
}

/* Who has a lock sees what was written while others had it, also when times do not tell: of
 * whichever kind it is. */
static void test_locks_make_fresh(void **state)
{
	static const struct {
		uint32_t flags;
		uint64_t start;
	} kinds[] = {{0, 0}, {0, 1u << 30}, {FUSE_LK_FLOCK, 0}};
	const struct timespec past[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	uint64_t node, fh;

	(void)state;
	world_make(&w, true);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct fuse_lk_in in = {.owner = 1,
					.lk = {.start = kinds[i].start, .end = INT64_MAX},
					.lk_flags = kinds[i].flags};

		put(&w, "db", "0000");
		node = look(&w, w.root, "db");
		assert_int_equal(open_node(&w, node, O_RDWR, &fh), 0);
		in.fh = fh;
		/* It was written just now. */
		in.lk.type = F_WRLCK;
		assert_int_equal(ask(&w, FUSE_SETLK, node, &in, sizeof(in), NULL, 0), 0);
		assert_int_equal(w.stale, 1);
		assert_int_equal(lock(FUSE_SETLK, node, fh, 1, F_UNLCK, kinds[i].flags), 0);
		assert_int_equal(w.stale, 0);
		/* What was changed long ago is known after a look. */
		usleep(30000);
		in.lk.type = F_RDLCK;
		assert_int_equal(ask(&w, FUSE_SETLK, node, &in, sizeof(in), NULL, 0), 0);
		assert_int_equal(lock(FUSE_SETLK, node, fh, 1, F_UNLCK, kinds[i].flags), 0);
		in.lk.type = F_WRLCK;
		assert_int_equal(ask(&w, FUSE_SETLK, node, &in, sizeof(in), NULL, 0), 0);
		assert_int_equal(w.stale, 0);
		assert_int_equal(lock(FUSE_SETLK, node, fh, 1, F_UNLCK, kinds[i].flags), 0);
		/* The host changes it. */
		assert_int_equal(utimensat(w.top, "db", past, 0), 0);
		in.lk.type = F_WRLCK;
		assert_int_equal(ask(&w, FUSE_SETLK, node, &in, sizeof(in), NULL, 0), 0);
		assert_int_equal(w.stale, 1);
	}
	world_end(&w);
}

/* The process that tells watchers of the host's changes does as if: nothing is done. */
static void test_as_if(void **state)
{
	static const char *const stages[] = {FSTOUCH_IS, FSTOUCH_COMES, FSTOUCH_GOES,
					     FSTOUCH_RMDIR};
	const struct fuse_setattr_in shorter = {.valid = FATTR_SIZE | FATTR_MODE, .mode = 0777};
	const struct fuse_mkdir_in mkdir_in = {.mode = 0755};
	const struct fuse_mknod_in mknod_in = {.mode = S_IFREG | 0644};
	uint64_t node, fh;

	(void)state;
	world_make(&w, true);
	put(&w, "file", "text");
	node = look(&w, w.root, "file");
	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		w.pid = 7;
		assert_int_equal(ask_name(&w, FUSE_LOOKUP, FUSE_ROOT_ID, stages[i]), ENOENT);
		assert_int_equal(ask(&w, FUSE_SETATTR, node, &shorter, sizeof(shorter), NULL, 0),
				 0);
		assert_int_equal(open_node(&w, node, O_WRONLY | O_TRUNC, &fh), 0);
		assert_int_equal(write_at(&w, node, fh, 0, 0, "other"), EBADF);
		assert_int_equal(ask_name(&w, FUSE_UNLINK, w.root, "file"), ENOENT);
		ask(&w, FUSE_MKDIR, w.root, &mkdir_in, sizeof(mkdir_in), "new", 4);
		ask(&w, FUSE_MKNOD, w.root, &mknod_in, sizeof(mknod_in), "new", 4);
		ask(&w, FUSE_SYMLINK, w.root, NULL, 0, "new\0file", 9);
		assert_int_equal(faccessat(w.top, "new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
		/* It sees what comes when it has come, and what went until it went. */
		assert_int_equal(look(&w, w.root, "file") == node, i == 0);
		assert_int_equal(look(&w, w.root, "gone") != 0, i >= 2);
		assert_int_equal(ask_name(&w, FUSE_UNLINK, w.root, "gone"), 0);
		assert_host(&w, "file", "text");
		/* Others are served. */
		w.pid = 8;
		assert_int_equal(look(&w, w.root, "file"), node);
		assert_int_equal(look(&w, w.root, "gone"), 0);
		assert_int_equal(ask(&w, FUSE_MKDIR, w.root, &mkdir_in, sizeof(mkdir_in), "new", 4),
				 0);
		assert_int_equal(unlinkat(w.top, "new", AT_REMOVEDIR), 0);
	}
	w.pid = 0;
	world_end(&w);
}

/* A change of the host's that was not told yet is told also when the guest writes meanwhile;
 * its own writes are not. */
static void test_changes_are_told(void **state)
{
	uint64_t node, fh;
	int host;

	(void)state;
	world_make_watched(&w, true, true);
	put(&w, "file", "0000");
	node = look(&w, w.root, "file");
	assert_int_equal(open_node(&w, node, O_RDWR, &fh), 0);
	fs_serve_changes(w.serve, w.watch);
	usleep(30000);
	assert_int_equal(write_at(&w, node, fh, 0, 0, "1"), 0);
	fs_serve_changes(w.serve, w.watch);
	assert_int_equal(w.stale, 0);
	host = openat(w.top, "file", O_WRONLY | O_CLOEXEC);
	usleep(30000);
	assert_int_equal(pwrite(host, "2", 1, 1), 1);
	assert_int_equal(write_at(&w, node, fh, 0, 0, "3"), 0);
	fs_serve_changes(w.serve, w.watch);
	assert_int_equal(w.stale, 1);
	/* Changes within a tick: each is told. */
	for (int i = 0; i < 3; i++) {
		w.stale = 0;
		assert_int_equal(pwrite(host, "4", 1, 1), 1);
		fs_serve_changes(w.serve, w.watch);
		assert_int_equal(w.stale, 1);
	}
	close(host);
	world_end(&w);
}

/* A byte of a name that stands for a mapping is taken by one side at a time. */
static void test_switches(void **state)
{
	static const struct {
		const char *name;
		uint64_t byte;
		bool is;
	} files[] = {{"a.db-shm", 128, true},  {"lock.mdb", 0, true}, {"x-shm", 128, true},
		     {"a.db-shm", 127, false}, {"-shm", 128, false},  {"a.db", 128, false},
		     {"xlock.mdb", 0, false},  {"lock.mdb", 1, false}};
	struct flock range = {.l_whence = SEEK_SET, .l_len = 1};
	struct fuse_lk_out out;
	uint64_t node, fh;
	int host;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct fuse_lk_in in = {
			.owner = 1,
			.lk = {.start = files[i].byte, .end = files[i].byte, .type = F_RDLCK}};

		world_make(&w, true);
		put(&w, files[i].name, "");
		host = openat(w.top, files[i].name, O_RDWR | O_CLOEXEC);
		node = look(&w, w.root, files[i].name);
		assert_int_equal(open_node(&w, node, O_RDWR, &in.fh), 0);
		assert_int_equal(open_node(&w, node, O_RDWR, &fh), 0);
		range.l_start = (off_t)files[i].byte;
		/* The host has it. */
		range.l_type = F_RDLCK;
		assert_int_equal(fcntl(host, F_SETLK, &range), 0);
		assert_int_equal(ask(&w, FUSE_SETLK, node, &in, sizeof(in), NULL, 0),
				 files[i].is ? EAGAIN : 0);
		range.l_type = F_UNLCK;
		assert_int_equal(fcntl(host, F_SETLK, &range), 0);
		/* Processes of the guest have it together; they see of each other what they asked
		 * for. */
		assert_int_equal(ask(&w, FUSE_SETLK, node, &in, sizeof(in), NULL, 0), 0);
		in.owner = 2;
		in.lk.type = F_WRLCK;
		assert_int_equal(ask(&w, FUSE_SETLK, node, &in, sizeof(in), NULL, 0), EAGAIN);
		assert_int_equal(ask(&w, FUSE_GETLK, node, &in, sizeof(in), NULL, 0), 0);
		memcpy(&out, w.body, sizeof(out));
		assert_int_equal(out.lk.type, F_RDLCK);
		in.lk.type = F_RDLCK;
		assert_int_equal(ask(&w, FUSE_SETLK, node, &in, sizeof(in), NULL, 0), 0);
		range.l_type = F_RDLCK;
		assert_int_equal(fcntl(host, F_SETLK, &range), files[i].is ? -1 : 0);
		/* The host may have it when the last one has closed the file. */
		for (uint64_t owner = 1; owner <= 2; owner++) {
			const struct fuse_flush_in flush = {.fh = in.fh, .lock_owner = owner};

			range.l_type = F_WRLCK;
			assert_int_equal(fcntl(host, F_SETLK, &range), -1);
			assert_int_equal(ask(&w, FUSE_FLUSH, node, &flush, sizeof(flush), NULL, 0),
					 0);
		}
		assert_int_equal(fcntl(host, F_SETLK, &range), 0);
		close(host);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_forged_numbers),
		cmocka_unit_test(test_links_and_swaps_lead_nowhere),
		cmocka_unit_test(test_unlinked_and_replaced_files_live),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_locks_make_fresh),
		cmocka_unit_test(test_changes_are_told),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_as_if),
		cmocka_unit_test(test_modes_and_kinds),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_no_request),
	};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}
