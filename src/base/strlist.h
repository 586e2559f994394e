/* strlist: a list of strings in one piece of bytes, each of them ended by NUL. It is the one form in which the agent's arguments and
 * variables travel: from ccvm's command line through the session and the seed to the guest's ccvm-launch, nobody takes it apart between. */
#ifndef CCVM_BASE_STRLIST_H
#define CCVM_BASE_STRLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/mem.h"

#define STRLIST_MAX (4u << 20) /* bytes of a list: more than Linux hands to a program with its usual stack */

void strlist_add(struct buf *list, const char *text);
/* Every string is ended, and the whole within STRLIST_MAX. Pure. */
bool strlist_is_valid(const void *bytes, size_t n);
/* Appends each string of a valid list. */
void strlist_split(const void *bytes, size_t n, struct strv *out);

#endif
