#include "base/number.h"

#include <stddef.h>

const char *number_take(const char *text, int64_t *out)
{
	const int sign = *text == '-' ? -1 : 1;
	int64_t value = 0;

	text += sign < 0;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, sign * (*text - '0'), &value))
			return NULL;
	*out = value;
	return text;
}

bool number_parse(const char *text, int64_t least, int64_t most, int64_t *out)
{
	int64_t value;
	const char *end = number_take(text, &value);

	if (!end || *end || value < least || value > most || (*text == '-' && least >= 0))
		return false;
	*out = value;
	return true;
}
