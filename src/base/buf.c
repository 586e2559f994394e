#include "base/buf.h"
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void buf_fini(struct buf *b)
{
	if (b->secret && b->bytes)
		secret_wipe(b->bytes, b->size);
	free(b->bytes);
	memset(b, 0, sizeof(*b));
}

static unsigned char *buf_grow(struct buf *b, size_t size)
{
	unsigned char *bytes;

	if (!b->secret || !b->bytes)
		return mem_resize(b->bytes, size, 1);
	/* realloc(3) would not wipe the old bytes. */
	bytes = mem_resize(NULL, size, 1);
	memcpy(bytes, b->bytes, b->end);
	secret_wipe(b->bytes, b->size);
	free(b->bytes);
	return bytes;
}

unsigned char *buf_room(struct buf *b, size_t n)
{
	if (b->start == b->end)
		b->start = b->end = 0;
	if (b->size - b->end >= n && b->bytes)
		return b->bytes + b->end;
	if (b->start) {
		memmove(b->bytes, b->bytes + b->start, b->end - b->start);
		b->end -= b->start;
		if (b->secret) /* wipes the old place of the moved bytes */
			secret_wipe(b->bytes + b->end, b->start);
		b->start = 0;
	}
	if (b->size - b->end < n || !b->bytes) {
		size_t want = b->end + n;
		size_t size = b->size < 256 ? 256 : b->size;

		if (want < n || want > SIZE_MAX / 2)
			mem_die("buffer size overflow");
		while (size < want)
			size *= 2;
		b->bytes = buf_grow(b, size);
		b->size = size;
	}
	return b->bytes + b->end;
}

void buf_grew(struct buf *b, size_t n)
{
	if (n > b->size - b->end)
		mem_die("buffer overrun");
	b->end += n;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (!n)
		return;
	memcpy(buf_room(b, n), bytes, n);
	b->end += n;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vformat(fmt, ap);
	va_end(ap);
	buf_add(b, text, strlen(text));
}

void buf_drop(struct buf *b, size_t n)
{
	if (n > buf_len(b))
		mem_die("buffer underrun");
	if (b->secret && n)
		secret_wipe(b->bytes + b->start, n);
	b->start += n;
}

void buf_cut(struct buf *b, size_t n)
{
	if (n > buf_len(b))
		mem_die("buffer underrun");
	b->end = b->start + n;
}

const char *buf_text(struct buf *b)
{
	*buf_room(b, 1) = 0;
	return (const char *)b->bytes + b->start;
}
