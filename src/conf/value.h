/* value: reads, checks and prints the value of one option, by its type.
 *
 * An error's text begins with what is wrong with the value; the caller puts in front which
 * option it is and where it was written. A field is changed only by success. */
#ifndef CCVM_CONF_VALUE_H
#define CCVM_CONF_VALUE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "conf/option.h"

/* From the text of one JSON value. */
int value_from_json(const struct option *o, const char *json, size_t n, void *field, struct err *e);

/* From the text of an environment variable: 1/true/yes and 0/false/no, decimal numbers, words
 * with blanks between them for lists, a file's name for OPTION_TEXT. With o->adds, words are
 * added to the list. */
int value_from_variable(const struct option *o, const char *text, void *field, struct err *e);

/* 1/true/yes → 1, 0/false/no → 0, anything else -1. */
int value_parse_bool(const char *text);

/* Appends the value as JSON. */
void value_to_json(const struct option *o, const void *field, struct buf *out);

void value_fini(const struct option *o, void *field); /* frees; the field is zero afterwards */

#endif
