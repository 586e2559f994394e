/* areas: base
 * files: src/vm/image_verify.c src/vm/image.c src/vm/checked.c
 * An image that is not what its manifest says, or that others can change. */
#include "unit/unit.h"

#include "base/owner.h"
#include "vm/image_verify.h"

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

/* SHA-256 of "x". */
#define SUM "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

static int make_image(void **state)
{
	static const char *const dirs[] = {"image", "cache"};
	static const char *const files[] = {"image/vmlinuz", "image/modules.cpio",
					    "image/root.squashfs", "image/manifest.json"};
	if (unit_make_dir(state) < 0)
		return -1;
	unit_make_tree(dirs, ARRAY_LEN(dirs), files, ARRAY_LEN(files));
	return 0;
}

static int verify(const char *sum, const char **note, struct err *e)
{
	AUTO_FREE char *path = unit_path("image"), *cache = unit_path("cache/ccvm");
	struct image img = {.path = path};

	for (size_t i = 0; i < IMAGE_FILES; i++)
		snprintf(img.hash[i], sizeof(img.hash[i]), "%s", sum);
	return image_verify(&img, &(struct hostenv){.cache = cache}, note, e);
}

static void test_hashes(void **state)
{
	static const char *const wrong[] = {
		"", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4880", "x"};
	const char *note;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(verify(wrong[i], &note, &e), -1);
		assert_non_null(strstr(e.text, "does not match its checksum"));
		assert_int_equal(e.exit_code, ERR_EXIT_GUEST);
		assert_non_null(strstr(e.remedy, "ccvmctl image build"));
	}
	assert_int_equal(verify(SUM, &note, &e), 0);
	assert_null(note);
}

/* With old times, so that a note may be made: the second look reads nothing, and a change is
 * seen at once. */
static void test_notes(void **state)
{
	AUTO_FREE char *root = unit_path("image/root.squashfs");
	AUTO_CLOSE int fd = -1;
	const char *note;
	struct err e;

	(void)state;
	/* The kernel's time of change cannot be set; wait until it is old enough for a note. */
	for (time_t start = time(NULL); time(NULL) < start + 5;)
		assert_int_equal(poll(NULL, 0, 200), 0);
	assert_int_equal(verify(SUM, &note, &e), 0);
	assert_int_equal(verify("noted: not compared", &note, &e), 0);
	fd = open(root, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "y", 1, 0), 1);
	assert_int_equal(verify(SUM, &note, &e), -1);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	assert_int_equal(verify(SUM, &note, &e), 0);
}

static void test_writable(void **state)
{
	static const char *const names[] = {"image", "image/vmlinuz", "image/root.squashfs",
					    "image/manifest.json"};
	const char *note;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = unit_path(names[i]);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(chmod(path, st.st_mode | 0002), 0);
		assert_int_equal(verify(SUM, &note, &e), -1);
		assert_non_null(strstr(e.text, "everybody can write to it"));
		assert_non_null(strstr(e.remedy, "chmod -R go-w"));
		assert_int_equal(chmod(path, st.st_mode), 0);
	}
	{
		AUTO_FREE char *path = unit_path("image");

		/* as /tmp: who may make names here may make all of an image */
		assert_int_equal(chmod(path, 01777), 0);
		assert_int_equal(verify(SUM, &note, &e), -1);
		assert_int_equal(chmod(path, 0755) | chmod(unit_dir, 0777), 0);
		assert_int_equal(verify(SUM, &note, &e), -1);
		assert_int_equal(chmod(unit_dir, 0700), 0);
	}
	assert_int_equal(verify(SUM, &note, &e), 0);
}

static void test_doubts(void **state)
{
	const uid_t me = geteuid(), other = me + 1;
	const gid_t mine = getegid(), another = mine + 1;
	const struct {
		struct stat st;
		const char *doubt; /* a part; NULL: none */
	} cases[] = {
		{{.st_mode = S_IFREG | 0644, .st_uid = me, .st_gid = mine}, NULL},
		{{.st_mode = S_IFDIR | 0775, .st_uid = me, .st_gid = mine}, NULL},
		{{.st_mode = S_IFDIR | 0755, .st_uid = 0, .st_gid = 0}, NULL},
		{{.st_mode = S_IFDIR | 01777, .st_uid = 0, .st_gid = 0}, NULL},
		{{.st_mode = S_IFDIR | 0777, .st_uid = me, .st_gid = mine}, "everybody"},
		{{.st_mode = S_IFREG | 01666, .st_uid = me, .st_gid = mine}, "everybody"},
		{{.st_mode = S_IFREG | 0664, .st_uid = me, .st_gid = another}, "a group"},
		{{.st_mode = S_IFREG | 0644, .st_uid = other, .st_gid = mine}, "another user"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *doubt = owner_doubt(&cases[i].st);

		if (!cases[i].doubt != !doubt || (doubt && !strstr(doubt, cases[i].doubt)))
			fail_msg("case %zu: %s", i, doubt ? doubt : "no doubt");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashes), cmocka_unit_test(test_notes),
		cmocka_unit_test(test_writable), cmocka_unit_test(test_doubts)};

	return cmocka_run_group_tests(tests, make_image, unit_remove_dir);
}
