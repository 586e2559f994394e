/* strlist: a list of NUL-ended strings in one buffer. The agent's arguments and variables travel in
 * this form only: from ccvm's command line through the session and the seed to the guest's
 * ccvm-launch, without being parsed on the way. */
#ifndef CCVM_BASE_STRLIST_H
#define CCVM_BASE_STRLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/mem.h"

#define STRLIST_MAX                                                                                \
	(4u << 20) /* bytes of a list: more than Linux hands to a program with its usual stack */

void strlist_add(struct buf *list, const char *text);
/* Every string is ended, and the whole within STRLIST_MAX. Pure. */
bool strlist_is_valid(const void *bytes, size_t n);
/* Appends each string of a valid list. */
void strlist_split(const void *bytes, size_t n, struct strv *out);

#endif
