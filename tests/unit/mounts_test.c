/* areas: base
 * Mount points below a directory. */
#include "unit/unit.h"

#include "base/mounts.h"

static void test_parse(void **state)
{
	static const char text[] = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
				   "23 22 0:21 / /w rw - tmpfs tmpfs rw\n"
				   "24 22 254:0 /home/u /w/mnt rw - ext4 /dev/vda rw\n"
				   "25 22 0:22 / /w/a\\040b\\134c/\\012d rw - tmpfs tmpfs rw\n"
				   "26 22 0:22 / /without rw - tmpfs tmpfs rw\n"
				   "27 22 0:22\n"
				   "28 22 0:22 / \n"
				   "29 22 0:23 / /w/last";
	static const char *const wanted[] = {"/w/mnt", "/w/a b\\c/\nd", "/w/last"};
	AUTO_STRV struct strv got = {0};

	(void)state;
	mounts_parse(text, "/w", &got);
	assert_int_equal(got.n, ARRAY_LEN(wanted));
	for (size_t i = 0; i < got.n; i++)
		assert_string_equal(got.v[i], wanted[i]);
}

static void test_of_this_process(void **state)
{
	AUTO_STRV struct strv got = {0};
	bool proc = false;
	struct err e;

	(void)state;
	assert_int_equal(mounts_below("/", &got, &e), 0);
	for (size_t i = 0; i < got.n; i++)
		proc = proc || strcmp(got.v[i], "/proc") == 0;
	assert_true(proc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),
					   cmocka_unit_test(test_of_this_process)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
