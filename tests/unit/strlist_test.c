/* areas: base
 * Lists of strings: what is one, and that it comes back. */
#include "unit/unit.h"

#include "base/strlist.h"

static void test_valid(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *strings; /* each in brackets; NULL: refused */
	} cases[] = {
		{"", 0, ""},
		{"\0", 1, "[]"},
		{"a\0", 2, "[a]"},
		{"a\0b c\0\0", 7, "[a][b c][]"},
		{"\0\0\0", 3, "[][][]"},
		{"\xff\n=\0", 4, "[\xff\n=]"},
		{"a", 1, NULL},
		{"a\0b", 3, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *wanted = cases[i].strings ? cases[i].strings : "refused";
		AUTO_FREE char *exact = malloc(cases[i].n + !cases[i].n);
		AUTO_STRV struct strv got = {0};
		AUTO_BUF struct buf shown = {0}, again = {0};

		memcpy(exact, cases[i].bytes, cases[i].n);
		if (strlist_is_valid(exact, cases[i].n))
			strlist_split(exact, cases[i].n, &got);
		else
			buf_addf(&shown, "refused");
		for (size_t k = 0; k < got.n; k++) {
			buf_addf(&shown, "[%s]", got.v[k]);
			strlist_add(&again, got.v[k]);
		}
		if (strcmp(buf_text(&shown), wanted) != 0)
			fail_msg("case %zu: got %s, wanted %s", i, buf_text(&shown), wanted);
		if (cases[i].strings && (buf_len(&again) != cases[i].n ||
					 memcmp(buf_data(&again), exact, cases[i].n) != 0))
			fail_msg("case %zu does not come back", i);
	}
}

static void test_bound(void **state)
{
	AUTO_FREE char *list = mem_alloc(STRLIST_MAX + 1);

	(void)state;
	assert_true(strlist_is_valid(list, STRLIST_MAX));
	assert_false(strlist_is_valid(list, STRLIST_MAX + 1));
}

static void test_appends(void **state)
{
	AUTO_STRV struct strv got = {0};

	(void)state;
	strv_add(&got, "first");
	strlist_split("second\0third\0", 13, &got);
	assert_int_equal(got.n, 3);
	assert_string_equal(got.v[0], "first");
	assert_string_equal(got.v[2], "third");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_valid),
					   cmocka_unit_test(test_bound),
					   cmocka_unit_test(test_appends)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
