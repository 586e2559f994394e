#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

_Noreturn void mem_die(const char *what)
{
	fprintf(stderr, "ccvm: internal error: %s\n", what);
	abort();
}

void *mem_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		mem_die("out of memory");
	return p;
}

void *mem_alloc_array(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		mem_die("out of memory");
	return p;
}

void *mem_resize(void *p, size_t n, size_t size)
{
	void *q;

	if (size && n > SIZE_MAX / size)
		mem_die("allocation size overflow");
	n *= size;
	q = realloc(p, n ? n : 1);
	if (!q)
		mem_die("out of memory");
	return q;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
	char *p = mem_alloc(n + 1);

	memcpy(p, s, n);
	return p;
}

char *mem_vformat(const char *fmt, va_list ap)
{
	char *p = NULL;

	if (vasprintf(&p, fmt, ap) < 0)
		mem_die("out of memory");
	return p;
}

char *mem_format(const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = mem_vformat(fmt, ap);
	va_end(ap);
	return p;
}

void strv_take(struct strv *s, char *value)
{
	if (s->n + 2 > s->size) {
		s->size = s->size ? s->size * 2 : 8;
		s->v = mem_resize(s->v, s->size, sizeof(*s->v));
	}
	s->v[s->n++] = value;
	s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *value)
{
	strv_take(s, mem_strdup(value));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(s, mem_vformat(fmt, ap));
	va_end(ap);
}

void strv_fini(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	memset(s, 0, sizeof(*s));
}

struct secret {
	size_t mapped;
	size_t n;
	char text[];
};

void secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

struct secret *secret_new(const void *bytes, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t mapped = (sizeof(struct secret) + n + 1 + page - 1) / page * page;
	struct secret *s = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);

	if (s == MAP_FAILED)
		mem_die("out of memory");
	/* Both are best effort: the lock keeps the secret out of swap, the advice out of core dumps
	 * and forked children. */
	(void)mlock(s, mapped);
	(void)madvise(s, mapped, MADV_DONTDUMP);
	(void)madvise(s, mapped, MADV_WIPEONFORK);
	s->mapped = mapped;
	s->n = n;
	memcpy(s->text, bytes, n);
	return s;
}

const char *secret_text(const struct secret *s)
{
	return s->text;
}

size_t secret_size(const struct secret *s)
{
	return s->n;
}

void secret_free(struct secret *s)
{
	if (!s)
		return;
	secret_wipe(s->text, s->n);
	munmap(s, s->mapped);
}
