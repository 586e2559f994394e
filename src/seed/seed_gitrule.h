/* seed_gitrule: which git settings may cross. Not for use outside src/seed. */
#ifndef CCVM_SEED_SEED_GITRULE_H
#define CCVM_SEED_SEED_GITRULE_H

#include <stdbool.h>

#include "base/mem.h"

enum seed_gitrule {
	SEED_GITRULE_KEEP,
	SEED_GITRULE_DROP,	 /* dropped silently: the guest sets it itself */
	SEED_GITRULE_CREDENTIAL, /* dropped with a note */
	SEED_GITRULE_DROP_NOTE,	 /* dropped with a note: the user may miss it */
	SEED_GITRULE_TOOL,     /* kept when the guest has the program that the value begins with */
	SEED_GITRULE_EXCLUDES, /* core.excludesFile: crosses by content */
};

/* The rule for a key as git prints it: section and key in lower case, subsection as written or
 * NULL, and its value or NULL. */
enum seed_gitrule seed_gitrule_find(const char *section, const char *subsection, const char *key,
				    const char *value);

/* Whether the command line begins with a program that the guest has. true and false are values of
 * pager.*. */
bool seed_gitrule_has_tool(const char *command, const struct strv *packages);

#endif
