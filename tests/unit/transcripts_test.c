/* areas: base
 * files: src/session/transcripts.c
 * The folder's name, as claude's own function gave it for these paths. */
#include "unit/unit.h"

#include "session/transcripts.h"

#define TEN(x) x x x x x x x x x x
#define DASHED                                                                                     \
	"-long-name-long-name-long-name-long-name-long-name-long-name-long-name-long-name-long-"   \
	"name-long-name"

static const struct {
	const char *path, *folder;
} cases[] = {
	{"/home/user/my.project_1", "-home-user-my-project-1"},
	{"/srv/\xc3\xbc"
	 "ber \xf0\x9f\x98\x80x",
	 "-srv--ber---x"}, /* one unit, and two */
	{"/a\xff"
	 "b",
	 "-a-b"},
	{"/" TEN(TEN("a")) TEN("aaaaaaaaa") "aaaaaaaaa",
	 "-" TEN(TEN("a")) TEN("aaaaaaaaa") "aaaaaaaaa"}, /* 200 */
	{"/" TEN(TEN("a")) TEN(TEN("a")), "-" TEN(TEN("a")) TEN("aaaaaaaaa") "aaaaaaaaa-b6ymvl"},
	{"/d\xc3\xa9p\xc3\xb4t/" TEN("long-name/") TEN("long-name/") TEN("long-name/"),
	 "-d-p-t" DASHED "-long-name-long-name-long-name-long-name-long-name-long-name-long-name-"
	 "long-name-long-name-lon-shkc2b"},
};

static void test_folders(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *got = transcripts_folder(cases[i].path);

		assert_string_equal(got, cases[i].folder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_folders)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
