/* areas: base
 * Base64 both ways: the test vectors of RFC 4648 section 10, every byte, and what is none. */
#include "unit/unit.h"

#include "base/base64.h"

#include <string.h>

static const struct {
	const char *plain, *coded;
} vectors[] = {{"", ""},
	       {"f", "Zg=="},
	       {"fo", "Zm8="},
	       {"foo", "Zm9v"},
	       {"foob", "Zm9vYg=="},
	       {"fooba", "Zm9vYmE="},
	       {"foobar", "Zm9vYmFy"}};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		AUTO_BUF struct buf coded = {0}, plain = {0}, bare = {0};

		base64_encode(vectors[i].plain, strlen(vectors[i].plain), &coded);
		assert_string_equal(buf_text(&coded), vectors[i].coded);
		assert_true(base64_decode(vectors[i].coded, strlen(vectors[i].coded), &plain));
		assert_string_equal(buf_text(&plain), vectors[i].plain);
		assert_true(base64_decode(vectors[i].coded, strcspn(vectors[i].coded, "="), &bare));
		assert_string_equal(buf_text(&bare), vectors[i].plain);
	}
}

static void test_every_byte(void **state)
{
	AUTO_BUF struct buf coded = {0}, plain = {0};
	unsigned char bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	base64_encode(bytes, sizeof(bytes), &coded);
	assert_true(base64_decode((const char *)buf_data(&coded), buf_len(&coded), &plain));
	assert_int_equal(buf_len(&plain), sizeof(bytes));
	assert_memory_equal(buf_data(&plain), bytes, sizeof(bytes));
}

static void test_none(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} none[] = {{"Zg==Zg==", 8}, {"Zm 8", 4}, {"Zm8\n", 4}, {"Zm-_", 4},
		    {"\xff", 1},     {"=Zg", 3},  {"Zg\0Zg", 5}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		AUTO_BUF struct buf out = {0};

		assert_false(base64_decode(none[i].text, none[i].n, &out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
