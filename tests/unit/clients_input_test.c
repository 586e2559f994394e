/* areas: base
 * files: src/session/clients_input.c
 * Lists of NUL-ended strings. */
#include "unit/unit.h"

#include "session/clients_input.h"

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

static void test_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *wanted = cases[i].strings ? cases[i].strings : "refused";
		AUTO_FREE char *exact = malloc(cases[i].n + !cases[i].n);
		AUTO_STRV struct strv got = {0};
		AUTO_BUF struct buf shown = {0};

		memcpy(exact, cases[i].bytes, cases[i].n);
		if (clients_split_strings(exact, cases[i].n, &got) < 0)
			buf_addf(&shown, "refused");
		for (size_t k = 0; k < got.n; k++)
			buf_addf(&shown, "[%s]", got.v[k]);
		if (strcmp(buf_text(&shown), wanted) != 0)
			fail_msg("case %zu: got %s, wanted %s", i, buf_text(&shown), wanted);
	}
}

static void test_appends(void **state)
{
	AUTO_STRV struct strv got = {0};

	(void)state;
	strv_add(&got, "first");
	assert_int_equal(clients_split_strings("second\0third\0", 13, &got), 0);
	assert_int_equal(got.n, 3);
	assert_string_equal(got.v[0], "first");
	assert_string_equal(got.v[2], "third");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_split), cmocka_unit_test(test_appends)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
