/* areas: base net proto
 * QEMU's framing and the session's lines, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "net/net_control.h"
#include "net/net_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Puts bytes in, `piece` at a time, and appends each frame as "LENGTH:first byte;". */
static int feed(struct net_stream_in *in, const uint8_t *bytes, size_t n, size_t piece,
		struct buf *seen, struct err *e)
{
	while (n) {
		size_t room;
		uint8_t *p = net_stream_in_room(in, &room);
		size_t take = piece < n ? piece : n;
		const uint8_t *frame;
		size_t len;
		int rc;

		if (take > room)
			take = room;
		memcpy(p, bytes, take);
		net_stream_in_grew(in, take);
		bytes += take;
		n -= take;
		while ((rc = net_stream_in_next(in, &frame, &len, e)) > 0)
			buf_addf(seen, "%zu:%02x;", len, len ? frame[0] : 0U);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static void test_cuts(void **state)
{
	static const uint8_t bytes[] = {0, 0, 0,    2, 0xaa, 0xbb, 0, 0, 0, 0, 0, 0,
					0, 1, 0xcc, 0, 0,    0,	   3, 1, 2, 3, 0, 0};

	(void)state;
	for (size_t piece = 1; piece <= sizeof(bytes); piece++) {
		AUTO_BUF struct buf seen = {0};
		struct net_stream_in in;
		struct err e = {0};

		net_stream_in_init(&in);
		assert_int_equal(feed(&in, bytes, sizeof(bytes), piece, &seen, &e), 0);
		assert_string_equal(buf_text(&seen), "2:aa;0:00;1:cc;3:01;");
		net_stream_in_fini(&in);
	}
}

static void test_largest(void **state)
{
	AUTO_FREE uint8_t *bytes = mem_alloc(3 * (4 + NET_STREAM_FRAME_MAX));
	AUTO_BUF struct buf seen = {0};
	struct net_stream_in in;
	struct err e = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		uint8_t *p = bytes + i * (4 + NET_STREAM_FRAME_MAX);

		p[1] = NET_STREAM_FRAME_MAX >> 16 & 0xff;
		p[2] = NET_STREAM_FRAME_MAX >> 8 & 0xff;
		p[3] = NET_STREAM_FRAME_MAX & 0xff;
		p[4] = (uint8_t)(0xa0 + i);
	}
	net_stream_in_init(&in);
	assert_int_equal(feed(&in, bytes, 3 * (4 + NET_STREAM_FRAME_MAX), 100000, &seen, &e), 0);
	assert_string_equal(buf_text(&seen), "69632:a0;69632:a1;69632:a2;");
	net_stream_in_fini(&in);
}

static void test_oversize(void **state)
{
	static const struct {
		uint8_t header[4];
	} rows[] = {
		{{0, 1, 0x10, 1}}, {{1, 0, 0, 0}}, {{0xff, 0xff, 0xff, 0xff}}, {{0x80, 0, 0, 0}}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF struct buf seen = {0};
		struct net_stream_in in;
		struct err e = {0};

		net_stream_in_init(&in);
		assert_int_equal(feed(&in, rows[i].header, 4, 1, &seen, &e), -1);
		assert_non_null(strstr(e.text, "the largest is 69632"));
		net_stream_in_fini(&in);
	}
}

static void test_out_bounded(void **state)
{
	AUTO_FREE uint8_t *frame = mem_alloc(NET_STREAM_FRAME_MAX);
	struct net_stream_out out = {0};
	struct err e = {0};
	int pair[2];
	size_t queued = 0;
	size_t got = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	while (net_stream_out_add(&out, frame, 1514))
		queued++;
	assert_int_equal(queued, NET_STREAM_OUT_MAX / 1518);
	assert_true(net_stream_out_is_high(&out));
	assert_int_equal(out.dropped, 1);
	/* The socket takes part of it; that must neither block nor lose a byte. */
	while (got < queued * 1518) {
		uint8_t chunk[65536];
		ssize_t n;

		assert_int_equal(net_stream_out_flush(&out, pair[0], &e), 0);
		n = read(pair[1], chunk, sizeof(chunk));
		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_int_equal(buf_len(&out.queue), 0);
	/* A closed end is an error with its errno, and no signal. */
	close(pair[1]);
	assert_true(net_stream_out_add(&out, frame, 60));
	assert_int_equal(net_stream_out_flush(&out, pair[0], &e), -1);
	assert_int_equal(e.sys, EPIPE);
	close(pair[0]);
	net_stream_out_fini(&out);
}

static void test_read_eof(void **state)
{
	struct net_stream_in in;
	struct err e = {0};
	int pair[2];
	bool eof;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	net_stream_in_init(&in);
	assert_int_equal(net_stream_in_read(&in, pair[0], &eof, &e), 0);
	assert_int_equal(write(pair[1], "\0\0\0\1x", 5), 5);
	assert_int_equal(net_stream_in_read(&in, pair[0], &eof, &e), 1);
	close(pair[1]);
	assert_int_equal(net_stream_in_read(&in, pair[0], &eof, &e), -1);
	assert_true(eof);
	close(pair[0]);
	net_stream_in_fini(&in);
}

static void on_line(void *ctx, const char *line, size_t len)
{
	buf_addf(ctx, "%zu:%.3s;", len, line);
}

static void test_lines(void **state)
{
	AUTO_BUF struct buf text = {0};

	(void)state;
	buf_addf(&text, "one\n\n{\"type\":\"stats\"}\n");
	for (int i = 0; i < NET_CONTROL_LINE_MAX; i++)
		buf_add(&text, "x", 1);
	buf_addf(&text, "\nafter\n");
	for (int i = 0; i < NET_CONTROL_LINE_MAX - 1; i++)
		buf_add(&text, "y", 1);
	buf_addf(&text, "\nopen");
	for (size_t piece = 1; piece <= buf_len(&text); piece = piece * 3 - 1 + (piece == 1)) {
		AUTO_BUF struct buf seen = {0};
		struct net_control_lines *lines = mem_alloc(sizeof(*lines));

		for (size_t at = 0; at < buf_len(&text); at += piece) {
			size_t n = buf_len(&text) - at < piece ? buf_len(&text) - at : piece;

			net_control_split(lines, (const char *)buf_data(&text) + at, n, on_line,
					  &seen);
		}
		assert_string_equal(buf_text(&seen), "3:one;0:;16:{\"t;5:aft;4095:yyy;");
		assert_int_equal(lines->skipped, 1);
		free(lines);
	}
}

#define FILL(text) (memset(text, 1, sizeof(text) - 1))

/* The longest lines there can be are taken; what a reader leaves is bounded, and counted. */
static void test_reports_bounded(void **state)
{
	struct netctl_report r = {.type = NETCTL_EGRESS,
				  .port = 65535,
				  .count = INT32_MAX,
				  .first_ms = INT64_MAX,
				  .last_ms = INT64_MAX};
	struct netctl_stats stats;
	struct net_control c;

	(void)state;
	net_control_init(&c, -1);
	FILL(r.verdict);
	FILL(r.name);
	FILL(r.address);
	FILL(r.proto);
	FILL(r.reason);
	memset(&stats, 0x80, sizeof(stats)); /* the longest numbers */
	net_control_report(&c, &r);
	net_control_stats(&c, &stats);
	assert_int_equal(c.dropped, 0);
	assert_true(net_control_has_output(&c));
	while (!c.dropped)
		net_control_report(&c, &r);
	assert_int_equal(c.dropped, 1);
	assert_true(buf_len(&c.out) <= NET_CONTROL_OUT_MAX);
	assert_int_equal(((const char *)buf_data(&c.out))[buf_len(&c.out) - 1], '\n');
	net_control_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_oversize),
		cmocka_unit_test(test_out_bounded),
		cmocka_unit_test(test_read_eof),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_reports_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
