/* areas: base proto
 * A client's start request, and what is none. */
#include "unit/unit.h"

#include "proto/request.h"

/* What has to be there, and one more. */
#define HOST_BUT(name, value)                                                                      \
	"{\"cache\":\"c\",\"templates\":\"t\",\"scratch\":\"s\",\"machine\":\"m\","                \
	"\"kvm_device\":\"k\",\"boot_timeout\":\"b\",\"" name "\":\"" value "\"}"
#define HOST "\"host\":" HOST_BUT("path", "p")

static const struct {
	const char *json;
	const char *seen; /* options shell tty dryrun term colsxrows; NULL: refused */
} cases[] = {
	{"{" HOST ",\"options\":{}}", "{} 0 0 0 dumb 80x24"},
	{"{" HOST
	 ",\"options\":{\"memory\":512,\"x\":[null]},\"shell\":true,\"tty\":true,\"dryrun\":true,"
	 "\"term\":"
	 "\"xterm\","
	 "\"cols\":132,\"rows\":50}",
	 "{\"memory\":512,\"x\":[null]} 1 1 1 xterm 132x50"},
	{"{" HOST ",\"options\":{},\"shell\":1,\"tty\":\"true\",\"dryrun\":null}",
	 "{} 0 0 0 dumb 80x24"},
	{"{" HOST ",\"options\":{},\"term\":\"\"}", "{} 0 0 0 dumb 80x24"},
	{"{" HOST ",\"options\":{},\"term\":7,\"later\":{}}", "{} 0 0 0 dumb 80x24"},
	{"{" HOST ",\"options\":{},\"cols\":1,\"rows\":10000}", "{} 0 0 0 dumb 1x10000"},
	{"{" HOST ",\"options\":{},\"cols\":0,\"rows\":10001}", "{} 0 0 0 dumb 80x24"},
	{"{" HOST ",\"options\":{},\"cols\":-5,\"rows\":1e300}", "{} 0 0 0 dumb 80x24"},
	{"{" HOST ",\"options\":{},\"cols\":\"90\",\"rows\":[]}", "{} 0 0 0 dumb 80x24"},
	{"{}", NULL},
	{"{" HOST "}", NULL},
	{"{\"options\":{}}", NULL},
	{"{\"options\":{},\"host\":{}}", NULL},
	{"{\"options\":{},\"host\":[]}", NULL},
	{"{\"options\":{},\"host\":"
	 "{\"cache\":\"c\",\"templates\":\"t\",\"scratch\":\"s\",\"kvm_device\":\"k\",\"boot_"
	 "timeout\":\"b\"}"
	 "}",
	 NULL},
	{"{\"options\":{},\"host\":" HOST_BUT("x", "%4") "}", "{} 0 0 0 dumb 80x24"},
	{"{\"options\":{},\"host\":" HOST_BUT("home", "%4") "}", NULL},
	{"{\"options\":{},\"host\":" HOST_BUT("home", "%4g") "}", NULL},
	{"{\"options\":{},\"host\":" HOST_BUT("home", "%4f%") "}", NULL},
	{"{\"options\":{},\"host\":" HOST_BUT("home", "%00") "}", NULL},
	{"{\"options\":{},\"host\":" HOST_BUT("home", "%4F") "}", "{} 0 0 0 dumb 80x24"},
	{"{" HOST ",\"options\":[]}", NULL},
	{"{" HOST ",\"options\":null}", NULL},
	{"{" HOST ",\"options\":\"{}\"}", NULL},
	{"{" HOST ",\"Options\":{}}", NULL},
	{"[{" HOST ",\"options\":{}}]", NULL},
	{"", NULL},
	{"{" HOST ",\"options\":{}", NULL},
	{"nonsense", NULL},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *wanted = cases[i].seen ? cases[i].seen : "malformed start request";
		AUTO_FREE char *exact = malloc(strlen(cases[i].json) + 1);
		AUTO_FREE char *got = NULL;
		struct request r;
		struct err e = {0};

		memcpy(exact, cases[i].json, strlen(cases[i].json));
		memset(&r, 'x', sizeof(r));
		if (request_parse(&r, exact, strlen(cases[i].json), &e) == 0)
			got = mem_format("%s %d %d %d %s %dx%d", r.options, r.shell, r.tty,
					 r.dryrun, r.term, r.cols, r.rows);
		else
			got = mem_strdup(e.text);
		if (strcmp(got, wanted) != 0)
			fail_msg("%s\n  got    %s\n  wanted %s", cases[i].json, got, wanted);
		request_fini(&r);
		request_fini(&r);
	}
}

#define HOST_SENT                                                                                  \
	{                                                                                          \
		.cache = "/c", .templates = "/t", .scratch = "s", .machine = "microvm",            \
		.kvm_device = "/dev/kvm", .boot_timeout = "180", .path = "a\xff%:b",               \
		.disk_bytes = -1                                                                   \
	}

/* What a client writes is what a session reads. */
static void test_round_trip(void **state)
{
	/* clang-format off */
	const struct request sent = {
		.options = "{\"memory\":512}", .host = HOST_SENT, .shell = true, .detached = true, .spare = true,
		.tty = true, .name = "a \"name\"", .term = "xterm-256color", .cols = 132,
		.rows = 50,
	};
	/* clang-format on */
	AUTO_BUF struct buf json = {0}, bare = {0};
	struct request r;
	struct err e;

	(void)state;
	request_put(&json, &sent);
	assert_int_equal(request_parse(&r, buf_data(&json), buf_len(&json), &e), 0);
	assert_string_equal(r.options, sent.options);
	assert_string_equal(r.name, sent.name);
	assert_string_equal(r.term, sent.term);
	assert_string_equal(r.host.path, sent.host.path);
	assert_string_equal(r.host.scratch, sent.host.scratch);
	assert_null(r.host.home);
	assert_true(r.shell && r.detached && r.spare && r.tty && !r.dryrun && r.cols == 132 &&
		    r.rows == 50);
	request_fini(&r);
	request_put(&bare,
		    &(struct request){.options = "{}", .host = HOST_SENT, .cols = 80, .rows = 24});
	assert_int_equal(request_parse(&r, buf_data(&bare), buf_len(&bare), &e), 0);
	assert_null(r.name);
	assert_string_equal(r.term, "dumb");
	request_fini(&r);
}

/* A text of the environment as long as any can be; longer ones are refused. */
static void test_bounds(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		AUTO_BUF struct buf json = {0};
		struct request sent = {.options = "{}", .host = HOST_SENT, .cols = 80, .rows = 24};
		AUTO_FREE char *path = mem_alloc(HOSTENV_TEXT_MAX + over + 1);
		struct request r;
		struct err e;

		memset(path, 0xff, HOSTENV_TEXT_MAX + over);
		sent.host.path = path;
		request_put(&json, &sent);
		assert_int_equal(request_parse(&r, buf_data(&json), buf_len(&json), &e),
				 over ? -1 : 0);
		request_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),
					   cmocka_unit_test(test_round_trip),
					   cmocka_unit_test(test_bounds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
