/* areas: base
 * Files behind paths that a guest could have changed: no link of a user's is followed, whatever
 * part of the path it is. */
#include "unit/unit.h"

#include "base/place.h"
#include "base/trustpath.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static int make_tree(void **state)
{
	static const char *const dirs[] = {"secret", "project", "project/logs"};
	static const char *const files[] = {"secret/bashrc", "project/plain", "project/logs/old",
					    "project/twice"};
	static const struct {
		const char *target, *name;
	} links[] = {{"../secret/bashrc", "project/file-link"},
		     {"../secret", "project/dir-link"},
		     {"nowhere", "project/dangling"},
		     {"dir-link", "project/link-to-link"},
		     {"/proc/self/fd", "project/fds"}};

	if (unit_make_dir(state) < 0)
		return -1;
	unit_make_tree(dirs, ARRAY_LEN(dirs), files, ARRAY_LEN(files));
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		AUTO_FREE char *name = unit_path(links[i].name);

		if (symlink(links[i].target, name) < 0)
			return -1;
		/* Root's links are followed; as root, a test has to make them somebody's. */
		if (geteuid() == 0 && lchown(name, UNIT_NOBODY, UNIT_NOBODY) < 0)
			return -1;
	}
	{
		AUTO_FREE char *old = unit_path("project/twice"), *other = unit_path("secret/also"),
			       *fifo = unit_path("project/fifo");

		return link(old, other) < 0 || mkfifo(fifo, 0600) < 0 ? -1 : 0;
	}
}

static const struct {
	const char *path;
	int flags;
	const char *reason; /* NULL: opened */
} cases[] = {
	{"project/plain", O_WRONLY | O_APPEND, NULL},
	{"project/logs/new", O_WRONLY | O_CREAT | O_EXCL, NULL},
	{"project/logs/../plain", O_RDONLY, NULL},
	{"project//logs/./old", O_RDONLY, NULL},
	{"project/file-link", O_WRONLY | O_CREAT | O_APPEND, "symbolic link"},
	{"project/file-link", O_RDONLY, "symbolic link"},
	{"project/dangling", O_WRONLY | O_CREAT, "symbolic link"},
	{"project/dir-link/bashrc", O_WRONLY | O_APPEND, "dir-link is a symbolic link"},
	{"project/dir-link/new", O_WRONLY | O_CREAT, "dir-link is a symbolic link"},
	{"project/link-to-link/bashrc", O_RDONLY, "symbolic link"},
	{"project/logs/../dir-link/bashrc", O_RDONLY, "symbolic link"},
	{"project/fds/0", O_WRONLY, "fds is a symbolic link"},
	{"project/fifo", O_RDONLY, "not a regular file"},
	{"project/logs", O_RDONLY, "not a regular file"},
	{"project/logs/", O_RDONLY, "directory"},
	{"project/plain/x", O_RDONLY, "Not a directory"},
	{"project/twice", O_WRONLY | O_APPEND, "more than one name"},
	{"project/twice", O_RDONLY, NULL},
	{"missing/x", O_WRONLY | O_CREAT, "No such file"},
};

static void check(const char *path, int flags, const char *reason)
{
	struct err e = {0};
	AUTO_CLOSE int fd = trustpath_open(path, flags, 0600, &e);

	if ((fd < 0) != (reason != NULL) || (reason && !strstr(e.text, reason)))
		fail_msg("%s: %d (%s), wanted %s", path, fd, fd < 0 ? e.text : "",
			 reason ? reason : "it open");
}

static void test_paths(void **state)
{
	char here[4096];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *path = unit_path(cases[i].path);

		check(path, cases[i].flags & ~O_EXCL, cases[i].reason);
		assert_int_equal(chdir(unit_dir), 0);
		check(cases[i].path, cases[i].flags & ~O_EXCL, cases[i].reason);
		assert_int_equal(chdir(here), 0);
	}
}

static void test_nothing_was_made(void **state)
{
	AUTO_FREE char *made = unit_path("secret/new"), *dangling = unit_path("project/nowhere"),
		       *bashrc = unit_path("secret/bashrc");
	AUTO_FREE char *text = unit_read(bashrc);

	(void)state;
	assert_int_equal(access(made, F_OK), -1);
	assert_int_equal(access(dangling, F_OK), -1);
	assert_string_equal(text, "x");
}

/* /proc/self is root's own link; what lies behind it is a directory. */
static void test_links_of_root(void **state)
{
	struct err e = {0};
	const char *name;
	AUTO_CLOSE int dir = trustpath_open_parent("/proc/self/status", &name, &e);

	(void)state;
	if (dir < 0)
		fail_msg("%s", e.text);
	assert_string_equal(name, "status");
}

static int open_of_another(void *path)
{
	struct err e = {0};
	AUTO_CLOSE int fd = -1;

	if (setgid(UNIT_NOBODY) < 0 || setuid(UNIT_NOBODY) < 0)
		return 3;
	fd = trustpath_open(path, O_WRONLY, 0, &e);
	return fd < 0 && strstr(e.text, "another user") ? 0 : 1;
}

static void test_other_owner(void **state)
{
	AUTO_FREE char *path = unit_path("project/plain");

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can be two users: a file of another one was NOT tried\n");
		skip();
	}
	assert_int_equal(chmod(path, 0666) | chmod(unit_dir, 0755), 0);
	{
		AUTO_FREE char *dir = unit_path("project");

		assert_int_equal(chmod(dir, 0755), 0);
	}
	assert_int_equal(unit_child(open_of_another, path), 0);
}

/* ---- programs ---- */

static void test_programs(void **state)
{
	static const char *const dirs[] = {"project/.venv/bin", "project/node_modules/.bin",
					   "tools/bin", "open/bin"};
	AUTO_FREE char *project = unit_path("project"), *open_dir = unit_path("open/bin"),
		       *tools = unit_path("tools/bin");
	AUTO_FREE char *path = mem_format("%s/.venv/bin:.:bin:%s:/usr/bin::%s:%s/node_modules/"
					  ".bin:/nonexistent:%s/../project/.venv/bin:/bin",
					  project, tools, open_dir, project, tools);
	AUTO_FREE char *wanted = mem_format("%s:/usr/bin:/bin", tools), *got = NULL, *usual = NULL,
		       *below = NULL;
	char here[4096];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	unit_make_tree(dirs, ARRAY_LEN(dirs), NULL, 0);
	assert_int_equal(chmod(open_dir, 0777) | chdir(project), 0);
	got = trustpath_programs(path);
	assert_string_equal(got, wanted);
	usual = trustpath_programs(NULL);
	assert_string_equal(usual, "/usr/local/bin:/usr/bin:/bin");
	assert_int_equal(chdir("/"), 0); /* all lies below it, and it is no project */
	below = trustpath_programs("/usr/bin:/bin");
	assert_string_equal(below, "/usr/bin:/bin");
	assert_int_equal(chdir(here), 0);
}

/* ---- place ---- */

static void test_within(void **state)
{
	AUTO_FREE char *project = unit_path("project"), *logs = unit_path("project/logs"),
		       *secret = unit_path("secret");
	AUTO_CLOSE int in = open(logs, O_PATH | O_DIRECTORY | O_CLOEXEC),
		       of = open(project, O_PATH | O_DIRECTORY | O_CLOEXEC),
		       other = open(secret, O_PATH | O_DIRECTORY | O_CLOEXEC),
		       root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct place p, r;

	(void)state;
	assert_true(place_of(of, &p) && place_of(root, &r));
	assert_true(place_is_within(in, p));
	assert_true(place_is_within(of, p));
	assert_false(place_is_within(other, p));
	assert_true(place_is_within(other, r));
	assert_false(place_is_within(root, p));
}

static void test_path(void **state)
{
	AUTO_FREE char *project = unit_path("gone"), *aside = unit_path("aside"), *got = NULL;
	AUTO_CLOSE int fd = -1;
	struct err e;

	(void)state;
	assert_int_equal(mkdir(project, 0700), 0);
	fd = open(project, O_PATH | O_DIRECTORY | O_CLOEXEC);
	got = place_path(fd, &e);
	assert_string_equal(got, project);
	free(got);
	assert_int_equal(rename(project, aside), 0);
	got = place_path(fd, &e);
	assert_string_equal(got, aside); /* where it is now */
	free(got);
	assert_int_equal(rmdir(aside), 0);
	got = place_path(fd, &e);
	assert_null(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),	      cmocka_unit_test(test_nothing_was_made),
		cmocka_unit_test(test_links_of_root), cmocka_unit_test(test_other_owner),
		cmocka_unit_test(test_within),	      cmocka_unit_test(test_programs),
		cmocka_unit_test(test_path)};

	return cmocka_run_group_tests(tests, make_tree, unit_remove_dir);
}
