/* areas: base net proto
 * Any bytes from QEMU or the session: cut into pieces (the first byte says how large) they give
 * the same frames and lines as in one piece, and every byte is accounted for. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "net/net_control.h"
#include "net/net_stream.h"

#include <stdlib.h>
#include <string.h>

/* Appends each frame to *out behind its length; returns 0 or -1 as the decoder does. */
static int decode(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
	struct net_stream_in in;
	struct err e = {0};
	int rc = 0;

	net_stream_in_init(&in);
	while (size && rc == 0) {
		const uint8_t *frame;
		size_t room;
		uint8_t *p = net_stream_in_room(&in, &room);
		size_t n = size < piece ? size : piece;
		size_t len;

		n = n < room ? n : room;
		memcpy(p, data, n);
		net_stream_in_grew(&in, n);
		data += n;
		size -= n;
		while ((rc = net_stream_in_next(&in, &frame, &len, &e)) > 0) {
			MUST(len <= NET_STREAM_FRAME_MAX);
			buf_add(out, &len, sizeof(len));
			buf_add(out, frame, len);
		}
	}
	net_stream_in_fini(&in);
	return rc;
}

static void on_line(void *ctx, const char *line, size_t len)
{
	MUST(len < NET_CONTROL_LINE_MAX && line[len] == 0 && !memchr(line, '\n', len));
	buf_add(ctx, line, len + 1);
}

static uint64_t split(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
	struct net_control_lines lines = {0};

	for (size_t at = 0; at < size; at += piece)
		net_control_split(&lines, (const char *)data + at,
				  size - at < piece ? size - at : piece, on_line, out);
	return lines.skipped;
}

static void check_equal(const struct buf *a, const struct buf *b)
{
	MUST(buf_len(a) == buf_len(b));
	MUST(buf_len(a) == 0 || memcmp(buf_data(a), buf_data(b), buf_len(a)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf whole = {0};
	AUTO_BUF struct buf pieces = {0};
	AUTO_BUF struct buf whole_lines = {0};
	AUTO_BUF struct buf piece_lines = {0};
	size_t piece;

	if (!size)
		return 0;
	piece = (size_t)data[0] + 1;
	data++;
	size--;
	MUST(decode(data, size, SIZE_MAX, &whole) == decode(data, size, piece, &pieces));
	check_equal(&whole, &pieces);
	MUST(split(data, size, size + 1, &whole_lines) == split(data, size, piece, &piece_lines));
	check_equal(&whole_lines, &piece_lines);
	return 0;
}
