/* events: where a session's events go: CCVM_EVENTS, the progress line, --ccvm-debug. */
#ifndef CCVM_CLIENT_EVENTS_H
#define CCVM_CLIENT_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct events {
	int fd;	       /* CCVM_EVENTS; owned when opened here, -1: none */
	size_t room;   /* in a file opened here; 0: no limit */
	bool progress; /* stderr is a terminal */
	bool debug;    /* every event on stderr */
	bool line_shown;
	char unpasted[256]; /* why the last image that the user wanted to paste did not come */
};

/* target: the value of CCVM_EVENTS (an fd's number, or a path that is appended to), or NULL. The
 * file is a regular one of this user's, outside of the working directory, and is opened by way
 * of no link (base/trustpath.h). */
int events_init(struct events *ev, const char *target, bool debug, struct err *e);

/* One event of the session, JSON without newline. Notes go to stderr; its states move the
 * progress line. */
void events_take(struct events *ev, const char *json, size_t n);

/* At the end of a session that had the terminal: what could not be said while the agent had it. */
void events_finish(struct events *ev);

/* Removes the progress line, before anything else is written to the terminal. */
void events_clear_line(struct events *ev);

#endif
