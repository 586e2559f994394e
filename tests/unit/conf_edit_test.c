/* areas: base conf proto
 * Adding to and removing from a list of the config file: every other byte stays. */
#include "unit/unit.h"

#include "conf/conf_edit.h"

static const struct {
	const char *before;
	const char *value;
	const char *added; /* NULL: refused */
} additions[] = {
	{"{\"egressAllowlist\": []}", "a.b", "{\"egressAllowlist\": [\"a.b\"]}"},
	{"{\"egressAllowlist\": [ ]}", "a.b", "{\"egressAllowlist\": [\"a.b\" ]}"},
	{"{\"egressAllowlist\": [\"x.y\"]}", "a.b", "{\"egressAllowlist\": [\"x.y\", \"a.b\"]}"},
	{"// top\n{\n\t\"memory\": 2048, // [\"no\"]\n\t\"egressAllowlist\": [\n\t\t\"x.y\" // "
	 "why, and for whom\n\t]\n}\n",
	 "a.b",
	 "// top\n{\n\t\"memory\": 2048, // [\"no\"]\n\t\"egressAllowlist\": [\n\t\t\"x.y\", // "
	 "why, and for whom\n\t\t\"a.b\"\n\t]\n}\n"},
	{"{\"share\": {\"egressAllowlist\": [1]}, \"egressAllowlist\": [\"x.y\"]}", "a.b",
	 "{\"share\": {\"egressAllowlist\": [1]}, \"egressAllowlist\": [\"x.y\", \"a.b\"]}"},
	{"{}", "a.b", NULL},
	{"{\"egressAllowlist\": \"x.y\"}", "a.b", NULL},
	{"// \"egressAllowlist\": []\n{}", "a.b", NULL},
	{"{\"egressAllowlist\": [\"x.y\"", "a.b", NULL},
};

static void test_add(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(additions); i++) {
		AUTO_BUF struct buf out = {0};
		struct err e = {0};
		int rc = conf_edit_add_text(additions[i].before, strlen(additions[i].before),
					    "egressAllowlist", additions[i].value, "file", &out,
					    &e);

		if ((rc == 0) != (additions[i].added != NULL))
			fail_msg("%s: %d %s", additions[i].before, rc, e.text);
		if (rc == 0)
			assert_string_equal(buf_text(&out), additions[i].added);
	}
}

static const struct {
	const char *before;
	const char *after; /* without a.b; NULL: refused */
} removals[] = {
	{"{\"egressAllowlist\": [\"a.b\"]}", "{\"egressAllowlist\": []}"},
	{"{\"egressAllowlist\": [\"a.b\", \"x.y\"]}", "{\"egressAllowlist\": [\"x.y\"]}"},
	{"{\"egressAllowlist\": [\"x.y\", \"A.B.\"]}", "{\"egressAllowlist\": [\"x.y\"]}"},
	{"{\"egressAllowlist\": [\"x.y\", \"a.b\", \"z.w\"]}",
	 "{\"egressAllowlist\": [\"x.y\", \"z.w\"]}"},
	{"{\"egressAllowlist\": [\n  \"a.b\", // mine\n  \"x.y\" // yours, too\n]}",
	 "{\"egressAllowlist\": [\n  \"x.y\" // yours, too\n]}"},
	{"{\"egressAllowlist\": [\n  \"x.y\", // yours, too\n  \"a.b\" // mine\n]}",
	 "{\"egressAllowlist\": [\n  \"x.y\" // yours, too\n]}"},
	{"{\"egressAllowlist\": [\n  \"x.y\",\n  \"a.b\",\n  \"z.w\"\n]}",
	 "{\"egressAllowlist\": [\n  \"x.y\",\n  \"z.w\"\n]}"},
	{"{\"egressAllowlist\": [\"*.b\"]}", NULL},
	{"{}", NULL},
};

static void test_remove(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(removals); i++) {
		AUTO_BUF struct buf out = {0};
		struct err e = {0};
		int rc = conf_edit_remove_text(removals[i].before, strlen(removals[i].before),
					       "egressAllowlist", "a.b", "file", &out, &e);

		if ((rc == 0) != (removals[i].after != NULL))
			fail_msg("%s: %d %s", removals[i].before, rc, e.text);
		if (rc == 0)
			assert_string_equal(buf_text(&out), removals[i].after);
	}
}

static void test_file(void **state)
{
	static const char text[] = "{ // mine\n  \"egressAllowlist\": [\"x.y\"]\n}\n";
	AUTO_FREE char *path = unit_path("config.json");
	AUTO_FREE char *link = unit_path("link.json");
	AUTO_FREE char *got = NULL;
	AUTO_FREE char *kept = NULL;
	struct err e = {0};

	(void)state;
	unit_write(path, text, sizeof(text) - 1);
	assert_int_equal(symlink("config.json", link), 0);
	assert_int_equal(conf_edit_add(link, "egressAllowlist", "a.b", &e), 0);
	got = unit_read(path);
	assert_string_equal(got, "{ // mine\n  \"egressAllowlist\": [\"x.y\", \"a.b\"]\n}\n");
	assert_int_equal(conf_edit_remove(path, "egressAllowlist", "a.b", &e), 0);
	/* The last one is not taken: an empty list would open egress. */
	assert_int_equal(conf_edit_remove(path, "egressAllowlist", "x.y", &e), -1);
	assert_non_null(strstr(e.text, "opens egress"));
	kept = unit_read(link);
	assert_string_equal(kept, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}
