/* mem: allocation that cannot fail, scope-bound cleanup, and a type for secrets.
 *
 * Running out of memory ends the process (also in release builds): no caller can do better. */
#ifndef CCVM_BASE_MEM_H
#define CCVM_BASE_MEM_H

#include <stddef.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

void *mem_alloc(size_t n);			  /* zeroed; free() */
void *mem_alloc_array(size_t n, size_t size);	  /* zeroed; stops on overflow of n * size */
void *mem_resize(void *p, size_t n, size_t size); /* realloc of n * size, not zeroed */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
char *mem_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *mem_vformat(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* Ends the process with a message: a broken invariant, never something a guest or user can
 * cause. */
_Noreturn void mem_die(const char *what);

/* A list of strings that ends with NULL, as execve takes it. */
struct strv {
	char **v; /* owned, each string owned; always NULL-terminated once something was added */
	size_t n;
	size_t size; /* allocated, the NULL included */
};
void strv_add(struct strv *s, const char *value);
void strv_addf(struct strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_take(struct strv *s, char *value); /* takes over value */
void strv_fini(struct strv *s);

/* A secret: known length, wiped on release, in pages of its own that are kept out of cores, swap
 * and forked children where the system allows. */
struct secret;
/* copies; the text is NUL-terminated after n bytes */
struct secret *secret_new(const void *bytes, size_t n);
const char *secret_text(const struct secret *s); /* valid until secret_free */
size_t secret_size(const struct secret *s);
void secret_free(struct secret *s);  /* wipes; NULL is fine */
void secret_wipe(void *p, size_t n); /* overwrites in a way the compiler keeps */

static inline void mem_cleanup_free(void *p)
{
	free(*(void **)p);
}
static inline void mem_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define AUTO_FREE  __attribute__((cleanup(mem_cleanup_free)))
#define AUTO_CLOSE __attribute__((cleanup(mem_cleanup_close)))
#define AUTO_STRV  __attribute__((cleanup(strv_fini)))

/* Hands a scope-bound pointer or fd to the caller. */
static inline void *mem_steal_ptr(void *pp)
{
	void *p = *(void **)pp;
	*(void **)pp = NULL;
	return p;
}
static inline int mem_steal_fd(int *fd)
{
	int v = *fd;
	*fd = -1;
	return v;
}
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
