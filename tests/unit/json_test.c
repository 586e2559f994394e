/* areas: base
 * Flat JSON lines: what is written, what is read and refused (RFC 8259), the bounds, and the
 * splitter. */
#include "unit/unit.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- writing ---- */

#define BYTES(s) s, sizeof(s) - 1
#define BAD	 "\xef\xbf\xbd" /* U+FFFD */

static const struct {
	const char *bytes;
	size_t n;
	const char *written;
} quote_cases[] = {
	{BYTES(""), "\"\""},
	{BYTES("plain"), "\"plain\""},
	{BYTES("\""), "\"\\\"\""},
	{BYTES("\\"), "\"\\\\\""},
	{BYTES("/"), "\"/\""},
	{BYTES("a\nb"), "\"a\\nb\""},
	{BYTES("\t\r\x01\x1b"), "\"\\u0009\\u000d\\u0001\\u001b\""},
	{BYTES("\x7f"), "\"\\u007f\""},
	{BYTES("a\0b"), "\"a\\u0000b\""},
	{BYTES("\xc3\xa9"), "\"\xc3\xa9\""},
	{BYTES("\xe2\x82\xac"), "\"\xe2\x82\xac\""},
	{BYTES("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\""},
	{BYTES("\xff"), "\"" BAD "\""},
	{BYTES("\x80x"), "\"" BAD "x\""},
	{BYTES("\xc0\xaf"), "\"" BAD BAD "\""},			/* overlong */
	{BYTES("\xe0\x80\xaf"), "\"" BAD BAD BAD "\""},		/* overlong */
	{BYTES("\xf0\x80\x80\xaf"), "\"" BAD BAD BAD BAD "\""}, /* overlong */
	{BYTES("\xed\xa0\x80"), "\"" BAD BAD BAD "\""},		/* surrogate */
	{BYTES("\xf4\x90\x80\x80"), "\"" BAD BAD BAD BAD "\""}, /* beyond U+10FFFF */
	{BYTES("\xe2\x82"), "\"" BAD BAD "\""},			/* cut off */
	{BYTES("\xe2\x82"
	       "a"),
	 "\"" BAD BAD "a\""},
};

static void test_quote(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(quote_cases); i++) {
		AUTO_BUF struct buf b = {0};

		json_quote(&b, quote_cases[i].bytes, quote_cases[i].n);
		if (strcmp(buf_text(&b), quote_cases[i].written) != 0)
			fail_msg("case %zu: got %s, wanted %s", i, buf_text(&b),
				 quote_cases[i].written);
	}
}

static void test_object(void **state)
{
	AUTO_BUF struct buf b = {0};

	(void)state;
	json_begin(&b);
	json_end(&b);
	buf_add(&b, "\n", 1); /* an object may follow others in the same buffer */
	json_begin(&b);
	json_add_string(&b, "s", "{");
	json_add_string(&b, "none", NULL);
	json_add_bytes(&b, "b\"", "\x00", 1);
	json_add_int(&b, "min", INT64_MIN);
	json_add_int(&b, "max", INT64_MAX);
	json_add_bool(&b, "t", true);
	json_add_bool(&b, "f", false);
	json_add_raw(&b, "raw", "[1,{}]");
	json_end(&b);
	assert_string_equal(buf_text(&b),
			    "{}\n{\"s\":\"{\",\"none\":null,\"b\\\"\":\"\\u0000\","
			    "\"min\":-9223372036854775808,\"max\":9223372036854775807,"
			    "\"t\":true,\"f\":false,\"raw\":[1,{}]}");
}

/* ---- reading ---- */

/* name=VALUE for each field: 'text', 12, true, null, or ... when skipped. */
static void dump(const struct json_line *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct json_field *f = &l->field[i];

		buf_addf(out, "%s%s=", i ? " " : "", f->name);
		switch (f->kind) {
		case JSON_STRING:
			buf_addf(out, "'%s'", f->text);
			break;
		case JSON_INT:
			buf_addf(out, "%" PRId64, f->number);
			break;
		case JSON_BOOL:
			buf_addf(out, "%s", f->number ? "true" : "false");
			break;
		case JSON_NULL:
			buf_addf(out, "null");
			break;
		case JSON_SKIPPED:
			buf_addf(out, "...");
			break;
		}
	}
}

static const struct {
	const char *line;
	const char *fields; /* NULL: refused */
} read_cases[] = {
	{"{}", ""},
	{" \t\r\n{ \t\r\n} \t\r\n", ""},
	{"{\"a\":\"b\"}", "a='b'"},
	{" { \"a\" : \"b\" , \"c\" : 1 } ", "a='b' c=1"},
	{"{\"\":\"\"}", "=''"},
	{"{\"a\":1,\"a\":2}", "a=1 a=2"},
	/* numbers */
	{"{\"a\":0,\"b\":-0,\"c\":-12,\"d\":9007199254740993}", "a=0 b=0 c=-12 d=9007199254740993"},
	{"{\"a\":9223372036854775807,\"b\":-9223372036854775808}",
	 "a=9223372036854775807 b=-9223372036854775808"},
	{"{\"a\":9223372036854775808,\"b\":-9223372036854775809,\"c\":18446744073709551617}",
	 "a=... b=... c=..."},
	{"{\"a\":1.5,\"b\":1e3,\"c\":1E-3,\"d\":1.0e+0,\"e\":0.0}",
	 "a=... b=... c=... d=... e=..."},
	{"{\"a\":01}", NULL},
	{"{\"a\":-}", NULL},
	{"{\"a\":-01}", NULL},
	{"{\"a\":+1}", NULL},
	{"{\"a\":.5}", NULL},
	{"{\"a\":1.}", NULL},
	{"{\"a\":1.e1}", NULL},
	{"{\"a\":1e}", NULL},
	{"{\"a\":1e+}", NULL},
	{"{\"a\":0x1}", NULL},
	{"{\"a\":1 2}", NULL},
	{"{\"a\":NaN}", NULL},
	{"{\"a\":Infinity}", NULL},
	/* words */
	{"{\"a\":true,\"b\":false,\"c\":null}", "a=true b=false c=null"},
	{"{\"a\":True}", NULL},
	{"{\"a\":tru}", NULL},
	{"{\"a\":truefalse}", NULL},
	{"{\"a\":nul", NULL},
	/* strings */
	{"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a='\"\\/\b\f\n\r\t'"},
	{"{\"\\u0061\":\"\\u00e9\\u20ac\\ud83d\\uDE00\"}",
	 "a='\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'"},
	{"{\"a\":\"\xc3\xa9\x7f\"}", "a='\xc3\xa9\x7f'"},
	{"{\"a\":\"\\u0000\"}", NULL},
	{"{\"a\":\"\\u000\"}", NULL},
	{"{\"a\":\"\\u00g0\"}", NULL},
	{"{\"a\":\"\\ud800\"}", NULL},
	{"{\"a\":\"\\ud800x\"}", NULL},
	{"{\"a\":\"\\ud800\\n12345\"}", NULL},
	{"{\"a\":\"\\ud800\\ud800\"}", NULL},
	{"{\"a\":\"\\udc00\"}", NULL},
	{"{\"a\":\"\\x41\"}", NULL},
	{"{\"a\":\"\\", NULL},
	{"{\"a\":\"\\u", NULL},
	{"{\"a\":\"x", NULL},
	{"{\"a\":\"x\n\"}", NULL},
	{"{\"a\":\"x\x1f\"}", NULL},
	{"{\"a\":\"\xff\"}", NULL},
	{"{\"a\":\"\xc0\x80\"}", NULL},
	{"{\"a\":\"\xed\xa0\x80\"}", NULL},
	{"{\"a\":\"\xe2\x82\"}", NULL},
	/* nested values are checked and skipped */
	{"{\"a\":[],\"b\":{},\"c\":[1,\"x\",[true],{\"y\":null}],\"d\":1}",
	 "a=... b=... c=... d=1"},
	{"{\"a\":[1,]}", NULL},
	{"{\"a\":[,1]}", NULL},
	{"{\"a\":[1 2]}", NULL},
	{"{\"a\":[1}", NULL},
	{"{\"a\":{\"b\"}}", NULL},
	{"{\"a\":{1:2}}", NULL},
	{"{\"a\":{\"b\":\"\\u0000\"}}", "a=..."},
	/* form */
	{"", NULL},
	{" ", NULL},
	{"{", NULL},
	{"}", NULL},
	{"[]", NULL},
	{"\"a\"", NULL},
	{"1", NULL},
	{"null", NULL},
	{"{}{}", NULL},
	{"{} x", NULL},
	{"{,}", NULL},
	{"{\"a\":1,}", NULL},
	{"{\"a\":1,,\"b\":2}", NULL},
	{"{\"a\":1 \"b\":2}", NULL},
	{"{\"a\"}", NULL},
	{"{\"a\":}", NULL},
	{"{\"a\" 1}", NULL},
	{"{a:1}", NULL},
	{"{'a':1}", NULL},
	{"{1:1}", NULL},
	{"{\"a\":1/**/}", NULL},
	{"{\"a\":\v1}", NULL},
	{"\xef\xbb\xbf{}", NULL},
};

/* From memory that ends where the line does, so that ASan sees a byte read behind it. */
static int parse_exact(const char *line, size_t n, struct json_line *l)
{
	AUTO_FREE char *copy = malloc(n ? n : 1);

	memcpy(copy, line, n);
	return json_parse_line(copy, n, l);
}

static void test_read(void **state)
{
	static struct json_line l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(read_cases); i++) {
		const char *wanted = read_cases[i].fields ? read_cases[i].fields : "refused";
		AUTO_BUF struct buf got = {0};

		if (parse_exact(read_cases[i].line, strlen(read_cases[i].line), &l) == 0)
			dump(&l, &got);
		else
			buf_addf(&got, "refused");
		if (strcmp(buf_text(&got), wanted) != 0)
			fail_msg("%s: got %s, wanted %s", read_cases[i].line, buf_text(&got),
				 wanted);
	}
	assert_int_equal(parse_exact("{\"a\":\"x\0\"}", 10, &l), -1); /* a NUL as it is */
	assert_int_equal(parse_exact("{}\0", 3, &l), -1);
}

static void test_every_prefix_is_refused(void **state)
{
	static const char whole[] = "{\"a\":[1,{\"b\":\"\\ud83d\\ude00\"}],\"c\":-1.5e+3,\"d\":"
				    "true,\"e\":\"\xe2\x82\xac\"}";
	static struct json_line l;

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n++)
		if (parse_exact(whole, n, &l) == 0)
			fail_msg("accepted: %.*s", (int)n, whole);
	assert_int_equal(parse_exact(whole, sizeof(whole) - 1, &l), 0);
}

/* {"fN":1,…} with n fields. */
static void add_fields(struct buf *b, int n)
{
	json_begin(b);
	for (int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		json_add_int(b, name, i);
	}
	json_end(b);
}

static void test_bounds(void **state)
{
	static struct json_line l;

	(void)state;
	for (int more = 0; more <= 1; more++) {
		AUTO_BUF struct buf fields = {0}, nested = {0}, strings = {0};
		char line[JSON_LINE_MAX + 1];

		add_fields(&fields, JSON_FIELDS_MAX + more);
		assert_int_equal(json_parse_line(buf_text(&fields), buf_len(&fields), &l), -more);
		buf_addf(&nested, "{\"a\":");
		for (int i = 0; i < JSON_DEPTH_MAX + more; i++)
			buf_add(&nested, "[", 1);
		for (int i = 0; i < JSON_DEPTH_MAX + more; i++)
			buf_add(&nested, "]", 1);
		buf_addf(&nested, "}");
		assert_int_equal(json_parse_line(buf_text(&nested), buf_len(&nested), &l), -more);
		memset(line, ' ', sizeof(line));
		line[0] = '{';
		line[JSON_LINE_MAX - 1 + more] = '}';
		assert_int_equal(json_parse_line(line, JSON_LINE_MAX + (size_t)more, &l), -more);
		/* The densest line there is fits the store: empty strings, each with its NUL. */
		buf_addf(&strings, "{\"a\":[\"\"");
		while (buf_len(&strings) < JSON_LINE_MAX - 5)
			buf_addf(&strings, ",\"\"");
		buf_addf(&strings, "]}");
		assert_int_equal(json_parse_line(buf_text(&strings), buf_len(&strings), &l), 0);
	}
}

static void test_get(void **state)
{
	static const char line[] =
		"{\"s\":\"x\",\"i\":7,\"t\":true,\"f\":false,\"n\":null,\"s\":\"y\",\"k\":1.5}";
	static struct json_line l;
	int64_t v = 42;

	(void)state;
	assert_int_equal(json_parse_line(line, sizeof(line) - 1, &l), 0);
	assert_string_equal(json_get_string(&l, "s"), "x"); /* the first one counts */
	assert_null(json_get_string(&l, "i"));
	assert_null(json_get_string(&l, "n"));
	assert_null(json_get_string(&l, "absent"));
	assert_false(json_get_int(&l, "s", &v));
	assert_false(json_get_int(&l, "k", &v));
	assert_false(json_get_int(&l, "t", &v));
	assert_int_equal(v, 42);
	assert_true(json_get_int(&l, "i", &v));
	assert_int_equal(v, 7);
	assert_true(json_get_bool(&l, "t", false));
	assert_false(json_get_bool(&l, "f", true));
	assert_true(json_get_bool(&l, "i", true));
	assert_true(json_get_bool(&l, "absent", true));
}

/* ---- documents ---- */

static void test_document(void **state)
{
	static const char text[] = " {\"a\": [1, \"x\\u20ac\", {}], \"b\": {\"c\": true}, "
				   "\"\\u0064\": null, \"b\": 2} ";
	AUTO_FREE char *x = NULL;
	AUTO_FREE char *nothing = NULL;
	struct json_value v, item = {0};
	AUTO_BUF struct buf names = {0}, name = {0};

	(void)state;
	assert_true(json_open(text, sizeof(text) - 1, &v));
	while (json_next(v, &item, &name))
		buf_addf(&names, "%s=%.*s;", buf_text(&name), (int)item.n, item.text);
	assert_string_equal(buf_text(&names),
			    "a=[1, \"x\\u20ac\", {}];b={\"c\": true};d=null;b=2;");
	assert_true(json_is_true(json_member(json_member(v, "b"), "c"))); /* the first of two */
	assert_true(json_is_null(json_member(v, "d")));
	item = (struct json_value){0};
	assert_true(json_next(json_member(v, "a"), &item, NULL) &&
		    json_next(json_member(v, "a"), &item, NULL));
	x = json_text(item);
	assert_string_equal(x, "x\xe2\x82\xac");
	nothing = json_member_text(json_member(v, "none"), "such");
	assert_string_equal(nothing, "");
	assert_null(json_member(json_member(v, "d"), "x").text);
	assert_false(json_open("[1] 2", 5, &v));
	assert_null(v.text);
}

static void test_document_texts(void **state)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{"\"\"", ""},	       {"\"a\\u0000b\"", NULL},
		{"\"\\ud800\"", NULL}, {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
		{"1", NULL},	       {"null", NULL},
		{"\"\xff\"", "\xff"},  {"\"\\n\"", "\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *text = NULL;
		struct json_value v;

		assert_true(json_open(cases[i].json, strlen(cases[i].json), &v));
		text = json_text(v);
		if (!text != !cases[i].text || (text && strcmp(text, cases[i].text) != 0))
			fail_msg("%s: %s", cases[i].json, text ? text : "none");
	}
}

static void test_document_numbers(void **state)
{
	static const struct {
		const char *json;
		double number;
		bool whole;
	} cases[] = {
		{"0", 0, true},	     {"-7", -7, true},	      {"1.5", 1.5, false},
		{"2.0", 2, true},    {"1e3", 1000, true},     {"12E-1", 1.2, false},
		{"1e+2", 100, true}, {"-0.25", -0.25, false}, {"0e9", 0, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct json_value v;
		double number = 0;
		int64_t whole = 0;

		assert_true(json_open(cases[i].json, strlen(cases[i].json), &v));
		assert_true(json_number(v, &number));
		if (number < cases[i].number - 1e-9 || number > cases[i].number + 1e-9)
			fail_msg("%s: %g", cases[i].json, number);
		if (json_int(v, -1000, 1000, &whole) != cases[i].whole ||
		    whole != (cases[i].whole ? (int64_t)cases[i].number : 0))
			fail_msg("%s: whole %lld", cases[i].json, (long long)whole);
	}
}

/* ---- splitting ---- */

static void on_line(void *ctx, const char *line, size_t n)
{
	buf_addf(ctx, "%zu:", n);
	buf_add(ctx, line, n < 8 ? n : 8);
	buf_add(ctx, ";", 1);
}

/* Gives input in two pieces, the first of them `cut` long, or byte by byte. */
static void expect_split(const char *input, size_t n, size_t cut, bool bytewise, const char *wanted)
{
	static struct json_splitter s;
	AUTO_BUF struct buf got = {0};

	memset(&s, 0, sizeof(s));
	for (size_t i = 0; bytewise && i < n; i++)
		json_split(&s, input + i, 1, on_line, &got);
	if (!bytewise) {
		json_split(&s, input, cut, on_line, &got);
		json_split(&s, input + cut, n - cut, on_line, &got);
	}
	buf_addf(&got, "dropped %" PRIu64 ", left %zu", s.dropped, s.n);
	if (strcmp(buf_text(&got), wanted) != 0)
		fail_msg("cut at %zu: got %s, wanted %s", cut, buf_text(&got), wanted);
}

static void test_split(void **state)
{
	static const char input[] = "one\n\ntwo\r\nthree\nfo";

	(void)state;
	for (size_t cut = 0; cut < sizeof(input); cut++)
		expect_split(input, sizeof(input) - 1, cut, false,
			     "3:one;0:;4:two\r;5:three;dropped 0, left 2");
	expect_split(input, sizeof(input) - 1, 0, true,
		     "3:one;0:;4:two\r;5:three;dropped 0, left 2");
}

static void test_split_overlong(void **state)
{
	AUTO_BUF struct buf in = {0};
	static const size_t lengths[] = {JSON_LINE_MAX, JSON_LINE_MAX + 1, 1, 3 * JSON_LINE_MAX, 2};
	static const char wanted[] = "16384:xxxxxxxx;1:x;2:xx;dropped 2, left 0";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		memset(buf_room(&in, lengths[i]), 'x', lengths[i]);
		buf_grew(&in, lengths[i]);
		buf_add(&in, "\n", 1);
	}
	for (size_t cut = 0; cut <= buf_len(&in);
	     cut += 241) /* a prime: every place but few of each */
		expect_split(buf_text(&in), buf_len(&in), cut, false, wanted);
	expect_split(buf_text(&in), buf_len(&in), 0, true, wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_object),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_every_prefix_is_refused),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_document_texts),
		cmocka_unit_test(test_document_numbers),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_overlong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
