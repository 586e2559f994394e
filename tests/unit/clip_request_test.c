/* areas: base
 * files: src/clip/clip_request.c
 * What a guest may ask for, and what it may not. */
#include "unit/unit.h"

#include "clip/clip_request.h"

static const struct {
	const char *bytes;
	size_t n; /* 0: strlen */
	int rc;
	enum clip_type type;
	bool list;
	enum clip_file file;
} cases[] = {
	{"TARGETS\n", 0, 1, CLIP_NO_TYPE, true},
	{"image/png\n", 0, 1, CLIP_PNG, false},
	{"image/jpeg\n", 0, 1, CLIP_JPEG, false},
	{"image/webp\n", 0, 1, CLIP_WEBP, false},
	{"image/gif\n", 0, 1, CLIP_GIF, false},
	{"image/bmp\n", 0, 1, CLIP_BMP, false},
	{"FETCH 0123456789abcdef\n", 0, 1, CLIP_NO_TYPE, false, CLIP_FILE_FETCH},
	{"STORED 0123456789abcdef\n", 0, 1, CLIP_NO_TYPE, false, CLIP_FILE_STORED},
	{"FAILED 0123456789abcdef\n", 0, 1, CLIP_NO_TYPE, false, CLIP_FILE_FAILED},
	{"FETCH 0123456789abcdeF\n", 0, -1, CLIP_NO_TYPE, false},
	{"FETCH 0123456789abcde\n", 0, -1, CLIP_NO_TYPE, false},
	{"FETCH 0123456789abcdef0\n", 0, -1, CLIP_NO_TYPE, false},
	{"FETCH ../../../../etc/\n", 0, -1, CLIP_NO_TYPE, false},
	{"fetch 0123456789abcdef\n", 0, -1, CLIP_NO_TYPE, false},
	{"", 0, 0, CLIP_NO_TYPE, false},
	{"image/png", 0, 0, CLIP_NO_TYPE, false},
	{"image/tiff\n", 0, -1, CLIP_NO_TYPE, false},
	{"image/jpg\n", 0, -1, CLIP_NO_TYPE, false},
	{"image/svg+xml\n", 0, -1, CLIP_NO_TYPE, false},
	{"text/plain\n", 0, -1, CLIP_NO_TYPE, false},
	{"text/html\n", 0, -1, CLIP_NO_TYPE, false},
	{"UTF8_STRING\n", 0, -1, CLIP_NO_TYPE, false},
	{"STRING\n", 0, -1, CLIP_NO_TYPE, false},
	{"COMPOUND_TEXT\n", 0, -1, CLIP_NO_TYPE, false},
	{"TARGETS \n", 0, -1, CLIP_NO_TYPE, false},
	{" TARGETS\n", 0, -1, CLIP_NO_TYPE, false},
	{"targets\n", 0, -1, CLIP_NO_TYPE, false},
	{"TARGETS\r\n", 0, -1, CLIP_NO_TYPE, false},
	{"image/png\nUTF8_STRING\n", 0, -1, CLIP_NO_TYPE, false},
	{"image/png\0\n", 11, -1, CLIP_NO_TYPE, false},
	{"image/png $(id)\n", 0, -1, CLIP_NO_TYPE, false},
	{"$(id)\n", 0, -1, CLIP_NO_TYPE, false},
	{"\n", 0, -1, CLIP_NO_TYPE, false},
	{"0123456789012345678901234567890123456789012345678901234567890123", 0, 0, CLIP_NO_TYPE,
	 false},
	{"01234567890123456789012345678901234567890123456789012345678901234", 0, -1, CLIP_NO_TYPE,
	 false},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const size_t n = cases[i].n ? cases[i].n : strlen(cases[i].bytes);
		AUTO_FREE char *exact = malloc(n + 1);
		struct clip_request r;

		memcpy(exact, cases[i].bytes, n);
		exact[n] = '\n'; /* not to be looked at */
		if (clip_request_parse(exact, n, &r) != cases[i].rc || r.list != cases[i].list ||
		    r.type != cases[i].type || r.file != cases[i].file ||
		    (r.file && strcmp(r.token, "0123456789abcdef") != 0))
			fail_msg("case %zu, %s: type %d list %d", i, cases[i].bytes, (int)r.type,
				 r.list);
	}
}

static void test_a_mebibyte(void **state)
{
	AUTO_FREE char *long_line = malloc(1 << 20);
	struct clip_request r;

	(void)state;
	memset(long_line, 'A', 1 << 20);
	assert_int_equal(clip_request_parse(long_line, 1 << 20, &r), -1);
}

static void test_names(void **state)
{
	(void)state;
	for (int t = CLIP_PNG; t < CLIP_NO_TYPE; t++)
		assert_int_equal(clip_type_of(clip_type_mime((enum clip_type)t),
					      strlen(clip_type_mime((enum clip_type)t))),
				 t);
	assert_int_equal(clip_type_of("image/x-MS-bmp", 14), CLIP_BMP);
	assert_int_equal(clip_type_of("image/pn", 8), CLIP_NO_TYPE);
	assert_int_equal(clip_type_of("text/plain", 10), CLIP_NO_TYPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_a_mebibyte),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("clip_request", tests, NULL, NULL);
}
