/* areas: base
 * Whole files and trees: bounds, links that must not be followed, and short writes. */
#include "unit/unit.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

static void test_read_bounds(void **state)
{
	AUTO_FREE char *path = unit_path("ten");
	static const struct {
		size_t max;
		const char *error; /* NULL: read */
	} cases[] = {
		{10, NULL}, {11, NULL}, {9, "larger than 9 bytes"}, {0, "larger than 0 bytes"}};

	(void)state;
	unit_write(path, "0123456789", 10);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf b = {0};
		struct err e;
		int rc;

		buf_add(&b, "before ", 7);
		rc = file_read(AT_FDCWD, path, cases[i].max, &b, &e);
		assert_int_equal(rc, cases[i].error ? -1 : 0);
		if (cases[i].error)
			assert_non_null(strstr(e.text, cases[i].error));
		if (cases[i].error)
			assert_non_null(strstr(e.text, path));
		else
			assert_string_equal(buf_text(&b), "before 0123456789");
	}
}

static void test_read_missing(void **state)
{
	AUTO_FREE char *path = unit_path("missing");
	AUTO_BUF struct buf b = {0};
	struct err e;

	(void)state;
	assert_int_equal(file_read(AT_FDCWD, path, 10, &b, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(file_read(AT_FDCWD, unit_dir, 10, &b, &e), -1);
	assert_int_equal(e.sys, EISDIR);
}

static void test_create(void **state)
{
	AUTO_FREE char *path = unit_path("new");
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int dir = open(unit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	struct err e;
	mode_t mask = umask(0077);

	(void)state;
	assert_int_equal(file_createf(dir, "new", 0444, &e, "%s-%d", "text", 7), 0);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0444); /* as asked for, whatever the umask */
	text = unit_read(path);
	assert_string_equal(text, "text-7");
	assert_int_equal(file_create(dir, "new", "other", 5, 0600, &e), -1);
	assert_int_equal(e.sys, EEXIST);
	assert_non_null(strstr(e.text, "create new"));
	free(text);
	text = unit_read(path);
	assert_string_equal(text, "text-7");
}

static void test_create_follows_no_link(void **state)
{
	AUTO_FREE char *link = unit_path("dangling");
	AUTO_FREE char *target = unit_path("target");
	struct err e;

	(void)state;
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(file_create(AT_FDCWD, link, "x", 1, 0600, &e), -1);
	assert_int_equal(e.sys, EEXIST);
	assert_int_equal(access(target, F_OK), -1);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* In a child: reads everything and says how much came, as far as it is the byte expected. */
static int drain(void *ctx)
{
	const int *ends = ctx;
	static unsigned char bytes[3000];
	size_t total = 0;
	ssize_t n;

	close(ends[1]);
	while ((n = read(ends[0], bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < n; i++)
			total += bytes[i] == (unsigned char)(total % 251);
	return total == 4 << 20 ? 0 : 1;
}

/* A pipe far smaller than what is written, and a timer that interrupts the writer all the time. */
static void test_write_all(void **state)
{
	enum { SIZE = 4 << 20 };
	AUTO_FREE unsigned char *bytes = mem_alloc(SIZE);
	const struct itimerval often = {.it_interval.tv_usec = 200, .it_value.tv_usec = 200},
			       never = {0};
	struct sigaction act = {.sa_handler = on_alarm}, old;
	struct err e = {0};
	int ends[2], status, rc;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (unsigned char)(i % 251);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		_exit(drain(ends));
	close(ends[0]);
	sigaction(SIGALRM, &act, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	rc = file_write_all(ends[1], bytes, SIZE, &e);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_string_equal(e.text, "");
	assert_int_equal(rc, 0);
	assert_int_equal(status, 0);
}

static void test_mkdirs(void **state)
{
	static const struct {
		const char *path;
		int sys; /* 0: made */
	} cases[] = {{"a/b/c", 0},	{"a/b/c", 0},	     {"a//d/", 0},
		     {"file", ENOTDIR}, {"file/x", ENOTDIR}, {"link/x", 0}};
	AUTO_FREE char *file = unit_path("file");
	AUTO_FREE char *link = unit_path("link");
	AUTO_FREE char *below = unit_path("a/x");
	struct stat st;

	(void)state;
	unit_write(file, "", 0);
	assert_int_equal(symlink("a", link), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *path = unit_path(cases[i].path);
		struct err e = {0};
		int rc = file_mkdirs(path, 0700, &e);

		if (rc != (cases[i].sys ? -1 : 0) || e.sys != cases[i].sys)
			fail_msg("%s: got %d, errno %d; wanted errno %d", cases[i].path, rc, e.sys,
				 cases[i].sys);
		if (rc == 0)
			assert_int_equal(stat(path, &st), 0);
		if (rc == 0)
			assert_true(S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0700);
	}
	assert_int_equal(access(below, F_OK), 0);
}

static void test_remove_tree(void **state)
{
	AUTO_FREE char *tree = unit_path("tree");
	AUTO_FREE char *deep = unit_path("tree/1/2/3/4/5/6/7/8/9");
	AUTO_FREE char *outside = unit_path("outside");
	AUTO_FREE char *kept = unit_path("outside/kept");
	AUTO_FREE char *to_dir = unit_path("tree/1/to-dir");
	AUTO_FREE char *to_file = unit_path("tree/1/to-file");
	AUTO_FREE char *fifo = unit_path("tree/1/fifo");
	AUTO_FREE char *link = unit_path("link-to-tree");
	struct err e = {0};

	(void)state;
	assert_int_equal(file_mkdirs(deep, 0700, &e) | file_mkdirs(outside, 0700, &e), 0);
	unit_write(kept, "", 0);
	assert_int_equal(symlink(outside, to_dir) | symlink(kept, to_file) | mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink(tree, link), 0);
	/* the link goes, not what it names */
	assert_int_equal(file_remove_tree(AT_FDCWD, link, &e), 0);
	assert_int_equal(access(deep, F_OK), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, tree, &e), 0);
	assert_int_equal(access(tree, F_OK), -1);
	assert_int_equal(access(kept, F_OK), 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, tree, &e), 0); /* missing is fine */
	assert_int_equal(file_remove_tree(AT_FDCWD, kept, &e), 0); /* so is a file */
	assert_int_equal(access(kept, F_OK), -1);
}

/* As somebody whom permissions stop. 0: the tree is gone. */
static int remove_locked(void *ctx)
{
	const char *top = ctx;
	AUTO_FREE char *tree = mem_format("%s/locked", top);
	AUTO_FREE char *inner = mem_format("%s/inner", tree);
	AUTO_FREE char *file = mem_format("%s/file", inner);
	struct err e;

	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setresgid(UNIT_NOBODY, UNIT_NOBODY, UNIT_NOBODY) < 0 ||
	     setresuid(UNIT_NOBODY, UNIT_NOBODY, UNIT_NOBODY) < 0))
		return 2;
	if (file_mkdirs(inner, 0700, &e) < 0 || file_createf(AT_FDCWD, file, 0, &e, "x") < 0 ||
	    chmod(inner, 0) < 0 || chmod(tree, 0500) < 0)
		return 3;
	if (file_remove_tree(AT_FDCWD, tree, &e) < 0) {
		dprintf(2, "%s\n", e.text);
		return 4;
	}
	return access(tree, F_OK) == 0 ? 5 : 0;
}

static void test_remove_tree_without_permissions(void **state)
{
	char top[] = "/tmp/ccvm-unit-XXXXXX";
	struct err e;
	int status;

	(void)state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(chmod(top, 0777), 0);
	status = unit_child(remove_locked, top);
	assert_int_equal(file_remove_tree(AT_FDCWD, top, &e), 0);
	assert_int_equal(status, 0);
}

/* Deeper than descriptors or paths go. */
static void test_remove_deep_tree(void **state)
{
	char top[] = "/tmp/ccvm-unit-XXXXXX";
	const struct rlimit few = {64, 64};
	struct rlimit before;
	struct err e;
	int fd, inner;

	(void)state;
	assert_non_null(mkdtemp(top));
	fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		assert_int_equal(file_create(fd, ".removed-1", "", 0, 0600, &e), 0);
		inner = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (i % 3 == 0)
			assert_int_equal(fchmod(fd, 0500), 0);
		close(fd);
		fd = inner;
	}
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){few.rlim_cur, before.rlim_max}),
			 0);
	assert_int_equal(file_remove_tree(AT_FDCWD, top, &e), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(access(top, F_OK), -1);
}

static void test_is_within(void **state)
{
	static const struct {
		const char *inner, *outer;
		bool within;
	} cases[] = {
		{"/a", "/a", true},   {"/a/b", "/a", true},  {"/a/b/c", "/a", true},
		{"/ab", "/a", false}, {"/a", "/a/b", false}, {"/", "/", true},
		{"/a", "/", true},    {"/", "/a", false},    {"/b/a", "/a", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (file_is_within(cases[i].inner, cases[i].outer) != cases[i].within)
			fail_msg("%s in %s: wanted %d", cases[i].inner, cases[i].outer,
				 cases[i].within);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_bounds),
		cmocka_unit_test(test_read_missing),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_follows_no_link),
		cmocka_unit_test(test_write_all),
		cmocka_unit_test(test_mkdirs),
		cmocka_unit_test(test_remove_tree),
		cmocka_unit_test(test_remove_deep_tree),
		cmocka_unit_test(test_remove_tree_without_permissions),
		cmocka_unit_test(test_is_within),
	};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}
