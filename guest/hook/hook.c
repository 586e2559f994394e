/* ccvm-hook: run by claude at its hooks, with the hook's short name; tells ccvm-report and ends.
 *
 * Theory of operation. Unprivileged; claude waits for it, so it never blocks and always succeeds.
 * 1. What claude writes on stdin (the prompt, file names) is read and discarded: the host must not
 *    get it, and a closed pipe would be an error to claude.
 * 2. The name goes to root's datagram socket. The agent can send anything there itself: ccvm-report
 *    takes names from a closed list only, a few a second. */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/names.h"

int main(int argc, char **argv)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = NAME_HOOK_SOCKET};
	char forgotten[4096];
	int fd;

	while (read(STDIN_FILENO, forgotten, sizeof(forgotten)) > 0)
		;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (argc == 2 && fd >= 0)
		(void)!sendto(fd, argv[1], strlen(argv[1]), 0, (const struct sockaddr *)&to,
			      sizeof(to));
	return 0;
}
