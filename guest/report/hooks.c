#include "report/hooks.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proto/names.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HOOKS_MAX                                                                                  \
	10 /* a second; claude reports one every few seconds, an agent that wants to flood the host many */

int hooks_open(struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = NAME_HOOK_SOCKET};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(e, "socket");
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    chmod(NAME_HOOK_SOCKET, 0666) < 0) {
		err_sys(e, "bind %s", NAME_HOOK_SOCKET);
		close(fd);
		return -1;
	}
	return fd;
}

const char *hooks_name(const char *bytes, size_t n)
{
	static const char *const names[] = {NAME_HOOKS};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == n && memcmp(names[i], bytes, n) == 0)
			return names[i];
	return NULL;
}

/* False: too many in this second. */
static bool hooks_have_room(void)
{
	static int64_t second;
	static int taken;
	const int64_t now = clock_mono_ms() / 1000;

	if (now != second)
		taken = 0;
	second = now;
	return taken++ < HOOKS_MAX;
}

const char *hooks_next(int fd)
{
	char bytes[16];
	ssize_t n;

	while (fd >= 0 && (n = recv(fd, bytes, sizeof(bytes), MSG_TRUNC)) >= 0) {
		const char *name = (size_t)n <= sizeof(bytes) ? hooks_name(bytes, (size_t)n) : NULL;

		if (name && hooks_have_room())
			return name;
	}
	return NULL;
}
