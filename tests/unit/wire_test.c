/* areas: base
 * files: src/proto/message.c src/proto/wire.c src/proto/request.c src/proto/hostenv.c src/proto/outcome.c src/proto/document.c
 * Frames between client and session, however the bytes arrive. */
#include "base/bytes.h"
#include "unit/unit.h"

#include "proto/wire.h"

static const struct {
	enum wire_type type;
	const char *payload;
	size_t n;
} frames[] = {
	{WIRE_START, "{}", 2},	  {WIRE_ARGS, "a\0b\0", 4},	   {WIRE_ENV, "", 0},
	{WIRE_BEGIN, "", 0},	  {WIRE_STDIN, "\0\xff\n", 3},	   {WIRE_STDIN_END, "", 0},
	{WIRE_SIGNAL, "TERM", 4}, {WIRE_EXIT, "{\"code\":0}", 10},
};

static void put_all(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(frames); i++)
		wire_put(out, frames[i].type, frames[i].payload, frames[i].n);
}

/* Takes what is whole, and compares it with the frames from *at on. */
static void take(struct buf *in, size_t *at)
{
	struct wire_frame f;

	while (wire_next(in, &f) == 1) {
		assert_true(*at < ARRAY_LEN(frames));
		assert_int_equal(f.type, frames[*at].type);
		assert_int_equal(f.n, frames[*at].n);
		assert_memory_equal(f.payload, frames[*at].payload, f.n);
		buf_drop(in, f.n + WIRE_HEADER_SIZE);
		++*at;
	}
}

static void test_round_trip_at_every_cut(void **state)
{
	AUTO_BUF struct buf all = {0};

	(void)state;
	put_all(&all);
	for (size_t cut = 0; cut <= buf_len(&all); cut++) {
		AUTO_BUF struct buf in = {0};
		size_t at = 0;

		buf_add(&in, buf_data(&all), cut);
		take(&in, &at);
		buf_add(&in, buf_data(&all) + cut, buf_len(&all) - cut);
		take(&in, &at);
		assert_int_equal(at, ARRAY_LEN(frames));
		assert_int_equal(buf_len(&in), 0);
	}
}

static void test_layout(void **state)
{
	AUTO_BUF struct buf out = {0}, credit = {0};

	(void)state;
	wire_put(&out, WIRE_STDOUT, "hi", 2);
	wire_fill_credit(&credit, (struct wire_credit){0x01020304});
	wire_put(&out, WIRE_CREDIT, buf_data(&credit), buf_len(&credit));
	assert_int_equal(buf_len(&out), 16);
	assert_memory_equal(buf_data(&out), "\2\0\0\0ohi\4\0\0\0c\4\3\2\1", 16);
	assert_int_equal(bytes_get_u32(buf_data(&out) + 12), 0x01020304);
	assert_int_equal(bytes_get_u32((const unsigned char *)"\xff\xff\xff\xff"), UINT32_MAX);
}

static void test_lengths(void **state)
{
	static const struct {
		const char *head;
		size_t n;
		int rc;
	} cases[] = {
		{"", 0, 0},
		{"\0\0\0\0", 4, 0},
		{"\0\0\0\0?", 5, 1},
		{"\1\0\0\0?", 5, 0},
		{"\0\0\x80\0?", 5, 0}, /* WIRE_PAYLOAD_MAX: more is to come */
		{"\1\0\x80\0?", 5, -1},
		{"\0\0\0\1?", 5, -1},
		{"\xff\xff\xff\xff?", 5, -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf in = {0};
		struct wire_frame f;
		int rc;

		buf_add(&in, cases[i].head, cases[i].n);
		rc = wire_next(&in, &f);
		if (rc != cases[i].rc)
			fail_msg("case %zu: got %d, wanted %d", i, rc, cases[i].rc);
	}
}

static void test_largest(void **state)
{
	AUTO_FREE char *payload = mem_alloc(WIRE_PAYLOAD_MAX);
	AUTO_BUF struct buf b = {0};
	struct wire_frame f;

	(void)state;
	memset(payload, 'p', WIRE_PAYLOAD_MAX);
	wire_put(&b, WIRE_ENV, payload, WIRE_PAYLOAD_MAX);
	assert_int_equal(wire_next(&b, &f), 1);
	assert_int_equal(f.n, WIRE_PAYLOAD_MAX);
	assert_memory_equal(f.payload, payload, f.n);
}

static int put_too_large(void *ctx)
{
	struct buf b = {0};

	wire_put(&b, WIRE_ENV, ctx, WIRE_PAYLOAD_MAX + 1);
	return 0;
}

static void test_too_large_stops(void **state)
{
	AUTO_FREE char *payload = mem_alloc(WIRE_PAYLOAD_MAX + 1);

	(void)state;
	unit_expect_abort(put_too_large, payload, "a frame beyond the bound");
}

static void test_payload(void **state)
{
	AUTO_BUF struct buf payload = {0};
	struct wire_frame f = {.type = WIRE_RESIZE};
	struct wire_resize size;
	struct wire_attach attach;

	(void)state;
	wire_fill_resize(&payload, (struct wire_resize){0x0102, 0x0304});
	assert_memory_equal(buf_data(&payload), "\2\1\4\3", 4);
	f.payload = buf_data(&payload);
	for (f.n = 0; f.n < 4; f.n++)
		assert_false(wire_get_resize(&f, &size));
	assert_true(wire_get_resize(&f, &size));
	assert_int_equal(size.cols, 0x0102);
	assert_int_equal(size.rows, 0x0304);
	/* a flag has one form each way */
	f = (struct wire_frame){WIRE_ATTACH, (const unsigned char *)"\2", 1};
	assert_false(wire_get_attach(&f, &attach));
}

/* A few that matter, not the table again: what starts a session comes from its starter alone and
 * before the start; a client that joined neither signals nor types as the starter; ccvm-term and
 * ccvm-clip reach nothing else. */
static void test_who_may_send(void **state)
{
	static const struct {
		enum wire_peer peer;
		enum wire_phase phase;
		enum wire_type type;
		bool may;
	} cases[] = {
		{WIRE_STARTER, WIRE_BEFORE, WIRE_BEGIN, true},
		{WIRE_STARTER, WIRE_AFTER, WIRE_BEGIN, false},
		{WIRE_STARTER, WIRE_AFTER, WIRE_ENV, false},
		{WIRE_CLIENT, WIRE_BEFORE, WIRE_START, false},
		{WIRE_CLIENT, WIRE_AFTER, WIRE_SIGNAL, false},
		{WIRE_CLIENT, WIRE_AFTER, WIRE_STDIN, false},
		{WIRE_CLIENT, WIRE_AFTER, WIRE_TYPED, true},
		{WIRE_CLIENT, WIRE_AFTER, WIRE_STDOUT, false},
		{WIRE_TERM, WIRE_AFTER, WIRE_STDIN, true},
		{WIRE_TERM, WIRE_AFTER, WIRE_STOP, false},
		{WIRE_TERM, WIRE_AFTER, WIRE_EGRESS, false},
		{WIRE_CLIP, WIRE_AFTER, WIRE_CLIP_DONE, true},
		{WIRE_CLIP, WIRE_AFTER, WIRE_TYPED, false},
		{WIRE_STARTER, WIRE_AFTER, (enum wire_type)0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (wire_may_send(cases[i].peer, cases[i].phase, cases[i].type) != cases[i].may)
			fail_msg("case %zu", i);
}

/* No two rows give the same bytes on one connection different fields. */
static void test_one_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < wire_row_count; i++)
		for (size_t k = i + 1; k < wire_row_count; k++)
			if (wire_rows[i].type == wire_rows[k].type &&
			    ((wire_rows[i].from & wire_rows[k].from) ||
			     (wire_rows[i].to & wire_rows[k].to)))
				fail_msg("%s and %s", wire_rows[i].name, wire_rows[k].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip_at_every_cut),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_who_may_send),
		cmocka_unit_test(test_one_meaning),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_too_large_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
