/* areas: base fs proto sandbox
 * Sequences of requests to a server with a directory of its own and an overlay, beside one that is
 * not exported: nothing outside changes or is shown, nothing hidden is, what is git's stays without
 * commands, what the overlay lies on stays as it is, the journal can be read, every
 * answer is whole and answers a request, and the server lives. Each request of the input: two bytes of length, then the request from
 * its opcode on. */
#include "fuzz/fuzz.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "fs/fs_gitdir.h"
#include "fs/fs_journal.h"
#include "fs/fs_serve.h"
#include "fs/fs_tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET	 "not for guests"
#define REQUESTS 64

static int top = -1, journal_fd = -1;
static uint64_t answered;

static void on_send(void *ctx, const void *bytes, size_t n)
{
	struct fuse_out_header head;

	(void)ctx;
	MUST(n >= sizeof(head));
	memcpy(&head, bytes, sizeof(head));
	MUST(head.len == n);
	MUST(head.unique ? head.error <= 0 && head.error > -4096 : head.error > 0);
	MUST(!memmem(bytes, n, SECRET, strlen(SECRET)));
	answered++;
}

static char path[] = "/dev/shm/ccvm-fuzz-XXXXXX";

static void remove_top(void)
{
	struct err e;

	file_remove_tree(AT_FDCWD, path, &e);
}

static void make_top(void)
{
	struct err e;

	if (top >= 0)
		return;
	MUST(mkdtemp(path));
	atexit(remove_top);
	top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(top >= 0 && mkdirat(top, "export", 0700) == 0 && mkdirat(top, "outside", 0700) == 0);
	MUST(file_create(top, "outside/secret", SECRET, strlen(SECRET), 0600, &e) == 0);
	MUST(mkdirat(top, "lower", 0700) == 0 && mkdirat(top, "layer", 0700) == 0 &&
	     mkdirat(top, "journal", 0700) == 0);
	MUST(file_create(top, "lower/file", "hello", 5, 0600, &e) == 0 &&
	     linkat(top, "lower/file", top, "lower/other", 0) == 0 &&
	     mkdirat(top, "lower/dir", 0700) == 0 &&
	     file_create(top, "lower/dir/file", "hello", 5, 0600, &e) == 0 &&
	     symlinkat("../outside", top, "lower/away") == 0);
}

static void check_lower(void)
{
	static const char *const files[] = {"lower/file", "lower/other", "lower/dir/file"};
	struct stat st;
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_BUF struct buf text = {0};

		MUST(file_read(top, files[i], 4096, &text, &e) == 0);
		MUST(strcmp(buf_text(&text), "hello") == 0);
		MUST(fstatat(top, files[i], &st, 0) == 0 && st.st_mode == (S_IFREG | 0600) &&
		     st.st_nlink == (i < 2 ? 2 : 1));
	}
	MUST(fstatat(top, "lower", &st, 0) == 0 && st.st_nlink == 3);
	MUST(fstatat(top, "lower/away", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode));
}

static void empty(const char *name)
{
	const int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e;

	MUST(fd >= 0);
	fchmod(fd, 0700);
	MUST(file_empty_dir(fd, &e) == 0);
	close(fd);
}

static void check_outside(void)
{
	AUTO_BUF struct buf text = {0};
	struct stat st;
	struct err e;

	MUST(file_read(top, "outside/secret", 4096, &text, &e) == 0);
	MUST(strcmp(buf_text(&text), SECRET) == 0);
	MUST(fstatat(top, "outside/secret", &st, 0) == 0 && st.st_mode == (S_IFREG | 0600) &&
	     st.st_nlink == 1);
	MUST(fstatat(top, "outside", &st, 0) == 0 && st.st_nlink == 2);
	MUST(fstat(top, &st) == 0 && st.st_nlink == 7);
}

static void send_request(struct fs_serve *s, uint64_t unique, const uint8_t *bytes, size_t n)
{
	uint8_t request[70000] = {0};
	const uint32_t length = (uint32_t)(n + 4 < sizeof(struct fuse_in_header)
						   ? sizeof(struct fuse_in_header)
						   : n + 4);

	memcpy(request, &length, sizeof(length));
	memcpy(request + 4, bytes, n);
	memcpy(request + 8, &unique, sizeof(unique));
	fs_serve_request(s, request, length);
	fs_serve_tick(s);
}

static void begin(struct fs_serve *s)
{
	const struct {
		uint32_t opcode;
		uint8_t rest[32];
		struct fuse_init_in in;
	} init = {.opcode = FUSE_INIT,
		  .in = {.major = FUSE_KERNEL_VERSION, .minor = 38, .flags = UINT32_MAX}};

	send_request(s, 1, (const uint8_t *)&init, sizeof(init));
}

/* Of the user's, without a command. */
static void prepare_git(int fd)
{
	struct err e;

	MUST(mkdirat(fd, ".git", 0700) == 0 && mkdirat(fd, ".git/objects", 0700) == 0 &&
	     mkdirat(fd, ".git/refs", 0700) == 0 && mkdirat(fd, ".git/hooks", 0700) == 0);
	MUST(file_create(fd, ".git/HEAD", "x", 1, 0600, &e) == 0 &&
	     file_create(fd, ".git/config", "[core]\n", 7, 0600, &e) == 0);
}

/* Wherever it is by now: top level is where the sequences have names for. */
static void check_git(int export)
{
	static const char *const names[] = {".git", "dir", "git"};
	char why[FS_GITCONFIG_WHY_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const int fd = openat(export, names[i],
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			continue;
		fchmod(fd, 0700);
		fchmodat(fd, "config", 0600, 0);
		fchmodat(fd, "hooks", 0700, 0);
		fchmodat(fd, "info", 0700, 0);
		fchmodat(fd, "info/attributes", 0600, 0);
		MUST(!fs_gitdir_is(fs_gitdir_parts(fd)) || fs_gitdir_may_be(fd, NULL, why));
		close(fd);
	}
}

static struct fs_journal *prepare_journal(int process_fds)
{
	struct fs_journal *j;
	struct err e;

	journal_fd = openat(top, "journal", O_PATH | O_DIRECTORY | O_CLOEXEC);
	j = fs_journal_new(journal_fd, process_fds, 20000, &e);
	MUST(j);
	return j;
}

/* The list is whole, and copies are where it says. */
static void check_journal(void)
{
	AUTO_BUF struct buf list = {0};
	char name[32];
	struct fs_record r;
	struct err e;
	size_t used;

	MUST(file_read(journal_fd, FS_RECORD_LIST, 20000, &list, &e) == 0);
	while (buf_len(&list)) {
		MUST(fs_record_read(&r, buf_data(&list), buf_len(&list), &used) == FS_RECORD_OK);
		snprintf(name, sizeof(name), "%llu", (unsigned long long)r.copy);
		MUST(!r.copy || faccessat(journal_fd, name, F_OK, 0) == 0);
		buf_drop(&list, used);
	}
	close(journal_fd);
	empty("journal");
}

static void prepare(struct fs_tree *tree)
{
	struct err e;
	const int fd = openat(top, "export", O_PATH | O_DIRECTORY | O_CLOEXEC);

	MUST(file_create(fd, "file", "hello", 5, 0600, &e) == 0 && mkdirat(fd, "dir", 0700) == 0);
	MUST(symlinkat("../outside/secret", fd, "link") == 0 &&
	     symlinkat("../outside", fd, "away") == 0);
	MUST(file_create(fd, "hidden", SECRET, strlen(SECRET), 0600, &e) == 0);
	prepare_git(fd);
	MUST(fs_tree_export(tree, "w", fd, true, &e) == 0);
	MUST(mkdirat(top, "layer/tree", 0700) == 0 && mkdirat(top, "layer/work", 0700) == 0);
	MUST(fs_tree_export_overlay(
		     tree, "o", openat(top, "lower", O_PATH | O_DIRECTORY | O_CLOEXEC),
		     openat(top, "layer/tree", O_PATH | O_DIRECTORY | O_CLOEXEC),
		     openat(top, "layer/work", O_PATH | O_DIRECTORY | O_CLOEXEC), &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fs_serve_callbacks callbacks = {.on_send = on_send};
	static int process_fds = -1;
	struct fs_policy *policy;
	struct fs_journal *journal;
	struct fs_tree *tree;
	struct fs_serve *s;
	uint64_t unique = 2;
	int fd;

	make_top();
	if (process_fds < 0)
		process_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	tree = fs_tree_new(process_fds, NULL);
	prepare(tree);
	policy = fs_policy_new(NULL, NULL);
	fs_policy_protect_git(policy, 0);
	MUST(fs_policy_hide(policy, 0, "hidden"));
	s = fs_serve_new(tree, 64, &callbacks);
	fs_serve_set_policy(s, policy);
	journal = prepare_journal(process_fds);
	fs_serve_set_journal(s, journal, 3);
	begin(s);
	for (size_t at = 0; at + 2 <= size && unique < REQUESTS; unique += 2) {
		size_t n = data[at] | (size_t)data[at + 1] << 8;

		at += 2;
		if (n > size - at)
			n = size - at;
		send_request(s, unique, data + at, n);
		at += n;
	}
	fs_serve_free(s);
	fs_journal_free(journal);
	check_journal();
	fs_tree_free(tree);
	fs_policy_free(policy);
	check_outside();
	check_lower();
	fd = openat(top, "export", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(fd >= 0);
	fchmod(fd, 0700);
	check_git(fd);
	close(fd);
	empty("export");
	empty("layer");
	return 0;
}
