/* session: one guest with its agent, from start to teardown, as a state machine in one event loop.
 *
 * created → starting → seeding → ready → running → stopping → ended, and failed from anywhere.
 * Each change is an event: one JSON object, sent to every client and kept in status.json. */
#ifndef CCVM_SESSION_SESSION_H
#define CCVM_SESSION_SESSION_H

/* Serves the session that the client on this connected socket starts (src/proto/wire.h). Returns
 * when everything it started is gone and its directory is removed. The working directory is the
 * workspace. */
int session_main(int client_fd);

#endif
