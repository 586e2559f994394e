/* number: decimal numbers in text. Strict: digits alone, no blanks, no plus sign, nothing that
 * overflows; a minus sign only where the bounds allow negative numbers. Pure. */
#ifndef CCVM_BASE_NUMBER_H
#define CCVM_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* The whole text as a number from least to most, both included. False leaves *out unchanged. */
bool number_parse(const char *text, int64_t least, int64_t most, int64_t *out);
/* Reads the number at the start of the text. Returns a pointer behind it, or NULL when there is
 * none or it is too large. */
const char *number_take(const char *text, int64_t *out);

#endif
