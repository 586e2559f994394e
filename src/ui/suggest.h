/* suggest: directories that match what is being typed. */
#ifndef CCVM_UI_SUGGEST_H
#define CCVM_UI_SUGGEST_H

#include <stdbool.h>

#include "base/mem.h"

/* "~" and "~/…" stand for the home directory. Free it. */
char *suggest_expand(const char *typed);
/* The directories that what is typed may become: those below it by name, then recent ones that
 * contain it. At most max. Hidden ones only when their dot was typed. Without typed_by_hand the
 * text is one that was offered: all other recent ones. */
void suggest_directories(const char *typed, bool typed_by_hand, const struct strv *recent,
			 size_t max, struct strv *out);
/* How far all directories of that name agree, when that is further than typed; else NULL. A
 * single one ends with a slash. Free it. */
char *suggest_complete(const char *typed);

#endif
