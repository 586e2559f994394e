/* sessions: this user's running sessions, as their directories tell. */
#ifndef CCVM_CLIENT_SESSIONS_H
#define CCVM_CLIENT_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct sessions {
	char **id; /* owned */
	/* owned; the JSON of status.json; of one that has none yet, id, name and state */
	char **status;
	bool *dry; /* owned; a dry run's directory: nothing of it runs */
	size_t n;
};

/* The live ones and the dry runs. Cleans up after dead ones on the way. */
int sessions_list(struct sessions *s, struct err *e);
void sessions_fini(struct sessions *s);

/* The run directory of the live session with this id or unique name. Free it; NULL with *e. */
char *sessions_directory(const char *id_or_name, struct err *e);

/* What status.json of the live session or dry run with this id says; false: there is none such. */
struct json_line;
bool sessions_status(const char *id, struct json_line *out);

/* Connects to the session whose run directory this is. */
int sessions_connect_directory(const char *directory, struct err *e);

/* Connects to the live session with this id, or with this unique name. Returns the fd, or -1. */
int sessions_connect(const char *id_or_name, struct err *e);

#endif
