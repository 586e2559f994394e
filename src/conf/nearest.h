/* nearest: the known name a mistyped one most likely meant. */
#ifndef CCVM_CONF_NEAREST_H
#define CCVM_CONF_NEAREST_H

#include <stddef.h>

/* Keeps the best of the names offered so far; start with {.wanted = name}. */
struct nearest {
	const char *wanted;
	const char *best; /* borrowed; NULL while nothing is near enough to be worth naming */
	unsigned distance;
};

void nearest_offer(struct nearest *n, const char *candidate);

/* Edits between two names (insert, delete, replace, swap of neighbours), case ignored. */
unsigned nearest_distance(const char *a, const char *b);

#endif
