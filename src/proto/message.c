/* Theory of operation. Payloads come from other processes, some of which a guest may have taken
 * over.
 *
 * 1. A field's length is compared with what is left before it is read.
 * 2. Every value has one form: what message_get accepts, message_put writes again byte for byte. So
 *    two readers cannot understand a payload differently.
 * 3. Nothing is allocated and nothing kept: bytes point into the payload. */
#include "proto/message.h"
#include "base/bytes.h"

#include <string.h>

static size_t message_width(enum message_kind kind)
{
	static const size_t widths[] = {
		[MESSAGE_U8] = 1,   [MESSAGE_U16] = 2,	   [MESSAGE_U32] = 4, [MESSAGE_U64] = 8,
		[MESSAGE_FLAG] = 1, [MESSAGE_COUNTED] = 2, [MESSAGE_REST] = 0};

	return widths[kind];
}

static void message_put_field(const struct message_field *f, const void *values, struct buf *out)
{
	const void *at = (const char *)values + f->at;
	const struct message_bytes *bytes = at;

	switch (f->kind) {
	case MESSAGE_U8:
		buf_add(out, at, 1);
		return;
	case MESSAGE_U16:
		bytes_put_u16(out, *(const uint16_t *)at);
		return;
	case MESSAGE_U32:
		bytes_put_u32(out, *(const uint32_t *)at);
		return;
	case MESSAGE_U64:
		bytes_put_u64(out, *(const uint64_t *)at);
		return;
	case MESSAGE_FLAG:
		buf_add(out, *(const bool *)at ? "\1" : "\0", 1);
		return;
	case MESSAGE_COUNTED:
		if (bytes->n > UINT16_MAX)
			mem_die("a counted field is too long");
		bytes_put_u16(out, (uint16_t)bytes->n);
		buf_add(out, bytes->p, bytes->n);
		return;
	case MESSAGE_REST:
		buf_add(out, bytes->p, bytes->n);
		return;
	}
}

void message_put(const struct message_shape *shape, const void *values, struct buf *out)
{
	for (size_t i = 0; i < shape->n; i++)
		message_put_field(&shape->field[i], values, out);
}

/* Sets a number from p, where its bytes are; false for a flag that is none. */
static bool message_get_number(enum message_kind kind, const unsigned char *p, void *at)
{
	if (kind == MESSAGE_U8)
		*(uint8_t *)at = p[0];
	else if (kind == MESSAGE_U16)
		*(uint16_t *)at = bytes_get_u16(p);
	else if (kind == MESSAGE_U32)
		*(uint32_t *)at = bytes_get_u32(p);
	else if (kind == MESSAGE_U64)
		*(uint64_t *)at = bytes_get_u64(p);
	else
		*(bool *)at = p[0] == 1;
	return kind != MESSAGE_FLAG || p[0] <= 1;
}

int message_get(const struct message_shape *shape, const void *payload, size_t n, void *values)
{
	const unsigned char *p = payload, *end = p + n;

	for (size_t i = 0; i < shape->n; i++) {
		const enum message_kind kind = shape->field[i].kind;
		void *at = (char *)values + shape->field[i].at;
		size_t width = message_width(kind);

		if ((size_t)(end - p) < width)
			return -1;
		if (kind == MESSAGE_COUNTED || kind == MESSAGE_REST) {
			const size_t length = kind == MESSAGE_REST ? (size_t)(end - p)
								   : bytes_get_u16(p);

			p += width;
			if ((size_t)(end - p) < length)
				return -1;
			*(struct message_bytes *)at = (struct message_bytes){p, length};
			width = length;
		} else if (!message_get_number(kind, p, at)) {
			return -1;
		}
		p += width;
	}
	return p == end ? 0 : -1;
}
