/* buf: a byte queue that grows. Bytes go in at the end and come out at the front. */
#ifndef CCVM_BASE_BUF_H
#define CCVM_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	unsigned char *bytes; /* owned */
	size_t start;	      /* first byte still inside */
	size_t end;	      /* one past the last byte */
	size_t size;	      /* allocated */
	/* set before the first byte: dropped bytes are wiped, and all memory before it is freed */
	bool secret;
};

void buf_fini(struct buf *b);
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_drop(struct buf *b, size_t n); /* removes n bytes from the front; n <= buf_len */
void buf_cut(struct buf *b, size_t n);	/* keeps the first n bytes; n <= buf_len */
/* Room for n more bytes at the end; valid until the next call. Commit what was filled with
 * buf_grew. */
unsigned char *buf_room(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);

static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}
/* Never NULL, even when empty, so that it may be passed to memchr and the like. */
static inline const unsigned char *buf_data(const struct buf *b)
{
	return b->bytes ? b->bytes + b->start : (const unsigned char *)"";
}
/* The content as a C string (a NUL is kept behind it); valid until the next call. */
const char *buf_text(struct buf *b);

#define AUTO_BUF __attribute__((cleanup(buf_fini)))

#endif
