/* areas: base
 * files: src/vm/poolfile.c
 * The file behind an encrypted disk: where it lies, that it has no name, what is removed. */
#include "unit/unit.h"

#include "vm/poolfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MIB (INT64_C(1) << 20)

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static void test_file(void **state)
{
	AUTO_FREE char *path = unit_path("file");
	struct poolfile p;
	struct stat st;
	struct err e;

	(void)state;
	if (poolfile_open(&p, &(struct hostenv){.scratch = path, .scratch_may_be_tmpfs = true},
			  300 * MIB, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(entries(path), 0);
	assert_int_equal(fstat(p.fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 300 * MIB);
	assert_int_equal(poolfile_allocated(&p), 0);
	for (int i = 0; i < 3; i++)
		assert_true(fcntl((int[]){p.fd, p.watch, p.dir}[i], F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(p.watch, F_GETFL) & O_PATH);
	assert_int_equal(pwrite(p.fd, "x", 1, 5 * MIB), 1);
	assert_int_equal(fsync(p.fd), 0);
	assert_true(poolfile_allocated(&p) > 0);
	/* There is room for more than what is there, and less than the whole disk. */
	assert_true(poolfile_limit(&p) > poolfile_allocated(&p));
	poolfile_fini(&p);
	assert_int_equal(p.fd, -1);
}

static void test_clean(void **state)
{
	static const struct {
		const char *name;
		bool goes;
	} files[] = {{"clean/vmdisk-1.img", true},
		     {"clean/vmdisk-.img", false},
		     {"clean/vmdisk-1.imgx", false},
		     {"clean/xvmdisk-1.img", false},
		     {"clean/vmdisk-ab.cd.img", true}};
	AUTO_FREE char *path = unit_path("clean");
	AUTO_CLOSE int fd = -1;
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs(path, 0700, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *file = unit_path(files[i].name);

		unit_write(file, "x", 1);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(poolfile_clean(fd), 2);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *file = unit_path(files[i].name);

		assert_int_equal(access(file, F_OK) == 0, !files[i].goes);
	}
}

static void test_relative_is_refused(void **state)
{
	struct poolfile p;
	struct err e = {0};

	(void)state;
	assert_int_equal(poolfile_open(&p, &(struct hostenv){.scratch = "relative"}, MIB, &e), -1);
	assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
	assert_non_null(strstr(e.text, "CCVM_SCRATCH_DIR=relative is not an absolute path"));
}

static void test_memory_is_refused(void **state)
{
	struct poolfile p;
	struct err e = {0};

	(void)state;
	assert_int_equal(poolfile_open(&p, &(struct hostenv){.scratch = "/dev/shm"}, MIB, &e), -1);
	assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
	assert_non_null(strstr(e.text, "is in memory"));
	assert_int_equal(p.fd, -1);
	assert_int_equal(p.dir, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_relative_is_refused),
		cmocka_unit_test(test_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}
