/* areas: base
 * files: src/vm/checked.c
 * Notes that a file was checked: which state of which file they are of. */
#include "unit/unit.h"

#include "base/mem.h"
#include "vm/checked.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct place {
	int dirfd, fd;
};

/* A folder of that name in the test's, with a file. */
static void place_init(struct place *p, const char *name)
{
	AUTO_FREE char *path = unit_path(name);

	assert_int_equal(mkdir(path, 0700), 0);
	p->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->fd = openat(p->dirfd, "file", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(p->dirfd >= 0 && p->fd >= 0);
	assert_int_equal(write(p->fd, "bytes", 5), 5);
}

static void place_fini(struct place *p, const char *name)
{
	AUTO_FREE char *path = unit_path(name);

	(void)unlinkat(p->dirfd, "file", 0);
	(void)unlinkat(p->dirfd, "note", 0);
	close(p->fd);
	close(p->dirfd);
	assert_int_equal(rmdir(path), 0); /* no other file was left */
}

static int64_t changed_at(const struct place *p)
{
	struct stat st;

	assert_int_equal(fstat(p->fd, &st), 0);
	return st.st_ctim.tv_sec;
}

static void describe(const struct place *p, char text[CHECKED_TEXT_MAX])
{
	assert_true(checked_describe(p->fd, changed_at(p) + 60, text));
}

static void test_note_is_of_one_state(void **state)
{
	char before[CHECKED_TEXT_MAX], after[CHECKED_TEXT_MAX];
	struct place p;

	(void)state;
	place_init(&p, "one");
	describe(&p, before);
	assert_false(checked_is_noted(p.dirfd, "note", before));
	checked_note(p.dirfd, "note", before);
	assert_true(checked_is_noted(p.dirfd, "note", before));
	describe(&p, after);
	assert_string_equal(before, after); /* reading and noting change nothing */
	/* The same size, and a time of change that a program set back: the kernel's own time
	 * tells. Its clock has ticks. */
	struct stat st;
	assert_int_equal(fstat(p.fd, &st), 0);
	do {
		assert_int_equal(pwrite(p.fd, "bites", 5, 0), 5);
		assert_int_equal(futimens(p.fd, (struct timespec[]){st.st_atim, st.st_mtim}), 0);
		describe(&p, after);
	} while (strcmp(before, after) == 0);
	assert_false(checked_is_noted(p.dirfd, "note", after));
	checked_note(p.dirfd, "note", after);
	assert_true(checked_is_noted(p.dirfd, "note", after));
	assert_false(checked_is_noted(p.dirfd, "note", before));
	place_fini(&p, "one");
}

static void test_another_file(void **state)
{
	char text[CHECKED_TEXT_MAX];
	struct place a, b;

	(void)state;
	place_init(&a, "one");
	place_init(&b, "other");
	describe(&a, text);
	checked_note(b.dirfd, "note", text); /* copied along with a copy of the file */
	describe(&b, text);
	assert_false(checked_is_noted(b.dirfd, "note", text));
	place_fini(&a, "one");
	place_fini(&b, "other");
}

/* A change within the same tick of the file system's clock would go unnoticed. */
static void test_too_near_a_change(void **state)
{
	char text[CHECKED_TEXT_MAX];
	struct place p;

	(void)state;
	place_init(&p, "one");
	assert_false(checked_describe(p.fd, changed_at(&p), text));
	assert_false(checked_describe(p.fd, changed_at(&p) + 2, text));
	/* the clock was set back */
	assert_false(checked_describe(p.fd, changed_at(&p) - 1000, text));
	assert_true(checked_describe(p.fd, changed_at(&p) + 3, text));
	place_fini(&p, "one");
}

static void test_note_that_is_none(void **state)
{
	char text[CHECKED_TEXT_MAX], large[2 * CHECKED_TEXT_MAX];
	struct place p;

	(void)state;
	place_init(&p, "one");
	describe(&p, text);
	memset(large, 'x', sizeof(large));
	memcpy(large, text, strlen(text));
	for (size_t n = 0; n <= sizeof(large); n++) {
		int fd = openat(p.dirfd, "note", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		assert_int_equal(write(fd, large, n), n);
		close(fd);
		if (checked_is_noted(p.dirfd, "note", text) != (n == strlen(text)))
			fail_msg("the first %zu bytes of a note and others", n);
	}
	checked_note(-1, "note", text); /* nowhere to write: silence */
	place_fini(&p, "one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_note_is_of_one_state),
		cmocka_unit_test(test_another_file),
		cmocka_unit_test(test_too_near_a_change),
		cmocka_unit_test(test_note_that_is_none),
	};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}
