/* recent: the directories that sessions were started in, newest first, in
 * $XDG_STATE_HOME/ccvm/recent (one a line). */
#ifndef CCVM_CLIENT_RECENT_H
#define CCVM_CLIENT_RECENT_H

#include "base/mem.h"

#define RECENT_MAX 50

/* Puts a directory in front. A path with a newline is left out; that the list cannot be written
 * is no error. */
void recent_add(const char *directory);
/* What is there, at most RECENT_MAX; nothing when there is no list. */
void recent_load(struct strv *out);
/* The same from a list's text. Pure. */
void recent_parse(const char *text, struct strv *out);

#endif
