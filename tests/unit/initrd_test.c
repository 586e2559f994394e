/* areas: base
 * files: src/vm/initrd.c
 * Two archives in one sealed file. */
#include "unit/unit.h"

#include "vm/initrd.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

static const struct {
	const char *modules, *programs;
	const char *joined; /* each padded to a multiple of 4 with zeros, shown as _ */
} cases[] = {
	{"", "", ""},	    {"abcd", "efgh", "abcdefgh"},      {"a", "b", "a___b___"},
	{"ab", "", "ab__"}, {"abc", "defghi", "abc_defghi__"},
};

static char *make_file(const char *name, const char *text)
{
	char *path = unit_path(name);

	unlink(path);
	unit_write(path, text, strlen(text));
	return path;
}

static void expect_sealed(int fd)
{
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_int_equal(errno, EPERM);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	/* nor may anyone seal it further */
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), -1);
}

static void test_join(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *modules = make_file("modules", cases[i].modules);
		AUTO_FREE char *programs = make_file("programs", cases[i].programs);
		char got[64] = {0};
		struct err e = {0};
		AUTO_CLOSE int fd = initrd_join(modules, programs, &e);
		ssize_t n = pread(fd, got, sizeof(got) - 1, 0);

		if (fd < 0)
			fail_msg("case %zu: %s", i, e.text);
		for (ssize_t k = 0; k < n; k++)
			got[k] = got[k] ? got[k] : '_';
		assert_string_equal(got, cases[i].joined);
		expect_sealed(fd);
	}
}

static void test_large(void **state)
{
	enum { SIZE = (5 << 20) + 1 };
	AUTO_FREE char *bytes = mem_alloc(SIZE);
	AUTO_FREE char *got = mem_alloc(SIZE);
	AUTO_FREE char *modules = unit_path("large");
	AUTO_FREE char *programs = make_file("programs", "end.");
	AUTO_CLOSE int fd = -1;
	struct stat st;
	struct err e;

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (char)(i % 253);
	unit_write(modules, bytes, SIZE);
	fd = initrd_join(modules, programs, &e);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, SIZE + 3 + 4);
	assert_int_equal(pread(fd, got, SIZE, 0), SIZE);
	assert_memory_equal(got, bytes, SIZE);
	assert_int_equal(pread(fd, got, 4, SIZE + 3), 4);
	assert_memory_equal(got, "end.", 4);
}

/* As much of a kernel as QEMU ever looks at, and no more of a large one. */
static void test_stub(void **state)
{
	enum { SIZE = 132 << 10, LARGE = 1 << 20 };
	AUTO_FREE char *bytes = mem_alloc(LARGE);
	AUTO_FREE char *got = mem_alloc(SIZE);
	AUTO_FREE char *kernel = unit_path("kernel");
	AUTO_FREE char *missing = unit_path("missing");
	AUTO_FREE char *empty = make_file("empty", "");
	static const size_t sizes[] = {5, SIZE, LARGE};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (char)(i % 253);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		const size_t wanted = sizes[i] < SIZE ? sizes[i] : SIZE;
		AUTO_CLOSE int fd = -1;
		struct stat st;

		unit_write(kernel, bytes, sizes[i]);
		fd = initrd_stub(kernel, &e);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, wanted);
		assert_int_equal(pread(fd, got, SIZE, 0), wanted);
		assert_memory_equal(got, bytes, wanted);
		expect_sealed(fd);
		unlink(kernel);
	}
	assert_int_equal(initrd_stub(missing, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(initrd_stub(empty, &e), -1);
}

static void test_missing(void **state)
{
	AUTO_FREE char *there = make_file("there", "x");
	AUTO_FREE char *missing = unit_path("missing");
	struct err e = {0};

	(void)state;
	assert_int_equal(initrd_join(missing, there, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(e.text, missing));
	assert_int_equal(initrd_join(there, missing, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(initrd_join(there, unit_dir, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_stub),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}
