/* net_reader: the one way to read untrusted bytes.
 *
 * A reader is a window with a position. Reading past the window's end returns zeros and sets
 * `failed`, which stays set: a parser reads a whole header and asks once, at the end, whether all
 * of it was there. */
#ifndef CCVM_NET_READER_H
#define CCVM_NET_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_reader {
	const uint8_t *bytes; /* borrowed */
	size_t at;	      /* next byte; at <= end */
	size_t end;	      /* one past the window */
	bool failed;	      /* something was asked for that is not inside */
};

static inline struct net_reader net_reader_init(const void *bytes, size_t n)
{
	return (struct net_reader){.bytes = bytes, .end = n};
}

static inline size_t net_reader_left(const struct net_reader *r)
{
	return r->end - r->at;
}

/* The next n bytes, or NULL when they are not all inside. Valid as long as the bytes given to
 * init. */
static inline const uint8_t *net_reader_take(struct net_reader *r, size_t n)
{
	if (r->failed || n > r->end - r->at) {
		r->failed = true;
		return NULL;
	}
	r->at += n;
	return r->bytes + (r->at - n);
}

static inline void net_reader_skip(struct net_reader *r, size_t n)
{
	(void)net_reader_take(r, n);
}

/* Unsigned integers in network byte order; 0 when they are not inside. */
static inline uint8_t net_reader_u8(struct net_reader *r)
{
	const uint8_t *p = net_reader_take(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t net_reader_u16(struct net_reader *r)
{
	const uint8_t *p = net_reader_take(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t net_reader_u32(struct net_reader *r)
{
	const uint8_t *p = net_reader_take(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

/* Narrows the window to the next n bytes; fails when they are not all inside. */
static inline void net_reader_limit(struct net_reader *r, size_t n)
{
	if (r->failed || n > r->end - r->at)
		r->failed = true;
	else
		r->end = r->at + n;
}

#endif
