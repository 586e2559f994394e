#include "proto/wire.h"
#include "base/bytes.h"
#include "base/mem.h"

void wire_put(struct buf *out, enum wire_type type, const void *payload, size_t n)
{
	unsigned char *p;

	if (n > WIRE_PAYLOAD_MAX)
		mem_die("frame too large");
	p = buf_room(out, WIRE_HEADER_SIZE);
	bytes_set_u32(p, (uint32_t)n);
	p[4] = (unsigned char)type;
	buf_grew(out, WIRE_HEADER_SIZE);
	buf_add(out, payload, n);
}

void wire_put_u32(struct buf *out, enum wire_type type, uint32_t value)
{
	unsigned char bytes[4];

	bytes_set_u32(bytes, value);
	wire_put(out, type, bytes, sizeof(bytes));
}

int wire_next(const struct buf *in, struct wire_frame *f)
{
	const unsigned char *p = buf_data(in);
	uint32_t n;

	if (buf_len(in) < WIRE_HEADER_SIZE)
		return 0;
	n = bytes_get_u32(p);
	if (n > WIRE_PAYLOAD_MAX)
		return -1;
	if (buf_len(in) - WIRE_HEADER_SIZE < n)
		return 0;
	f->type = (enum wire_type)p[4];
	f->payload = p + WIRE_HEADER_SIZE;
	f->n = n;
	return 1;
}
