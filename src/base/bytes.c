#include "base/bytes.h"

void bytes_set_u16(unsigned char *p, uint16_t v)
{
	p[0] = (unsigned char)v;
	p[1] = (unsigned char)(v >> 8);
}

void bytes_set_u32(unsigned char *p, uint32_t v)
{
	bytes_set_u16(p, (uint16_t)v);
	bytes_set_u16(p + 2, (uint16_t)(v >> 16));
}

void bytes_put_u16(struct buf *out, uint16_t v)
{
	bytes_set_u16(buf_room(out, 2), v);
	buf_grew(out, 2);
}

void bytes_put_u32(struct buf *out, uint32_t v)
{
	bytes_set_u32(buf_room(out, 4), v);
	buf_grew(out, 4);
}

void bytes_put_u64(struct buf *out, uint64_t v)
{
	bytes_put_u32(out, (uint32_t)v);
	bytes_put_u32(out, (uint32_t)(v >> 32));
}

uint16_t bytes_get_u16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t bytes_get_u32(const unsigned char *p)
{
	return bytes_get_u16(p) | (uint32_t)bytes_get_u16(p + 2) << 16;
}

uint64_t bytes_get_u64(const unsigned char *p)
{
	return bytes_get_u32(p) | (uint64_t)bytes_get_u32(p + 4) << 32;
}
