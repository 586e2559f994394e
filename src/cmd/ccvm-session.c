/* ccvm-session: runs one session; started by ccvm (and other clients) with a connected socket as
 * fd 3. */
#include "base/log.h"
#include "session/session.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SESSION_CLIENT_FD 3

int main(int argc, char **argv)
{
	int type;
	socklen_t size = sizeof(type);

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("ccvm-session %s\n", CCVM_VERSION);
		return 0;
	}
	log_init("ccvm-session", LOG_LEVEL_NOTE);
	if (getsockopt(SESSION_CLIENT_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0) {
		log_error("is started by ccvm, not by hand");
		return 2;
	}
	return session_main(SESSION_CLIENT_FD);
}
