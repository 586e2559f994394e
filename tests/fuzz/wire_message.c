/* areas: base
 * files: src/proto/message.c src/proto/wire.c src/proto/request.c src/proto/hostenv.c src/proto/outcome.c src/proto/document.c src/proto/view.c src/proto/links.c
 * Any bytes as the payload of any message (the first byte is its type): refused, or fields that
 * are written again as the same bytes. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "proto/view.h"
#include "proto/wire.h"

#include <stdlib.h>
#include <string.h>

static void check(const struct message_shape *shape, const uint8_t *data, size_t size)
{
	AUTO_FREE void *values = mem_alloc(shape->size);
	/* so that a byte read too much is seen */
	AUTO_FREE uint8_t *exact = mem_alloc(size ? size : 1);
	AUTO_BUF struct buf again = {0};

	if (size)
		memcpy(exact, data, size);
	if (message_get(shape, exact, size, values) < 0)
		return;
	message_put(shape, values, &again);
	MUST(buf_len(&again) == size && (size == 0 || memcmp(buf_data(&again), exact, size) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	for (size_t i = 0; i < wire_row_count; i++)
		if (wire_rows[i].shape && (uint8_t)wire_rows[i].type == data[0])
			check(wire_rows[i].shape, data + 1, size - 1);
	for (size_t i = 0; i < view_message_count; i++)
		if (view_message_rows[i].shape && (uint8_t)view_message_rows[i].type == data[0])
			check(view_message_rows[i].shape, data + 1, size - 1);
	return 0;
}
