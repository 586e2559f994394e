/* areas: base
 * files: src/proto/message.c src/proto/wire.c src/proto/request.c src/proto/hostenv.c src/proto/outcome.c src/proto/document.c
 * Any bytes from a client: the frames lie inside what came, their lengths add up, writing them
 * again gives the same bytes, and cut into pieces (the first byte says how large) they are the
 * same frames. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "proto/wire.h"

#include <stdlib.h>
#include <string.h>

/* Takes every whole frame from in and writes it to out; the last answer of wire_next. */
static int take(struct buf *in, struct buf *out)
{
	struct wire_frame f;
	int rc;

	while ((rc = wire_next(in, &f)) == 1) {
		MUST(f.n <= WIRE_PAYLOAD_MAX && f.n + WIRE_HEADER_SIZE <= buf_len(in));
		MUST(f.payload == buf_data(in) + WIRE_HEADER_SIZE);
		wire_put(out, f.type, f.payload, f.n);
		buf_drop(in, f.n + WIRE_HEADER_SIZE);
	}
	MUST(rc == 0 || rc == -1);
	return rc;
}

static int read_in_pieces(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
	AUTO_BUF struct buf in = {0};
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < size; at += piece) {
		buf_add(&in, data + at, size - at < piece ? size - at : piece);
		rc = take(&in, out);
	}
	MUST(rc < 0 || buf_len(out) + buf_len(&in) == size);
	return rc;
}

/* One frame alone, in memory that ends where the bytes do. */
static void check_exact(const uint8_t *data, size_t size)
{
	AUTO_FREE unsigned char *copy = malloc(size ? size : 1);
	struct buf in = {.bytes = copy, .end = size, .size = size};
	struct wire_frame f;

	memcpy(copy, data, size);
	if (wire_next(&in, &f) == 1)
		for (size_t i = 0; i < f.n; i++)
			MUST(f.payload[i] == data[WIRE_HEADER_SIZE + i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf whole = {0}, pieces = {0};
	size_t piece;

	if (!size)
		return 0;
	piece = (size_t)data[0] + 1;
	data++;
	size--;
	check_exact(data, size);
	MUST(read_in_pieces(data, size, size + 1, &whole) ==
	     read_in_pieces(data, size, piece, &pieces));
	MUST(buf_len(&whole) == buf_len(&pieces) &&
	     memcmp(buf_data(&whole), buf_data(&pieces), buf_len(&whole)) == 0);
	MUST(buf_len(&whole) <= size && memcmp(buf_data(&whole), data, buf_len(&whole)) == 0);
	return 0;
}
