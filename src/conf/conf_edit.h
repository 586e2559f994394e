/* conf_edit: changes one entry of a list in the config file and leaves every other byte as it
 * is: comments, order, layout. */
#ifndef CCVM_CONF_CONF_EDIT_H
#define CCVM_CONF_CONF_EDIT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends a string to the list of this name, in the list's own layout. `name` stands in front of
 * errors. Pure. */
int conf_edit_add_text(const char *text, size_t n, const char *list, const char *value,
		       const char *name, struct buf *out, struct err *e);

/* Removes the string that `same` finds to be the value. Pure but for `same`. */
int conf_edit_remove_text(const char *text, size_t n, const char *list, const char *value,
			  const char *name, struct buf *out, struct err *e);

/* The same on the config file: read, changed, checked by reading the result as configuration,
 * and replaced as a whole, through symbolic links and with its mode. */
int conf_edit_add(const char *path, const char *list, const char *value, struct err *e);
int conf_edit_remove(const char *path, const char *list, const char *value, struct err *e);

#endif
