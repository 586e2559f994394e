/* term: ccvm-term's work: the agent's output in, frames for viewers out, over one socket to
 * ccvm-session. */
#ifndef CCVM_TERM_TERM_H
#define CCVM_TERM_TERM_H

#include <stddef.h>

#define TERM_VIEWERS	 32
#define TERM_FRAME_MS	 16	/* at most one frame a viewer in that time */
#define TERM_SYNC_MS	 150	/* how long a program may hold back an update */
#define TERM_HISTORY	 10000	/* unless told otherwise */
#define TERM_HISTORY_MAX 100000 /* of the option tui.history */

/* Serves until the socket ends (0) or breaks (1). The process should be confined before. */
int term_run(int fd, size_t history);

#endif
