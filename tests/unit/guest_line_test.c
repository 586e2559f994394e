/* areas: base
 * files: src/proto/line.c src/proto/guest.c
 * What the session makes of a guest's lines, the hostile ones included. */
#include "unit/unit.h"

#include "proto/guest.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
	const char *line;
	const char *seen; /* kind stage|reason|ms|total|used|load */
} cases[] = {
	{"{\"type\":\"parked\"}", "1 ||0|0|0|0"},
	{"{\"type\":\"stage\",\"stage\":\"seed\",\"ms\":412}", "2 seed||412|0|0|0"},
	{"{\"type\":\"note\",\"stage\":\"clock\",\"reason\":\"no seed\"}",
	 "3 clock|no seed|0|0|0|0"},
	{"{\"type\":\"failed\",\"stage\":\"workspace\",\"reason\":\"mount: x\",\"ms\":9}",
	 "4 workspace|mount: x|9|0|0|0"},
	{"{\"type\":\"ready\",\"ms\":1}", "5 ||1|0|0|0"},
	{"{\"type\":\"report\",\"memory_total_kib\":4,\"memory_used_kib\":3,\"load_milli\":2}",
	 "6 ||0|4|3|2"},
	{"{\"type\":\"sshd-ended\"}", "7 ||0|0|0|0"},
	{"{\"type\":\"stopped\"}", "8 ||0|0|0|0"},
	{"{\"type\":\"hook\",\"hook\":\"prompt\"}", "9 ||0|0|0|0"},
	{"{\"type\":\"denied\",\"address\":\"1.2.3.4\",\"port\":443}", "10 ||0|0|0|0"},
	{"{\"type\":\"pool\",\"pool_total_kib\":4,\"pool_used_kib\":3}", "11 ||0|0|0|0"},
	{"{\"type\":\"oom\",\"process\":\"x\",\"pid\":3}", "12 ||0|0|0|0"},
	/* not a known message */
	{"{\"type\":\"shutdown\",\"stage\":\"x\"}", "0 ||0|0|0|0"},
	{"{\"type\":\"Ready\"}", "0 ||0|0|0|0"},
	{"{\"type\":\"\"}", "0 ||0|0|0|0"},
	{"{\"type\":5,\"stage\":\"x\"}", "0 ||0|0|0|0"},
	{"{\"T\":\"ready\"}", "0 ||0|0|0|0"},
	{"{}", "0 ||0|0|0|0"},
	{"", "0 ||0|0|0|0"},
	{"ready", "0 ||0|0|0|0"},
	{"{\"type\":\"ready\"}{\"type\":\"failed\"}", "0 ||0|0|0|0"},
	{"[{\"type\":\"ready\"}]", "0 ||0|0|0|0"},
	/* the first of two counts, others are ignored */
	{"{\"type\":\"ready\",\"type\":\"stopped\",\"new\":[{\"a\":1}],\"x\":null}", "5 ||0|0|0|0"},
	/* figures that cannot be true, or are none */
	{"{\"type\":\"ready\",\"ms\":-1}", "5 ||0|0|0|0"},
	{"{\"type\":\"ready\",\"ms\":1099511627776}", "5 ||1099511627776|0|0|0"},
	{"{\"type\":\"ready\",\"ms\":1099511627777}", "5 ||0|0|0|0"},
	{"{\"type\":\"ready\",\"ms\":9223372036854775807}", "5 ||0|0|0|0"},
	{"{\"type\":\"ready\",\"ms\":-9223372036854775808}", "5 ||0|0|0|0"},
	{"{\"type\":\"ready\",\"ms\":99999999999999999999999999}", "5 ||0|0|0|0"},
	{"{\"type\":\"ready\",\"ms\":1.5}", "5 ||0|0|0|0"},
	{"{\"type\":\"ready\",\"ms\":1e3}", "5 ||0|0|0|0"},
	{"{\"type\":\"ready\",\"ms\":\"1\"}", "5 ||0|0|0|0"},
	{"{\"type\":\"ready\",\"ms\":true}", "5 ||0|0|0|0"},
	/* texts that must not be shown unescaped */
	{"{\"type\":\"failed\",\"reason\":\"\\u001b[2J\\u001b]0;x\\u0007\"}",
	 "4 |\\x1b[2J\\x1b]0;x\\x07|0|0|0|0"},
	{"{\"type\":\"failed\",\"reason\":\"a\\nb\\r\\t\"}", "4 |a\\x0ab\\x0d\\x09|0|0|0|0"},
	{"{\"type\":\"failed\",\"reason\":\"\\u009b1m\\u202e\"}",
	 "4 |\\xc2\\x9b1m\\xe2\\x80\\xae|0|0|0|0"},
	{"{\"type\":\"failed\",\"reason\":\"\xc3\xa9\"}", "4 |\xc3\xa9|0|0|0|0"},
	{"{\"type\":\"failed\",\"stage\":7,\"reason\":[]}", "4 ||0|0|0|0"},
	/* a NUL would hide the rest */
	{"{\"type\":\"failed\",\"reason\":\"a\\u0000b\"}", "0 ||0|0|0|0"},
	{"{\"type\":\"ready\\u0000\"}", "0 ||0|0|0|0"},
	/* depth */
	{"{\"type\":\"ready\",\"x\":[[[[[[[[1]]]]]]]]}", "5 ||0|0|0|0"},
	{"{\"type\":\"ready\",\"x\":[[[[[[[[[1]]]]]]]]]}", "0 ||0|0|0|0"},
};

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *got = NULL;
		struct guest_message m;

		memset(&m, 'x', sizeof(m));
		guest_parse(cases[i].line, strlen(cases[i].line), &m);
		got = mem_format("%d %s|%s|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64,
				 (int)m.type, m.stage, m.reason, m.ms, m.memory_total_kib,
				 m.memory_used_kib, m.load_milli);
		if (strcmp(got, cases[i].seen) != 0)
			fail_msg("%s\n  got    %s\n  wanted %s", cases[i].line, got, cases[i].seen);
	}
}

/* One text in both fields, repeated to n bytes. */
static void parse_long(const char *unit, size_t n, struct guest_message *m)
{
	AUTO_BUF struct buf text = {0}, line = {0};

	while (buf_len(&text) < n)
		buf_addf(&text, "%s", unit);
	json_begin(&line);
	json_add_string(&line, "type", "failed");
	json_add_string(&line, "stage", buf_text(&text));
	json_add_string(&line, "reason", buf_text(&text));
	json_end(&line);
	guest_parse(buf_text(&line), buf_len(&line), m);
}

static void test_long_texts_are_cut(void **state)
{
	static const struct {
		const char *unit;
		size_t n;
		size_t stage, reason; /* bytes kept: whole characters, whole escapes */
	} units[] = {{"x", 600, 63, 511},
		     {"\xe2\x82\xac", 600, 63, 510},
		     {"\x01", 300, 60, 508},
		     {"a\x1b", 500, 61, 511}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct guest_message m;

		parse_long(units[i].unit, units[i].n, &m);
		assert_int_equal(m.type, GUEST_FAILED);
		if (strlen(m.stage) != units[i].stage || strlen(m.reason) != units[i].reason)
			fail_msg("case %zu: kept %zu and %zu bytes, wanted %zu and %zu", i,
				 strlen(m.stage), strlen(m.reason), units[i].stage,
				 units[i].reason);
	}
}

static void test_longest_line(void **state)
{
	(void)state;
	for (size_t more = 0; more <= 1; more++) {
		AUTO_BUF struct buf line = {0};
		struct guest_message m;

		buf_addf(&line, "{\"type\":\"ready\"");
		while (buf_len(&line) < JSON_LINE_MAX - 1 + more)
			buf_add(&line, " ", 1);
		buf_add(&line, "}", 1);
		guest_parse(buf_text(&line), buf_len(&line), &m);
		assert_int_equal(m.type, more ? GUEST_UNKNOWN : GUEST_READY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_longest_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
