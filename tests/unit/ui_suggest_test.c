/* areas: base
 * files: src/ui/suggest.c src/client/recent.c src/conf/env.c
 * Directories that are offered for a new session: completion, and those used before. */
#include "unit/unit.h"

#include "client/recent.h"
#include "ui/suggest.h"

#include <stdio.h>
#include <sys/stat.h>

static char *root;

static int setup(void **state)
{
	static const char *const directories[] = {"alpha",	"alpine",  "beta",
						  "beta/inner", ".hidden", "state"};
	AUTO_FREE char *file = NULL;

	if (unit_make_dir(state) < 0)
		return -1;
	root = unit_dir;
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		AUTO_FREE char *path = mem_format("%s/%s", root, directories[i]);

		assert_int_equal(mkdir(path, 0700), 0);
	}
	file = mem_format("%s/alp-file", root);
	unit_write(file, "x", 1);
	assert_int_equal(setenv("HOME", root, 1), 0);
	assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
	return 0;
}

/* Each wanted path without its root, separated by spaces. */
static void assert_suggested(const char *typed, bool by_hand, const struct strv *recent,
			     const char *wanted)
{
	AUTO_FREE char *path = typed[0] == '/' ? mem_format("%s%s", root, typed)
					       : mem_strdup(typed);
	AUTO_STRV struct strv got = {0};
	AUTO_BUF struct buf text = {0};

	suggest_directories(path, by_hand, recent, 4, &got);
	for (size_t i = 0; i < got.n; i++)
		buf_addf(&text, "%s%s", i ? " " : "",
			 strncmp(got.v[i], root, strlen(root)) == 0 ? got.v[i] + strlen(root)
								    : got.v[i]);
	if (strcmp(buf_text(&text), wanted) != 0)
		fail_msg("\"%s\": got \"%s\"", typed, buf_text(&text));
}

static void test_suggestions(void **state)
{
	AUTO_STRV struct strv recent = {0}, none = {0};

	(void)state;
	strv_add(&recent, "/elsewhere/beta");
	strv_addf(&recent, "%s/beta", root);
	assert_suggested("/al", true, &none, "/alpha /alpine");
	assert_suggested("/", true, &none, "/alpha /alpine /beta /state");
	assert_suggested("/.", true, &none, "/.hidden");
	assert_suggested("~/b", true, &none, "/beta");
	assert_suggested("/beta/", true, &none, "/beta/inner");
	assert_suggested("/nothing", true, &none, "");
	assert_suggested("relative", true, &none, "");
	assert_suggested("/beta", false, &recent, "/elsewhere/beta");
	assert_suggested("", true, &recent, "/elsewhere/beta /beta");
	assert_suggested("lsewh", true, &recent, "/elsewhere/beta");
}

static void assert_completed(const char *typed, const char *wanted)
{
	AUTO_FREE char *path = mem_format("%s%s", root, typed);
	AUTO_FREE char *got = suggest_complete(path);

	if (!wanted ? got != NULL : !got || strcmp(got + strlen(root), wanted) != 0)
		fail_msg("\"%s\": got \"%s\"", typed, got ? got : "nothing");
}

static void test_completion(void **state)
{
	(void)state;
	assert_completed("/a", "/alp");
	assert_completed("/alp", NULL);
	assert_completed("/alpi", "/alpine/");
	assert_completed("/b", "/beta/");
	assert_completed("/beta/", "/beta/inner/");
	assert_completed("/none", NULL);
}

static void test_recent(void **state)
{
	AUTO_STRV struct strv list = {0};
	AUTO_FREE char *path = mem_format("%s/.local/state/ccvm/recent", root);
	struct stat st;

	(void)state;
	recent_load(&list);
	assert_int_equal(list.n, 0);
	for (int i = 0; i < RECENT_MAX + 10; i++) {
		AUTO_FREE char *d = mem_format("/d%d", i);

		recent_add(d);
	}
	recent_add("/d30");
	recent_add("/with\nnewline");
	recent_add("relative");
	recent_load(&list);
	assert_int_equal(list.n, RECENT_MAX);
	assert_string_equal(list.v[0], "/d30");
	assert_string_equal(list.v[1], "/d59");
	for (size_t i = 1; i < list.n; i++)
		assert_string_not_equal(list.v[i], "/d30");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_recent_text(void **state)
{
	AUTO_STRV struct strv list = {0};

	(void)state;
	recent_parse("/a\nnot absolute\n\n/b", &list);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.v[1], "/b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suggestions), cmocka_unit_test(test_completion),
		cmocka_unit_test(test_recent), cmocka_unit_test(test_recent_text)};

	return cmocka_run_group_tests_name("ui_suggest", tests, setup, unit_remove_dir);
}
