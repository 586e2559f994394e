/* firstuse: triggers kernel code changes that happen on first use, while only one processor runs.
 *
 * Tables that are looked up by a hash get its key with the first packet (DO_ONCE in linux/once.h):
 * a worker then takes the question for the key out of the code, most likely on another processor,
 * while the packet that brought it about is still on its way through that code. QEMU's emulator
 * does not survive that (cpus.c): in some guests the agent's first curl ended in "int3: 0000". So a
 * connection of each kind is made here, over the loopback. Whether there is a firewall, which
 * follows connections, is known after `go` alone: a cold boot starts its processors after that, and
 * before a template is saved there is a rehearsal. The keys are then those of the template in every
 * clone: they spread tables and number connections that only this host sees. */
#include "init/boot.h"
#include "base/mem.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRSTUSE_CLOSED_PORT 9

union firstuse_address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static union firstuse_address firstuse_loopback(int family, uint16_t port)
{
	union firstuse_address a = {0};

	if (family == AF_INET)
		a.four = (struct sockaddr_in){.sin_family = AF_INET,
					      .sin_port = htons(port),
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	else
		a.six = (struct sockaddr_in6){.sin6_family = AF_INET6,
					      .sin6_port = htons(port),
					      .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	return a;
}

static socklen_t firstuse_size(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* From a socket to another on a port that the kernel chooses; with TCP the connection is made and
 * accepted. */
static void firstuse_connect_to(int family, int type)
{
	AUTO_CLOSE int server = socket(family, type | SOCK_CLOEXEC, 0),
		       client = socket(family, type | SOCK_CLOEXEC, 0);
	AUTO_CLOSE int accepted = -1;
	union firstuse_address at = firstuse_loopback(family, 0);
	socklen_t n = firstuse_size(family);

	if (bind(server, &at.any, n) < 0 || getsockname(server, &at.any, &n) < 0 ||
	    (type == SOCK_STREAM && listen(server, 1) < 0) || connect(client, &at.any, n) < 0)
		return;
	if (type == SOCK_STREAM)
		accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	(void)!send(client, "", 1, MSG_NOSIGNAL);
	(void)!recv(type == SOCK_STREAM ? accepted : server, (char[1]){0}, 1, MSG_DONTWAIT);
}

/* To a closed port: the refusal has a code path of its own. */
static void firstuse_be_refused(int family)
{
	AUTO_CLOSE int client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const union firstuse_address at = firstuse_loopback(family, FIRSTUSE_CLOSED_PORT);

	(void)!connect(client, &at.any, firstuse_size(family));
}

void firstuse_connect(void)
{
	static const int families[] = {AF_INET, AF_INET6}, types[] = {SOCK_STREAM, SOCK_DGRAM};

	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		for (size_t t = 0; t < ARRAY_LEN(types); t++)
			firstuse_connect_to(families[f], types[t]);
		firstuse_be_refused(families[f]);
	}
}

int firstuse_rehearse(struct err *e)
{
	return firewall_rehearse(firstuse_connect, e);
}
