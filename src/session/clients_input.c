#include "session/clients_input.h"

#include <string.h>

int clients_split_strings(const void *bytes, size_t n, struct strv *out)
{
	const char *p = bytes, *end = p + n;

	if (n && end[-1] != '\0')
		return -1;
	for (; p < end; p += strlen(p) + 1)
		strv_add(out, p);
	return 0;
}
