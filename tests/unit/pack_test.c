/* areas: base
 * A pack: what went in comes out, and what is none is refused before anything behind it is
 * looked at. */
#include "unit/unit.h"

#include "base/pack.h"

static void test_both_ways(void **state)
{
	static const char large[0x10203];
	static const struct {
		const char *name, *bytes;
		size_t n;
	} files[] = {{"mode", "rw", 2},
		     {"claude-args", "", 0},
		     {"ssh_host_key.pub", "\0\xff\n", 3},
		     {"large", large, sizeof(large)}};
	AUTO_BUF struct buf pack = {0};
	struct pack_entry entry;
	struct err e;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_int_equal(pack_add(&pack, files[i].name, files[i].bytes, files[i].n, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		assert_int_equal(pack_next(buf_data(&pack), buf_len(&pack), &at, &entry, &e), 1);
		assert_string_equal(entry.name, files[i].name);
		assert_int_equal(entry.n, files[i].n);
		assert_memory_equal(entry.bytes, files[i].bytes, entry.n);
	}
	assert_int_equal(pack_next(buf_data(&pack), buf_len(&pack), &at, &entry, &e), 0);
}

static void test_names(void **state)
{
	/* clang-format off */
	static const char *const refused[] = {
		"", ".", "..", ".hidden", "a/b", "/a", "A", "a b", "\xc3\xa4",
		"a234567890123456789012345678901234567890123456789012345678901234",
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		AUTO_BUF struct buf pack = {0};
		struct err e;

		assert_int_equal(pack_add(&pack, refused[i], "x", 1, &e), -1);
		assert_int_equal(buf_len(&pack), 0);
	}
}

#define BYTES(literal)                                                                             \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

static void test_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} refused[] = {BYTES("\0\0\0\0\0"),
		       BYTES("\4mode"),
		       BYTES("\4mode\2\0\0"),
		       BYTES("\4mode\2\0\0\0r"),
		       BYTES("\4mode\xff\xff\xff\xff"),
		       BYTES("\4../x\0\0\0\0"),
		       BYTES("\1\0\0\0\0\0"),
		       BYTES("\xff")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct pack_entry entry;
		struct err e;
		size_t at = 0;

		assert_int_equal(pack_next(refused[i].bytes, refused[i].n, &at, &entry, &e), -1);
		assert_int_equal(at, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
