/* areas: base proto
 * What session and ccvm-net tell each other: the lines, and what is no message. */
#include "unit/unit.h"

#include <string.h>

#include "proto/netctl.h"

static void test_commands(void **state)
{
	static const struct {
		struct netctl_command c;
		const char *line;
	} cases[] = {
		{{.type = NETCTL_STATS}, "{\"type\":\"stats\"}\n"},
		{{.type = NETCTL_PORT, .port = 443}, "{\"type\":\"port\",\"port\":443}\n"},
		{{.type = NETCTL_RULE, .entry = "*.example.org:443"},
		 "{\"type\":\"rule\",\"entry\":\"*.example.org:443\"}\n"},
		{{.type = NETCTL_DECIDE, .entry = "a.example", .allow = true},
		 "{\"type\":\"decide\",\"entry\":\"a.example\",\"allow\":true,\"once\":false}\n"},
		{{.type = NETCTL_WATCH, .on = true}, "{\"type\":\"watch\",\"on\":true}\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf line = {0};
		struct netctl_command back;

		netctl_command_put(&line, &cases[i].c);
		assert_string_equal(buf_text(&line), cases[i].line);
		netctl_command_parse(&back, buf_text(&line), buf_len(&line) - 1);
		assert_int_equal(back.type, cases[i].c.type);
		assert_string_equal(back.entry, cases[i].c.entry);
		assert_int_equal(back.port, cases[i].c.port);
		assert_true(back.allow == cases[i].c.allow && back.once == cases[i].c.once &&
			    back.on == cases[i].c.on);
	}
}

static void test_no_commands(void **state)
{
	static const char *const lines[] = {
		"",
		"{}",
		"{\"type\":\"later\"}",
		"{\"type\":\"\"}",
		"{\"type\":\"port\"}",
		"{\"type\":\"port\",\"port\":0}",
		"{\"type\":\"port\",\"port\":65536}",
		"{\"type\":\"port\",\"port\":\"80\"}",
		"{\"type\":\"rule\"}",
		"{\"type\":\"rule\",\"entry\":5}",
		"{\"type\":\"decide\",\"allow\":true}",
	};
	AUTO_BUF struct buf longest = {0};
	struct netctl_command c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		netctl_command_parse(&c, lines[i], strlen(lines[i]));
		if (c.type != NETCTL_UNKNOWN)
			fail_msg("%s: %d", lines[i], c.type);
	}
	for (int more = 0; more < 2; more++) {
		buf_cut(&longest, 0);
		buf_addf(&longest, "{\"type\":\"rule\",\"entry\":\"%0*d\"}",
			 NETCTL_ENTRY_MAX - 1 + more, 0);
		netctl_command_parse(&c, buf_text(&longest), buf_len(&longest));
		assert_int_equal(c.type, more ? NETCTL_UNKNOWN : NETCTL_RULE);
	}
}

/* ccvm-net reads what a guest sends: what it reports is escaped, and numbers that cannot be are
 * no report. */
static void test_reports(void **state)
{
	static const char hostile[] = "{\"type\":\"egress\",\"verdict\":\"refused\",\"name\":"
				      "\"a\\u001b[2J\\u202eb\",\"port\":443,\"count\":1,"
				      "\"first_ms\":1,\"last_ms\":2}";
	static const char *const none[] = {
		"{\"type\":\"egress\",\"verdict\":\"refused\",\"name\":\"a\",\"port\":-1,\"count\":"
		"1,\"first_ms\":1,\"last_ms\":2}",
		"{\"type\":\"egress\",\"verdict\":\"refused\",\"name\":\"a\",\"port\":1,\"count\":"
		"99999999999,\"first_ms\":1,\"last_ms\":2}",
		"{\"type\":\"question\",\"name\":\"a\",\"port\":70000,\"wait_ms\":1}",
		"{\"type\":\"stats\"}",
	};
	struct netctl_report r;

	(void)state;
	netctl_report_parse(&r, hostile, sizeof(hostile) - 1);
	assert_int_equal(r.type, NETCTL_EGRESS);
	assert_string_equal(r.name, "a\\x1b[2J\\xe2\\x80\\xaeb");
	assert_int_equal(r.port, 443);
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		netctl_report_parse(&r, none[i], strlen(none[i]));
		if (r.type != NETCTL_NOTHING)
			fail_msg("%s: %d", none[i], r.type);
	}
}

/* As ccvm-net writes it: all counters, each in its place. */
static void test_stats(void **state)
{
	const struct netctl_stats s = {.from_guest = {1, 2},
				       .to_guest = {3, 4, 5, 6},
				       .refused = {.malformed = INT64_MAX, .service = 7},
				       .connections_allowed = 8,
				       .connections_refused = 9,
				       .flows = 10};
	AUTO_BUF struct buf line = {0};
	struct netctl_stats back = {0};

	(void)state;
	netctl_stats_put(&line, &s);
	assert_string_equal(
		buf_text(&line),
		"{\"type\":\"stats\",\"from_guest\":{\"frames\":1,\"bytes\":2},\"to_guest\":{"
		"\"frames\":3,\"bytes\":4,\"dropped\":5,\"urgent\":6},\"refused\":{\"malformed\":"
		"9223372036854775807,\"too_long\":0,\"type\":0,\"urgent\":0,\"tcp_fragment\":0,"
		"\"fragment_rate\":0,\"extension\":0,\"protocol\":0,\"source\":0,\"destination\":0,"
		"\"checksum\":0,\"service\":7},\"connections_allowed\":8,\"connections_refused\":9,"
		"\"flows\":10}\n");
	assert_int_equal(document_get(&netctl_stats_shape, buf_data(&line), buf_len(&line), &back),
			 0);
	assert_true(back.refused.malformed == INT64_MAX && back.refused.service == 7 &&
		    back.to_guest.urgent == 6 && back.flows == 10);
	document_fini(&netctl_stats_shape, &back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_no_commands),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_stats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
