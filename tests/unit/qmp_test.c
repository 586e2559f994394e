/* areas: base
 * files: src/vm/qmp.c
 * The QMP client: what it says and hears, however QEMU's bytes are cut, and what ends the link. */
#include "unit/unit.h"

#include "vm/qmp.h"

#define GREETING "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": []}}\r\n"
#define HELLO	 ">{\"execute\":\"qmp_capabilities\"}\n"

/* Everything that happens, in order, as text. */
static void on_output(void *ctx, const void *bytes, size_t n)
{
	buf_add(ctx, ">", 1);
	buf_add(ctx, bytes, n);
}

static void add_json(struct buf *out, struct json_value json)
{
	if (json.text)
		buf_add(out, json.text, json.n);
	else
		buf_addf(out, "nothing");
}

static void on_event(void *ctx, const char *name, struct json_value data)
{
	buf_addf(ctx, "event %s ", name);
	add_json(ctx, data);
	buf_add(ctx, "\n", 1);
}

struct asked {
	struct buf *log;
	const char *name;
};

static void on_reply(void *ctx, struct json_value value, const char *error)
{
	const struct asked *a = ctx;

	buf_addf(a->log, "%s ", a->name);
	if (error)
		buf_addf(a->log, "error: %s", error);
	else
		add_json(a->log, value);
	buf_add(a->log, "\n", 1);
}

/* A client that has asked two things already. */
static struct qmp *start(struct buf *log, struct asked *asked)
{
	struct qmp *q = qmp_new(&(struct qmp_callbacks){on_output, on_event, log});

	asked[0] = (struct asked){log, "one"};
	asked[1] = (struct asked){log, "two"};
	qmp_execute(q, "cont", NULL, on_reply, &asked[0]);
	qmp_execute(q, "human-monitor-command", "{\"command-line\":\"x\"}", on_reply, &asked[1]);
	return q;
}

#define QUEUED                                                                                     \
	">{\"execute\":\"cont\",\"id\":1}\n"                                                       \
	"{\"execute\":\"human-monitor-command\",\"id\":2,\"arguments\":{\"command-line\":\"x\"}}"  \
	"\n"

static const struct {
	const char *name, *stream, *log;
	int rc;
} cases[] = {
	{"nothing yet", "", "", 0},
	{"greeting", GREETING, HELLO QUEUED, 0},
	{"a second greeting is nothing new", GREETING GREETING, HELLO QUEUED, 0},
	{"greeting cut off", "{\"QMP\": {}}", "", 0},
	{"empty lines", "\n\r\n" GREETING "\r\n", HELLO QUEUED, 0},
	{"answers in any order",
	 GREETING
	 "{\"return\": {}}\n{\"return\": [1], \"id\": 2}\r\n{\"return\": \"r\", \"id\": 1}\r\n",
	 HELLO QUEUED "two [1]\none \"r\"\n", 0},
	{"an answer is given once", GREETING "{\"return\":1,\"id\":1}\n{\"return\":2,\"id\":1}\n",
	 HELLO QUEUED "one 1\n", 0},
	{"ids nobody gave",
	 GREETING
	 "{\"return\":1,\"id\":\"1\"}\n{\"return\":1,\"id\":3}\n{\"return\":1,\"id\":1.5}\n"
	 "{\"return\":1,\"id\":-1}\n{\"return\":1,\"id\":1e300}\n{\"return\":1,\"id\":null}\n",
	 HELLO QUEUED, 0},
	{"errors",
	 GREETING "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no such "
		  "thing\"},\"id\":1}\n{\"error\":7,\"id\":2}\n",
	 HELLO QUEUED "one error: no such thing\ntwo error: unknown error\n", 0},
	{"events",
	 GREETING "{\"timestamp\":{\"seconds\":1},\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true}}"
		  "\n{\"event\":"
		  "\"STOP\"}\n",
	 HELLO QUEUED "event SHUTDOWN {\"guest\":true}\nevent STOP nothing\n", 0},
	{"an event before the greeting", "{\"event\":\"RESUME\"}\n" GREETING,
	 "event RESUME nothing\n" HELLO QUEUED, 0},
	{"garbage", GREETING "garbage\n{\"event\":\"LATER\"}\n", HELLO QUEUED, -1},
	{"one byte of garbage", "x\n", "", -1},
	{"garbage behind a message", GREETING "{\"event\":\"A\"} garbage\n", HELLO QUEUED, -1},
	{"two messages in one line", GREETING "{\"event\":\"A\"}{\"event\":\"B\"}\n", HELLO QUEUED,
	 -1},
	{"not an object", "[]\n", "", -1},
	{"an object of no kind", "{\"id\":1}\n", "", -1},
	{"an event without a name", "{\"event\":1}\n", "", -1},
	{"cut-off JSON", "{\"return\":\n", "", -1},
};

/* In pieces: `cut` bytes, then the rest; or byte by byte. */
static void expect_log(size_t i, size_t cut, bool bytewise)
{
	const char *stream = cases[i].stream;
	AUTO_BUF struct buf log = {0};
	struct asked asked[2];
	struct qmp *q = start(&log, asked);
	struct err e = {0};
	int rc = 0;

	for (size_t k = 0; bytewise && rc == 0 && stream[k]; k++)
		rc = qmp_feed(q, stream + k, 1, &e);
	if (!bytewise) {
		rc = qmp_feed(q, stream, cut, &e);
		if (rc == 0)
			rc = qmp_feed(q, stream + cut, strlen(stream + cut), &e);
	}
	qmp_free(q);
	if (rc != cases[i].rc || (rc < 0) != (e.text[0] != '\0') ||
	    strcmp(buf_text(&log), cases[i].log) != 0)
		fail_msg("%s, cut at %zu: %d (%s)\n  got    %s\n  wanted %s", cases[i].name, cut,
			 rc, e.text, buf_text(&log), cases[i].log);
}

static void test_streams_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t cut = 0; cut <= strlen(cases[i].stream); cut++)
			expect_log(i, cut, false);
		expect_log(i, 0, true);
	}
}

static void test_after_the_greeting(void **state)
{
	AUTO_BUF struct buf log = {0};
	struct asked a = {&log, "q"};
	struct qmp *q = qmp_new(&(struct qmp_callbacks){on_output, on_event, &log});
	struct err e;

	(void)state;
	assert_int_equal(qmp_feed(q, GREETING, strlen(GREETING), &e), 0);
	qmp_execute(q, "stop", NULL, NULL, NULL); /* an answer nobody waits for */
	qmp_execute(q, "query-status", NULL, on_reply, &a);
	assert_int_equal(
		qmp_feed(q, "{\"return\":{},\"id\":1}\n{\"return\":{},\"id\":2}\n", 42, &e), 0);
	assert_string_equal(buf_text(&log),
			    HELLO ">{\"execute\":\"stop\",\"id\":1}\n"
				  ">{\"execute\":\"query-status\",\"id\":2}\nq {}\n");
	qmp_free(q);
	qmp_free(NULL);
}

/* {"event":"L…"} of this length, without the newline. */
static void add_event(struct buf *b, size_t n)
{
	buf_addf(b, "{\"event\":\"");
	memset(buf_room(b, n - 12), 'L', n - 12);
	buf_grew(b, n - 12);
	buf_addf(b, "\"}");
}

static void test_longest_line(void **state)
{
	static const struct {
		size_t n;
		bool newline;
		int rc;
	} lines[] = {{QMP_LINE_MAX, true, 0},
		     {QMP_LINE_MAX, false, 0},
		     {QMP_LINE_MAX + 1, true, -1},
		     {QMP_LINE_MAX + 1, false, -1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		for (size_t piece = 997; piece <= QMP_LINE_MAX + 2; piece += QMP_LINE_MAX / 2) {
			AUTO_BUF struct buf in = {0}, log = {0};
			struct qmp *q = qmp_new(&(struct qmp_callbacks){on_output, on_event, &log});
			struct err e;
			int rc = 0;

			add_event(&in, lines[i].n);
			if (lines[i].newline)
				buf_add(&in, "\n", 1);
			for (size_t at = 0; rc == 0 && at < buf_len(&in); at += piece)
				rc = qmp_feed(q, buf_data(&in) + at,
					      buf_len(&in) - at < piece ? buf_len(&in) - at : piece,
					      &e);
			if (rc != lines[i].rc)
				fail_msg("%zu bytes by %zu: got %d, wanted %d", lines[i].n, piece,
					 rc, lines[i].rc);
			assert_int_equal(buf_len(&log) > 0, lines[i].newline && rc == 0);
			qmp_free(q);
		}
}

static int ask_too_much(void *ctx)
{
	for (int i = 0; i < 17; i++)
		qmp_execute(ctx, "x", NULL, NULL, NULL);
	return 0;
}

static void test_too_many_questions_stop(void **state)
{
	struct qmp *q = qmp_new(&(struct qmp_callbacks){on_output, on_event, NULL});

	(void)state;
	unit_expect_abort(ask_too_much, q, "more open commands than there is room for");
	qmp_free(q);
}

static void test_classify(void **state)
{
	static const struct {
		const char *line;
		enum qmp_kind kind;
	} lines[] = {
		{"{\"QMP\":{}}", QMP_GREETING},
		{"{\"return\":null}", QMP_RETURN},
		{" {\"error\":{}} \r", QMP_ERROR},
		{"{\"event\":\"X\"}", QMP_EVENT},
		{"{\"event\":null}", QMP_BAD},
		{"{\"RETURN\":1}", QMP_BAD},
		{"{\"return\":1}x", QMP_BAD},
		{"{\"return\":1", QMP_BAD},
		{"", QMP_BAD},
		{"\"QMP\"", QMP_BAD},
		{"{}", QMP_BAD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		enum qmp_kind kind = qmp_classify(lines[i].line, strlen(lines[i].line));

		if (kind != lines[i].kind)
			fail_msg("%s: got %d, wanted %d", lines[i].line, (int)kind,
				 (int)lines[i].kind);
	}
	assert_int_equal(qmp_classify("{\"return\":1}\0", 13), QMP_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_at_every_cut),
		cmocka_unit_test(test_after_the_greeting),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_too_many_questions_stop),
		cmocka_unit_test(test_classify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
