/* areas: base fs proto
 * What a guest's kernel would not send: messages that name files in ways that the policy has to see through. */
#include "unit/unit.h"

#include "fs/fs_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>

#define UNIQUE 2
#define EVIL   "[core]\n\tfsmonitor = x\n"

struct world {
	struct fs_policy *policy;
	struct fs_tree *tree;
	struct fs_serve *serve;
	int top, process_fds;
	uint64_t root, git; /* nodes */
	struct fuse_out_header head;
	unsigned char body[FS_MESSAGE_DATA_MAX];
	size_t n;
	size_t refusals;
	char path[64], option[16];
};

static struct world w;

static void on_send(void *ctx, const void *bytes, size_t n)
{
	(void)ctx;
	memcpy(&w.head, bytes, sizeof(w.head));
	w.n = n - sizeof(w.head);
	memcpy(w.body, (const unsigned char *)bytes + sizeof(w.head), w.n);
}

static void on_refused(void *ctx, const struct fs_policy_refusal *r)
{
	(void)ctx;
	w.refusals++;
	snprintf(w.path, sizeof(w.path), "%s", r->path);
	snprintf(w.option, sizeof(w.option), "%s", r->option);
}

static int ask(uint32_t opcode, uint64_t node, const void *in, size_t nin, const void *rest,
	       size_t nrest)
{
	struct fuse_in_header head = {.len = (uint32_t)(sizeof(head) + nin + nrest),
				      .opcode = opcode,
				      .unique = UNIQUE,
				      .nodeid = node};
	AUTO_BUF struct buf b = {0};

	buf_add(&b, &head, sizeof(head));
	buf_add(&b, in, nin);
	buf_add(&b, rest, nrest);
	w.n = 0;
	assert_true(fs_serve_request(w.serve, buf_data(&b), buf_len(&b)));
	return -w.head.error;
}

static int ask_name(uint32_t opcode, uint64_t node, const char *name)
{
	return ask(opcode, node, NULL, 0, name, strlen(name) + 1);
}

static uint64_t look(uint64_t node, const char *name)
{
	struct fuse_entry_out out;

	if (ask_name(FUSE_LOOKUP, node, name))
		return 0;
	memcpy(&out, w.body, sizeof(out));
	return out.nodeid;
}

static int create(uint64_t node, const char *name, unsigned flags, uint64_t *child, uint64_t *fh)
{
	const struct fuse_create_in in = {.flags = flags | O_CREAT, .mode = S_IFREG | 0644};
	struct fuse_entry_out entry;
	struct fuse_open_out out;
	const int code = ask(FUSE_CREATE, node, &in, sizeof(in), name, strlen(name) + 1);

	if (code == 0) {
		memcpy(&entry, w.body, sizeof(entry));
		memcpy(&out, w.body + sizeof(entry), sizeof(out));
		*child = entry.nodeid;
		*fh = out.fh;
	}
	return code;
}

static int put(uint64_t node, uint64_t fh, const char *text, uint64_t offset, unsigned flags)
{
	const struct fuse_write_in in = {
		.fh = fh, .offset = offset, .size = (uint32_t)strlen(text), .flags = flags};

	return ask(FUSE_WRITE, node, &in, sizeof(in), text, strlen(text));
}

static int move(uint64_t from, const char *name, uint64_t to, const char *name2, unsigned flags)
{
	const struct fuse_rename2_in in = {.newdir = to, .flags = flags};
	AUTO_BUF struct buf names = {0};

	buf_add(&names, name, strlen(name) + 1);
	buf_add(&names, name2, strlen(name2) + 1);
	return ask(FUSE_RENAME2, from, &in, sizeof(in), buf_data(&names), buf_len(&names));
}

static void make(const char *name, const char *text)
{
	struct err e;

	if (text)
		assert_int_equal(file_create(w.top, name, text, strlen(text), 0600, &e), 0);
	else
		assert_int_equal(mkdirat(w.top, name, 0700), 0);
}

static int world_make(void **state)
{
	static const struct {
		const char *name, *text;
	} tree[] = {
		{".git", NULL},		  {".git/objects", NULL},   {".git/refs", NULL},
		{".git/hooks", NULL},	  {".git/info", NULL},	    {".git/HEAD", "ref: x\n"},
		{".git/config", "[a]\n"}, {".git/hooks/mine", "x"}, {"evil", EVIL},
		{"clean", "[core]\n"},	  {".env", "secret"},	    {"d", NULL},
	};
	const struct fs_serve_callbacks callbacks = {.on_send = on_send};
	const struct fuse_init_in init = {
		.major = FUSE_KERNEL_VERSION, .minor = 38, .flags = UINT32_MAX};
	AUTO_FREE char *path = unit_path("policy");
	struct err e;

	(void)state;
	memset(&w, 0, sizeof(w));
	file_remove_tree(AT_FDCWD, path, &e);
	assert_int_equal(mkdir(path, 0700), 0);
	w.top = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(tree); i++)
		make(tree[i].name, tree[i].text);
	w.process_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	w.tree = fs_tree_new(w.process_fds, NULL);
	assert_int_equal(fs_tree_export(w.tree, "w", dup(w.top), true, &e), 0);
	w.policy = fs_policy_new(on_refused, NULL);
	fs_policy_protect_git(w.policy, 0);
	assert_true(fs_policy_hide(w.policy, 0, ".env*"));
	w.serve = fs_serve_new(w.tree, 16, &callbacks);
	fs_serve_set_policy(w.serve, w.policy);
	assert_int_equal(ask(FUSE_INIT, 0, &init, sizeof(init), NULL, 0), 0);
	w.root = look(FUSE_ROOT_ID, "w");
	w.git = look(w.root, ".git");
	assert_true(w.root && w.git);
	return 0;
}

static int world_end(void **state)
{
	(void)state;
	fs_serve_free(w.serve);
	fs_policy_free(w.policy);
	fs_tree_free(w.tree);
	close(w.top);
	close(w.process_fds);
	return 0;
}

static void assert_host(const char *name, const char *text)
{
	AUTO_BUF struct buf b = {0};
	struct err e;

	assert_int_equal(file_read(w.top, name, 4096, &b, &e), 0);
	assert_string_equal(buf_text(&b), text);
}

/* A kernel opens what exists with OPEN; CREATE opens it as well. */
static void test_created_over(void **state)
{
	uint64_t node, fh;

	(void)state;
	assert_int_equal(create(w.git, "config", O_WRONLY | O_TRUNC, &node, &fh), EPERM);
	assert_int_equal(w.refusals, 1);
	assert_string_equal(w.path, ".git/config");
	assert_string_equal(w.option, "protect");
	assert_int_equal(create(w.git, "config.worktree", O_WRONLY, &node, &fh), EPERM);
	assert_int_equal(create(w.git, "Config", O_WRONLY, &node, &fh), EPERM);
	assert_int_equal(create(look(w.git, "hooks"), "mine", O_WRONLY, &node, &fh), EPERM);
	assert_int_equal(create(w.root, ".env", O_RDWR, &node, &fh), EPERM);
	assert_host(".git/config", "[a]\n");
	assert_host(".git/hooks/mine", "x");
	assert_host(".env", "secret");
}

static void test_opened(void **state)
{
	const struct fuse_open_in trunc = {.flags = O_RDONLY | O_TRUNC},
				  write = {.flags = O_WRONLY}, read = {.flags = O_RDONLY};
	const struct fuse_setattr_in size = {.valid = FATTR_SIZE},
				     mode = {.valid = FATTR_MODE, .mode = 0755};
	const uint64_t config = look(w.git, "config"), mine = look(look(w.git, "hooks"), "mine");

	(void)state;
	assert_int_equal(ask(FUSE_OPEN, config, &trunc, sizeof(trunc), NULL, 0), EPERM);
	assert_int_equal(ask(FUSE_OPEN, config, &write, sizeof(write), NULL, 0), EPERM);
	assert_int_equal(ask(FUSE_OPEN, config, &read, sizeof(read), NULL, 0), 0);
	assert_int_equal(ask(FUSE_SETATTR, config, &size, sizeof(size), NULL, 0), EPERM);
	assert_int_equal(ask(FUSE_SETATTR, config, &mode, sizeof(mode), NULL, 0), 0);
	assert_int_equal(ask(FUSE_OPEN, mine, &write, sizeof(write), NULL, 0), EPERM);
	assert_int_equal(ask(FUSE_SETATTR, mine, &mode, sizeof(mode), NULL, 0), EPERM);
}

/* What was judged cannot be changed through what was open before. */
static void test_renamed_while_open(void **state)
{
	uint64_t node, fh;

	(void)state;
	assert_int_equal(create(w.root, "new", O_RDWR, &node, &fh), 0);
	assert_int_equal(put(node, fh, "[core]\n", 0, 0), 0);
	assert_int_equal(move(w.root, "new", w.git, "config", 0), 0);
	assert_int_equal(put(node, fh, "fsmonitor=x\n", 7, 0), EPERM);
	assert_int_equal(put(node, fh, "fsmonitor=x\n", 7, FUSE_WRITE_CACHE), EPERM);
	assert_int_equal(move(w.git, "config", w.root, "back", 0), 0);
	assert_int_equal(put(node, fh, "x", 0, 0), EPERM);
	assert_int_equal(move(w.root, "back", w.git, "config", 0), 0);
	assert_host(".git/config", "[core]\n");
}

static void test_renamed(void **state)
{
	(void)state;
	assert_int_equal(move(w.root, "evil", w.git, "config", 0), EPERM);
	assert_int_equal(move(w.root, "evil", w.git, "config", RENAME_NOREPLACE), EPERM);
	assert_int_equal(move(w.root, "evil", w.git, "config", RENAME_EXCHANGE), EPERM);
	assert_int_equal(move(w.git, "config", w.root, "evil", RENAME_EXCHANGE), EPERM);
	assert_int_equal(move(w.root, "d", w.git, "config", 0), EPERM);
	assert_int_equal(move(w.root, "clean", w.git, "config", RENAME_EXCHANGE), 0);
	assert_int_equal(move(w.root, "evil", w.git, "commondir", 0), EPERM);
	assert_int_equal(move(w.root, "evil", look(w.git, "info"), "attributes", 0), 0);
	assert_int_equal(move(w.root, ".env", w.root, "x", 0), ENOENT);
	assert_int_equal(move(w.root, "d", w.root, ".env.d", 0), EPERM);
	assert_string_equal(w.option, "hide");
	assert_host(".git/config", "[core]\n");
}

/* The host gave the user's files second names: what the guest may write is not one of them. */
static void test_second_names(void **state)
{
	const struct fuse_link_in link = {.oldnodeid = look(w.git, "config")};
	const struct fuse_open_in write = {.flags = O_WRONLY};
	uint64_t node;

	(void)state;
	assert_int_equal(ask(FUSE_LINK, w.root, &link, sizeof(link), "x", 2), EPERM);
	assert_int_equal(linkat(w.top, "clean", w.top, "other", 0), 0);
	assert_int_equal(move(w.root, "clean", w.git, "config", 0), EPERM);
	/* a node that lost the name it is known by, while the file has another */
	node = look(w.root, "other");
	assert_int_equal(ask_name(FUSE_UNLINK, w.root, "other"), 0);
	assert_int_equal(ask(FUSE_OPEN, node, &write, sizeof(write), NULL, 0), EPERM);
}

static void test_commondir(void **state)
{
	uint64_t worktrees, one, node, fh;
	const struct fuse_mkdir_in dir = {.mode = 0755};

	(void)state;
	assert_int_equal(ask(FUSE_MKDIR, w.git, &dir, sizeof(dir), "worktrees", 10), 0);
	worktrees = look(w.git, "worktrees");
	assert_int_equal(ask(FUSE_MKDIR, worktrees, &dir, sizeof(dir), "one", 4), 0);
	one = look(worktrees, "one");
	assert_int_equal(create(one, "HEAD", O_WRONLY, &node, &fh), 0);
	assert_int_equal(create(one, "commondir", O_RDWR, &node, &fh), 0);
	assert_int_equal(put(node, fh, "../x", 0, 0), EPERM);
	assert_int_equal(put(node, fh, "../..", 0, O_APPEND), EPERM);
	assert_int_equal(put(node, fh, "x", 2, 0), EPERM);
	assert_int_equal(put(node, fh, "../..\n/x", 0, 0), EPERM);
	assert_int_equal(put(node, fh, "/", UINT64_MAX, 0), EPERM);
	assert_int_equal(put(node, fh, "../..\n", 0, 0), 0);
	assert_int_equal(move(worktrees, "one", w.root, "one", 0), EPERM);
	assert_int_equal(move(w.git, "worktrees", w.root, "trees", 0), EPERM);
	assert_host(".git/worktrees/one/commondir", "../..\n");
	/* Where it leads to no repository, and none comes to be. */
	assert_int_equal(move(w.root, "evil", w.root, "config", 0), 0);
	assert_int_equal(move(w.git, "worktrees", w.root, "worktrees", 0), 0);
	assert_int_equal(ask(FUSE_MKDIR, w.root, &dir, sizeof(dir), "objects", 8), 0);
	assert_int_equal(ask(FUSE_MKDIR, w.root, &dir, sizeof(dir), "refs", 5), EPERM);
}

static void test_hidden(void **state)
{
	const struct fuse_read_in list = {.size = 65536};

	(void)state;
	assert_int_equal(ask_name(FUSE_LOOKUP, w.root, ".env"), ENOENT);
	assert_int_equal(ask_name(FUSE_UNLINK, w.root, ".env"), ENOENT);
	assert_int_equal(ask(FUSE_READDIR, w.root, &list, sizeof(list), NULL, 0), 0);
	assert_null(memmem(w.body, w.n, ".env", 4));
	assert_non_null(memmem(w.body, w.n, "clean", 5));
	assert_int_equal(ask(FUSE_READDIRPLUS, w.root, &list, sizeof(list), NULL, 0), 0);
	assert_null(memmem(w.body, w.n, ".env", 4));
	assert_host(".env", "secret");
}

int main(void)
{
#define POLICY_TEST(f) cmocka_unit_test_setup_teardown(f, world_make, world_end)
	const struct CMUnitTest tests[] = {
		POLICY_TEST(test_created_over),
		POLICY_TEST(test_opened),
		POLICY_TEST(test_renamed_while_open),
		POLICY_TEST(test_renamed),
		POLICY_TEST(test_second_names),
		POLICY_TEST(test_commondir),
		POLICY_TEST(test_hidden),
	};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}
