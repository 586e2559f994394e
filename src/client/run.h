/* run: this process's stdio as a session's terminal or pipes, until the session is over. */
#ifndef CCVM_CLIENT_RUN_H
#define CCVM_CLIENT_RUN_H

#include <stdbool.h>
#include <sys/types.h>

#include "client/events.h"

struct run_terminal {
	bool tty;      /* stdin and stdout are a terminal, and the guest has one */
	bool filter;   /* terminal.filter */
	bool suspends; /* Ctrl+Z is for this program: the agent's has no shell behind it */
};

struct run_result {
	int code;	 /* what to exit with */
	char *directory; /* owned; dry run: the run directory that was kept */
};

/* session_fd: the connected socket, taken over; session: the session's pid, a child. Prints
 * failures of ccvm's own to stderr. */
void run_session(int session_fd, pid_t session, const struct run_terminal *t, struct events *ev,
		 struct run_result *result);

#endif
