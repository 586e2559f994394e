/* areas: base
 * files: src/session/logtail.c
 * The bounded log: what is kept in the file and in memory, and how its end is shown. */
#include "unit/unit.h"

#include "session/logtail.h"

#include <stdio.h>
#include <sys/stat.h>

static const struct {
	const char *log;
	size_t lines;
	const char *shown;
} cases[] = {
	{"", 5, ""},
	{"one\n", 1, "one\n"},
	{"one", 1, "one\n"},
	{"one\ntwo\nthree\n", 2, "two\nthree\n"},
	{"one\ntwo\nthree", 2, "two\nthree\n"},
	{"one\ntwo\n", 2, "one\ntwo\n"},
	{"one\ntwo\n", 9, "one\ntwo\n"},
	{"one\n\n\n", 2, "\n\n"},
	{"\n", 1, "\n"},
	{"one\r\ntwo\r\n", 2, "one\ntwo\n"},
	{"a\rb\r\n", 1, "a\\x0db\n"},
	{"\x1b[2J\x1b]0;title\x07\xff\n", 1, "\\x1b[2J\\x1b]0;title\\x07\\xff\n"},
};

static void test_last_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t cut = 0; cut <= strlen(cases[i].log); cut++) {
			AUTO_BUF struct buf got = {0};
			struct logtail t;

			logtail_init(&t, -1, NULL);
			logtail_add(&t, cases[i].log, cut);
			logtail_add(&t, cases[i].log + cut, strlen(cases[i].log + cut));
			logtail_last_lines(&t, cases[i].lines, &got);
			if (strcmp(buf_text(&got), cases[i].shown) != 0)
				fail_msg("case %zu: got \"%s\", wanted \"%s\"", i, buf_text(&got),
					 cases[i].shown);
			logtail_fini(&t);
		}
}

static void test_long_line(void **state)
{
	AUTO_BUF struct buf got = {0};
	char line[1000];
	struct logtail t;

	(void)state;
	memset(line, 'x', sizeof(line));
	logtail_init(&t, -1, NULL);
	logtail_add(&t, line, sizeof(line));
	logtail_last_lines(&t, 3, &got);
	assert_int_equal(buf_len(&got), 401); /* cut, and ended */
	logtail_fini(&t);
}

static void test_bounds(void **state)
{
	AUTO_CLOSE int dir = open(unit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_BUF struct buf got = {0};
	AUTO_FREE char *path = unit_path("log");
	AUTO_FREE char *kept = NULL;
	struct logtail t;
	struct stat st;
	char line[32];

	(void)state;
	logtail_init(&t, dir, "log");
	for (int i = 0; i < 200000; i++)
		logtail_add(&t, line, (size_t)snprintf(line, sizeof(line), "line %06d\n", i));
	assert_int_equal(buf_len(&t.tail), LOGTAIL_MEMORY_MAX);
	assert_true(t.tail.size <= 4 * LOGTAIL_MEMORY_MAX);
	logtail_last_lines(&t, 2, &got);
	assert_string_equal(buf_text(&got), "line 199998\nline 199999\n");
	logtail_fini(&t);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, LOGTAIL_FILE_MAX); /* the beginning, to the byte */
	assert_int_equal(st.st_mode & 0777, 0600);
	kept = unit_read(path);
	assert_memory_equal(kept, "line 000000\nline 000001\n", 24);
}

/* One piece larger than both bounds. */
static void test_flood(void **state)
{
	AUTO_CLOSE int dir = open(unit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *bytes = mem_alloc(2 * LOGTAIL_FILE_MAX);
	AUTO_FREE char *path = unit_path("flood");
	struct logtail t;
	struct stat st;

	(void)state;
	memset(bytes, 'y', 2 * LOGTAIL_FILE_MAX);
	logtail_init(&t, dir, "flood");
	logtail_add(&t, bytes, 2 * LOGTAIL_FILE_MAX);
	logtail_add(&t, bytes, 2 * LOGTAIL_FILE_MAX);
	assert_int_equal(buf_len(&t.tail), LOGTAIL_MEMORY_MAX);
	logtail_fini(&t);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, LOGTAIL_FILE_MAX);
}

/* A name that is taken, by a file or a link: memory only, and nothing is touched. */
static void test_taken_name(void **state)
{
	AUTO_CLOSE int dir = open(unit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *file = unit_path("taken");
	AUTO_FREE char *link = unit_path("link");
	AUTO_FREE char *text = NULL;
	static const char *const names[] = {"taken", "link"};

	(void)state;
	unit_write(file, "mine", 4);
	assert_int_equal(symlink("taken", link), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_BUF struct buf got = {0};
		struct logtail t;

		logtail_init(&t, dir, names[i]);
		assert_int_equal(t.fd, -1);
		logtail_add(&t, "x\n", 2);
		logtail_last_lines(&t, 1, &got);
		assert_string_equal(buf_text(&got), "x\n");
		logtail_fini(&t);
	}
	text = unit_read(file);
	assert_string_equal(text, "mine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_lines), cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_bounds),	   cmocka_unit_test(test_flood),
		cmocka_unit_test(test_taken_name),
	};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}
