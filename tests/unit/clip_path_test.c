/* areas: base
 * files: src/clip/clip_path.c
 * How terminals write the path of what is dropped on them, and what is no such path. */
#include "unit/unit.h"

#include "clip/clip_path.h"

static const struct {
	const char *paste;
	const char *paths[3]; /* none: a text */
} cases[] = {
	{"/a/b.png", {"/a/b.png"}},
	{"/a/b.png ", {"/a/b.png"}},
	{" /a/b.png\n", {"/a/b.png"}},
	{"/a/b.png\r\n", {"/a/b.png"}},
	{"'/a/my b.png'", {"/a/my b.png"}},
	{"'/a/my b.png' ", {"/a/my b.png"}},
	{"'/a/it'\\''s.png'", {"/a/it's.png"}},
	{"\"/a/my b.png\"", {"/a/my b.png"}},
	{"\"/a/\\\"b\\\" \\$ \\n.png\"", {"/a/\"b\" $ \\n.png"}},
	{"/a/my\\ b.png", {"/a/my b.png"}},
	{"/a/\\(1\\)\\ \\'.png", {"/a/(1) '.png"}},
	{"/a/'x y'\\ z.png", {"/a/x y z.png"}},
	{"file:///a/my%20b.png", {"/a/my b.png"}},
	{"file:///a/b.png\r\n", {"/a/b.png"}},
	{"file://localhost/a/%c3%A4.png", {"/a/ä.png"}},
	{"'file:///a/b%27.png'", {"/a/b'.png"}},
	{"/a/b.png /c/d.jpg", {"/a/b.png", "/c/d.jpg"}},
	{"'/a/b c.png' file:///d.gif\n/e.webp\n", {"/a/b c.png", "/d.gif", "/e.webp"}},
	{"/a/ä.png", {"/a/ä.png"}},
	{"/", {"/"}},
	{"", {0}},
	{"  \n", {0}},
	{"a/b.png", {0}},
	{"~/b.png", {0}},
	{"look at /a/b.png", {0}},
	{"/a/b.png please", {0}},
	{"'/a/b.png", {0}},
	{"\"/a/b.png", {0}},
	{"/a/b.png\\", {0}},
	{"\"/a/b.png\\\"", {0}},
	{"/a/b\tc.png", {0}},
	{"'/a/b\nc.png'", {0}},
	{"/a/\\\nb.png", {0}},
	{"/a/\033[201~b.png", {0}},
	{"/a/b\x7f.png", {0}},
	{"file:///a/b%00.png", {0}},
	{"file:///a%2fb.png", {0}},
	{"file:///a/b%0a.png", {0}},
	{"file:///a/b%2", {0}},
	{"file:///a/b%zz.png", {0}},
	{"file://other/a/b.png", {0}},
	{"file://", {0}},
	{"file:/a/b.png", {0}},
	{"http://a/b.png", {0}},
	{"/1 /2 /3 /4 /5 /6 /7 /8 /9", {0}},
};

static size_t expected(size_t i)
{
	size_t n = 0;

	while (n < ARRAY_LEN(cases[i].paths) && cases[i].paths[n])
		n++;
	return n;
}

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const size_t n = strlen(cases[i].paste), count = clip_path_count(cases[i].paste, n);
		struct clip_path p = {0};

		if (count != expected(i))
			fail_msg("%s: %zu paths, not %zu", cases[i].paste, count, expected(i));
		for (size_t k = 0; k < count; k++) {
			assert_true(clip_path_next(cases[i].paste, n, p.from + p.n, &p));
			assert_string_equal(p.path, cases[i].paths[k]);
		}
		if (count && !clip_path_may_begin((unsigned char)cases[i].paste[0]))
			fail_msg("%s would not be held", cases[i].paste);
	}
}

/* The part that is replaced is the word with its quotes. */
static void test_span(void **state)
{
	static const char paste[] = " '/a b.png'  /c\n";
	struct clip_path p;

	(void)state;
	assert_true(clip_path_next(paste, strlen(paste), 0, &p));
	assert_int_equal(p.from, 1);
	assert_int_equal(p.n, 10);
	assert_true(clip_path_next(paste, strlen(paste), 11, &p));
	assert_int_equal(p.from, 13);
	assert_int_equal(p.n, 2);
	assert_false(clip_path_next(paste, strlen(paste), 15, &p));
}

static void test_plain(void **state)
{
	struct clip_path p;

	(void)state;
	assert_true(clip_path_plain(" /a/my b (1).png\n", 17, &p));
	assert_string_equal(p.path, "/a/my b (1).png");
	assert_int_equal(p.from, 1);
	assert_int_equal(p.n, 15);
	assert_false(clip_path_plain("a b.png", 7, &p));
	assert_false(clip_path_plain("/a\n/b", 5, &p));
	assert_false(clip_path_plain("", 0, &p));
}

static void test_bounds(void **state)
{
	static char paste[CLIP_PASTE_MAX + 2];
	static struct clip_path p;

	(void)state;
	memset(paste, 'x', sizeof(paste));
	paste[0] = '/';
	assert_int_equal(clip_path_count(paste, CLIP_PATH_MAX - 1), 1);
	assert_int_equal(clip_path_count(paste, CLIP_PATH_MAX), 0);
	assert_true(clip_path_plain(paste, CLIP_PATH_MAX - 1, &p));
	assert_false(clip_path_plain(paste, CLIP_PATH_MAX, &p));
	memset(paste + 2, ' ', sizeof(paste) - 2);
	assert_int_equal(clip_path_count(paste, CLIP_PASTE_MAX), 1);
	assert_int_equal(clip_path_count(paste, CLIP_PASTE_MAX + 1), 0);
}

static void test_below(void **state)
{
	(void)state;
	assert_true(clip_path_is_below("/w/a.png", "/w"));
	assert_true(clip_path_is_below("/w/..a/b...png", "/w"));
	assert_true(clip_path_is_below("/a.png", "/"));
	assert_false(clip_path_is_below("/wx/a.png", "/w"));
	assert_false(clip_path_is_below("/w/../a.png", "/w"));
	assert_false(clip_path_is_below("/w/x/..", "/w"));
	assert_false(clip_path_is_below("/a.png", "/w"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words), cmocka_unit_test(test_span),
		cmocka_unit_test(test_plain), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_below)};

	return cmocka_run_group_tests_name("clip_path", tests, NULL, NULL);
}
