/* unit: what unit tests include: cmocka with its headers, a private folder, and children that
 * end with _exit.
 */
#ifndef CCVM_TEST_UNIT_H
#define CCVM_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define UNIT_NOBODY 65534

/* Group setup and teardown of tests that need a folder. */
static char unit_dir[64];

static inline int unit_make_dir(void **state)
{
	(void)state;
	strcpy(unit_dir, "/tmp/ccvm-unit-XXXXXX");
	return mkdtemp(unit_dir) ? 0 : -1;
}

static inline int unit_remove_dir(void **state)
{
	struct err e;

	(void)state;
	return file_remove_tree(AT_FDCWD, unit_dir, &e);
}

/* A path in the folder; free it. */
static inline char *unit_path(const char *name)
{
	return mem_format("%s/%s", unit_dir, name);
}

static inline void unit_write(const char *path, const void *bytes, size_t n)
{
	struct err e;

	if (file_create(AT_FDCWD, path, bytes, n, 0600, &e) < 0)
		fail_msg("%s", e.text);
}

/* Folders, and files that hold one byte, in the folder. */
static inline void unit_make_tree(const char *const *dirs, size_t ndirs, const char *const *files,
				  size_t nfiles)
{
	struct err e;

	for (size_t i = 0; i < ndirs; i++) {
		AUTO_FREE char *path = unit_path(dirs[i]);

		if (file_mkdirs(path, 0700, &e) < 0)
			fail_msg("%s", e.text);
	}
	for (size_t i = 0; i < nfiles; i++) {
		AUTO_FREE char *path = unit_path(files[i]);

		unit_write(path, "x", 1);
	}
}

static inline char *unit_read(const char *path)
{
	struct buf b = {0};
	struct err e;

	if (file_read(AT_FDCWD, path, 1 << 24, &b, &e) < 0)
		fail_msg("%s", e.text);
	(void)buf_text(&b);
	return (char *)b.bytes;
}

/* Runs fn in a child and returns its wait status. Neither cmocka nor the leak check runs in
 * there; a test that expects an abort sees SIGABRT, and no core is left. */
static inline int unit_child(int (*fn)(void *ctx), void *ctx)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		(void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		signal(SIGABRT, SIG_DFL);
		_exit(fn(ctx));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* As above; fails unless it was ended by mem_die. */
static inline void unit_expect_abort(int (*fn)(void *ctx), void *ctx, const char *what)
{
	int status = unit_child(fn, ctx);

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("%s: wait status %#x, wanted an abort", what, (unsigned)status);
}

#endif
