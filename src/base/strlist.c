#include "base/strlist.h"

#include <string.h>

void strlist_add(struct buf *list, const char *text)
{
	buf_add(list, text, strlen(text) + 1);
}

bool strlist_is_valid(const void *bytes, size_t n)
{
	return n <= STRLIST_MAX && (n == 0 || ((const char *)bytes)[n - 1] == '\0');
}

void strlist_split(const void *bytes, size_t n, struct strv *out)
{
	const char *end = (const char *)bytes + n;

	for (const char *p = bytes; p < end; p += strlen(p) + 1)
		strv_add(out, p);
}
