/* areas: base
 * files: src/proto/event.c
 * Events: each member of the table is written, in its kind, and nothing that it lacks. */
#include "unit/unit.h"

#include "base/json.h"
#include "base/mem.h"
#include "proto/event.h"

#include <string.h>

/* All members set; texts say of which member they are. */
static void fill(struct event *e, const struct event_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void *at = (char *)e + f[i].at;

		if (f[i].kind == EVENT_TEXT || f[i].kind == EVENT_TEXT_IF)
			*(const char **)at = f[i].name;
		else if (f[i].kind == EVENT_FLAG_IF)
			*(bool *)at = true;
		else
			*(int64_t *)at = 7;
	}
}

static size_t check(const struct json_line *l, const struct event_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = json_get_string(l, f[i].name);
		int64_t number = 0;
		bool good = json_get_bool(l, f[i].name, false);

		if (f[i].kind == EVENT_TEXT || f[i].kind == EVENT_TEXT_IF)
			good = text && strcmp(text, f[i].name) == 0;
		else if (f[i].kind != EVENT_FLAG_IF)
			good = json_get_int(l, f[i].name, &number) && number == 7;
		if (!good)
			fail_msg("%s is not written", f[i].name);
	}
	return n;
}

static void test_whole(void **state)
{
	static struct json_line l;

	(void)state;
	for (int type = 0; type < EVENT_TYPES; type++) {
		const struct event_row *row = &event_rows[type];
		const size_t common = type == EVENT_FULL ? 0 : event_common_count;
		struct event e = {.type = (enum event_type)type};
		AUTO_BUF struct buf line = {0};
		int64_t schema;

		fill(&e, event_common, event_common_count);
		fill(&e, row->field, row->n);
		event_put(&line, &e);
		assert_int_equal(json_parse_line(buf_text(&line), buf_len(&line), &l), 0);
		assert_string_equal(json_get_string(&l, "event"), row->name);
		assert_true(json_get_int(&l, "schema", &schema) && schema == EVENT_SCHEMA);
		assert_int_equal(l.n, 2 + check(&l, event_common, common) +
					      check(&l, row->field, row->n));
	}
}

/* What may be missing is left out, the rest is written as null or 0. */
static void test_bare(void **state)
{
	static const struct {
		struct event event;
		const char *json;
	} cases[] = {
		{{.type = EVENT_STATE, .state = "ready", .code = -1},
		 "{\"event\":\"state\",\"schema\":1,\"time_ms\":0,\"since_start_ms\":0,\"session\":"
		 "null,\"name\":null,\"state\":\"ready\"}"},
		{{.type = EVENT_STATE, .state = "ended", .session = "a", .remedy = ""},
		 "{\"event\":\"state\",\"schema\":1,\"time_ms\":0,\"since_start_ms\":0,\"session\":"
		 "\"a\",\"name\":null,\"state\":\"ended\",\"code\":0,\"remedy\":\"\"}"},
		{{.type = EVENT_CLIP, .verdict = "sent", .bytes = -1, .state = "another's"},
		 "{\"event\":\"clip\",\"schema\":1,\"time_ms\":0,\"since_start_ms\":0,\"session\":"
		 "null,\"name\":null,\"verdict\":\"sent\"}"},
		{{.type = EVENT_FULL, .text = "x", .name = "n"},
		 "{\"event\":\"events-full\",\"schema\":1,\"text\":\"x\"}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf line = {0};

		event_put(&line, &cases[i].event);
		assert_string_equal(buf_text(&line), cases[i].json);
	}
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < EVENT_TYPES; i++) {
		assert_non_null(event_rows[i].name);
		assert_non_null(event_rows[i].help);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(event_rows[i].name, event_rows[k].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
