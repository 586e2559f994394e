/* areas: base
 * files: guest/init/seedread.c
 * The guest's readers of single seed files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "init/seedread.h"

static const struct {
	const char *text;
	bool ok;
	int64_t value;
} int_cases[] = {
	{"0", true, 0},
	{"1000\n", true, 1000},
	{"-5", true, -5},
	{"007", true, 7},
	{"100000", true, 100000},
	{"100001", false},
	{"-6", false},
	{"", false},
	{"\n", false},
	{" 1", false},
	{"1 ", false},
	{"+1", false},
	{"1\n\n", false},
	{"0x10", false},
	{"-", false},
	{"1e3", false},
	{"--1", false},
	{"99999999999999999999", false},
};

static void test_int(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(int_cases); i++) {
		int64_t v = 77;
		struct err e;
		int rc = seedread_int(int_cases[i].text, strlen(int_cases[i].text), -5, 100000, &v,
				      &e);

		if ((rc == 0) != int_cases[i].ok)
			fail_msg("\"%s\": %d", int_cases[i].text, rc);
		assert_int_equal(v, int_cases[i].ok ? int_cases[i].value : 77);
	}
}

static void test_nul_is_no_end(void **state)
{
	int64_t v;
	struct err e;

	(void)state;
	assert_int_equal(seedread_int("1\0", 2, 0, 9, &v, &e), -1);
	assert_int_equal(seedread_int("9223372036854775807", 19, INT64_MIN, INT64_MAX, &v, &e), 0);
	assert_int_equal(seedread_int("9999999999999999999", 19, INT64_MIN, INT64_MAX, &v, &e), -1);
}

static const struct {
	const char *text;
	bool ok;
} path_cases[] = {
	{"/home/a/project", true},
	{"/a", true},
	{"/a\n", true},
	{"/a b/\xff", true},
	{"/..a/b..", true},
	{"/...", true},
	{"/", false},
	{"", false},
	{"a/b", false},
	{"/a/", false},
	{"//a", false},
	{"/a//b", false},
	{"/a/../b", false},
	{"/a/.", false},
	{"/..", false},
	{"/./a", false},
	{"/a\nb", false},
	{"/a\tb", false},
	{"/a\n\n", false},
};

static void test_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(path_cases); i++) {
		char path[64];
		struct err e;
		int rc = seedread_path(path_cases[i].text, strlen(path_cases[i].text), path,
				       sizeof(path), &e);

		if ((rc == 0) != path_cases[i].ok)
			fail_msg("\"%s\": %d", path_cases[i].text, rc);
	}
}

static void test_long_path(void **state)
{
	AUTO_FREE char *text = mem_alloc(PATH_MAX + 1);
	char path[2 * PATH_MAX];
	struct err e;

	(void)state;
	memset(text, 'a', PATH_MAX);
	text[0] = '/';
	assert_int_equal(seedread_path(text, PATH_MAX, path, sizeof(path), &e), -1);
	assert_int_equal(seedread_path(text, PATH_MAX - 1, path, sizeof(path), &e), 0);
	assert_int_equal(seedread_path(text, 10, path, 10, &e), -1);
	assert_int_equal(seedread_path(text, 10, path, 11, &e), 0);
}

static void test_folder(void **state)
{
	static const char *const bad[] = {"",	"\n",  "..",   ".",	  "a/b",
					  "/a", "a b", "a\nb", "\xc3\xbc"};
	char name[8];
	struct err e;

	(void)state;
	assert_int_equal(seedread_folder("-a-B9\n", 6, name, sizeof(name), &e), 0);
	assert_string_equal(name, "-a-B9");
	assert_int_equal(seedread_folder("-234567", 7, name, sizeof(name), &e), 0);
	assert_int_equal(seedread_folder("-2345678", 8, name, sizeof(name), &e), -1);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(seedread_folder(bad[i], strlen(bad[i]), name, sizeof(name), &e),
				 -1);
}

static int names(const char *text, struct buf *out)
{
	struct err e;

	buf_fini(out);
	return seedread_names(text, strlen(text), out, &e);
}

static void test_names(void **state)
{
	AUTO_BUF struct buf n = {0};

	(void)state;
	assert_int_equal(names("", &n), 0);
	assert_int_equal(buf_len(&n), 0);
	assert_int_equal(names("LANG\n_X1\nlast", &n), 0);
	assert_string_equal(buf_text(&n), "LANG\n_X1\nlast\n");
	/* each would become a line or a pattern of sshd's configuration */
	assert_int_equal(names("A B\n", &n), -1);
	assert_int_equal(names("*\n", &n), -1);
	assert_int_equal(names("A\n\nB\n", &n), -1);
	assert_int_equal(names("1A\n", &n), -1);
	assert_int_equal(names("A=B\n", &n), -1);
	assert_int_equal(names("A\r\n", &n), -1);
}

static void test_args(void **state)
{
	static const char bytes[] = "-p\0\0a b\n\xff";
	AUTO_STRV struct strv out = {0};
	struct err e;

	(void)state;
	assert_int_equal(seedread_args("", 0, &out, &e), 0);
	assert_int_equal(out.n, 0);
	assert_int_equal(seedread_args(bytes, sizeof(bytes), &out, &e), 0);
	assert_int_equal(out.n, 3);
	assert_string_equal(out.v[1], "");
	assert_string_equal(out.v[2], "a b\n\xff");
	assert_int_equal(seedread_args("-p", 2, &out, &e), -1);
}

static void test_too_many_args(void **state)
{
	AUTO_FREE char *bytes = mem_alloc(SEEDREAD_ARG_COUNT + 1);
	AUTO_STRV struct strv out = {0};
	struct err e;

	(void)state;
	assert_int_equal(seedread_args(bytes, SEEDREAD_ARG_COUNT + 1, &out, &e), -1);
}

static const struct {
	const char *text;
	int rc;
	size_t n;
} address_cases[] = {
	{"", 0, 0},
	{"10.0.0.0/8\n2001:db8::1\n", 0, 2},
	{"10.0.0.1", 0, 1},
	{"example.com\n", -1, 0},
	{"10.0.0.0/33", -1, 0},
	{"10.0.0.0/", -1, 0},
	{"::/129", -1, 0},
	{"10.0.0.1 accept", -1, 0},
};

static void test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(address_cases); i++) {
		AUTO_STRV struct strv out = {0};
		struct err e;

		assert_int_equal(seedread_addresses(address_cases[i].text,
						    strlen(address_cases[i].text), &out, &e),
				 address_cases[i].rc);
		assert_int_equal(out.n, address_cases[i].n);
	}
}

static const struct {
	const char *text;
	int rc;
	size_t n;
} port_cases[] = {
	{"443", 0, 1},	   {"80,443\n", 0, 2},	 {"", 0, 0},	 {"0", -1, 0},
	{"65536", -1, 0},  {"80,", -1, 0},	 {",80", -1, 0}, {"80,,443", -1, 0},
	{"80 443", -1, 0}, {"1,2,3,4,5", -1, 0},
};

static void test_ports(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(port_cases); i++) {
		uint16_t ports[4];
		size_t n = 0;
		struct err e;

		assert_int_equal(seedread_ports(port_cases[i].text, strlen(port_cases[i].text),
						ports, ARRAY_LEN(ports), &n, &e),
				 port_cases[i].rc);
		assert_int_equal(n, port_cases[i].n);
	}
}

/* ---- files ---- */

static char *in(const char *dir, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void test_files(void **state)
{
	char dir[] = "/tmp/ccvm-seedread-XXXXXX";
	AUTO_BUF struct buf b = {0};
	char path[64];
	int64_t v;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(file_createf(AT_FDCWD, in(dir, "host-uid"), 0600, &e, "1000"), 0);
	assert_int_equal(file_createf(AT_FDCWD, in(dir, "workdir"), 0600, &e, "/w"), 0);
	assert_int_equal(symlink("workdir", in(dir, "link")), 0);
	assert_int_equal(mkfifo(in(dir, "fifo"), 0600), 0);
	assert_int_equal(seedread_int_file(in(dir, "host-uid"), 0, 65535, &v, &e), 0);
	assert_int_equal(v, 1000);
	assert_int_equal(seedread_int_file(in(dir, "workdir"), 0, 65535, &v, &e), -1);
	assert_non_null(strstr(e.text, "workdir: not a decimal"));
	assert_int_equal(seedread_path_file(in(dir, "workdir"), path, sizeof(path), &e), 0);
	assert_string_equal(path, "/w");
	assert_int_equal(seedread_int_file(in(dir, "missing"), 0, 1, &v, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(seedread_path_file(in(dir, "link"), path, sizeof(path), &e), -1);
	assert_int_equal(seedread_path_file(in(dir, "fifo"), path, sizeof(path), &e), -1);
	assert_int_equal(seedread_bytes_file(AT_FDCWD, in(dir, "host-uid"), 3, &b, &e), -1);
	assert_int_equal(file_remove_tree(AT_FDCWD, dir, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_int),	  cmocka_unit_test(test_nul_is_no_end),
		cmocka_unit_test(test_path),	  cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_folder),	  cmocka_unit_test(test_names),
		cmocka_unit_test(test_args),	  cmocka_unit_test(test_too_many_args),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_ports),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
