#include "conf/nearest.h"

#include <string.h>

#define NEAREST_LEN_MAX 64 /* longer names are not compared: nothing known is that long */

static char nearest_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static unsigned nearest_min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment, three rows at a time. */
unsigned nearest_distance(const char *a, const char *b)
{
	unsigned rows[3][NEAREST_LEN_MAX + 1];
	unsigned *prev2 = rows[0], *prev = rows[1], *row = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na > NEAREST_LEN_MAX || nb > NEAREST_LEN_MAX)
		return (unsigned)-1;
	for (size_t j = 0; j <= nb; j++)
		prev[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *spare = prev2;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			char ca = nearest_lower(a[i - 1]), cb = nearest_lower(b[j - 1]);
			unsigned d = nearest_min(nearest_min(prev[j], row[j - 1]) + 1,
						 prev[j - 1] + (ca != cb));

			if (i > 1 && j > 1 && ca == nearest_lower(b[j - 2]) &&
			    nearest_lower(a[i - 2]) == cb)
				d = nearest_min(d, prev2[j - 2] + 1);
			row[j] = d;
		}
		prev2 = prev;
		prev = row;
		row = spare;
	}
	return prev[nb];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	unsigned d = nearest_distance(n->wanted, candidate);
	unsigned limit = 1 + (unsigned)strlen(n->wanted) / 4;

	if (d > limit || (n->best && d >= n->distance))
		return;
	n->best = candidate;
	n->distance = d;
}
