#include "session/logtail.h"
#include "base/log.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

void logtail_init(struct logtail *t, int dirfd, const char *name)
{
	memset(t, 0, sizeof(*t));
	t->fd = dirfd < 0 ? -1
			  : openat(dirfd, name,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void logtail_fini(struct logtail *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	buf_fini(&t->tail);
}

void logtail_add(struct logtail *t, const void *bytes, size_t n)
{
	if (t->fd >= 0 && t->written < LOGTAIL_FILE_MAX) {
		size_t part = n < LOGTAIL_FILE_MAX - t->written ? n : LOGTAIL_FILE_MAX - t->written;

		/* A full disk costs the log's rest, nothing else. */
		(void)!write(t->fd, bytes, part);
		t->written += part;
	}
	buf_add(&t->tail, bytes, n);
	if (buf_len(&t->tail) > LOGTAIL_MEMORY_MAX)
		buf_drop(&t->tail, buf_len(&t->tail) - LOGTAIL_MEMORY_MAX);
}

void logtail_last_lines(const struct logtail *t, size_t lines, struct buf *out)
{
	const char *start = (const char *)buf_data(&t->tail), *end = start + buf_len(&t->tail);
	const char *p = end;

	if (start == end)
		return;
	if (p[-1] == '\n')
		p--;
	while (p > start && lines) {
		p--;
		if (*p == '\n' && --lines == 0)
			p++;
	}
	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t n = newline ? (size_t)(newline - p) : (size_t)(end - p);
		size_t shown = n && p[n - 1] == '\r' ? n - 1 : n;

		log_escape(out, p, shown, 400);
		buf_add(out, "\n", 1);
		p += n + 1;
	}
}
