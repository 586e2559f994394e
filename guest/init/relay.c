/* Theory of operation.
 *
 * 1. Linux's virtio_console takes a buffer off its queue when the port is polled, whatever the
 *    caller polls for, and an interrupt that finds the queue empty wakes no process. A program that
 *    polls a port twice in one call, once for reading and then once for writing as sshd does, can
 *    lose a message: it arrives between the two, the second look takes it, and asks for something
 *    else. It is seen when the next one arrives, which may be never, since the host waits for an
 *    answer.
 * 2. So a port has one reader, which names it once in each poll: this. sshd gets a socket.
 * 3. A buffer for each way, filled only when empty: the relay stops reading from an end whose peer
 *    does not read. */
#include "init/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#define RELAY_ROOM 32768 /* the most a port takes at once */

struct relay_way {
	int from, to;
	size_t at, n; /* bytes[at..n) are still to go */
	bool ended;   /* from has no more */
	unsigned char bytes[RELAY_ROOM];
};

static bool relay_is_empty(const struct relay_way *w)
{
	return w->at == w->n;
}

static void relay_read(struct relay_way *w)
{
	const ssize_t n = read(w->from, w->bytes, sizeof(w->bytes));

	w->at = 0;
	w->n = n > 0 ? (size_t)n : 0;
	w->ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* False: it has no reader any more. */
static bool relay_write(struct relay_way *w)
{
	while (!relay_is_empty(w)) {
		const ssize_t n = write(w->to, w->bytes + w->at, w->n - w->at);

		if (n < 0 && errno != EINTR)
			return errno == EAGAIN;
		w->at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* What to wait for at one end: into carries bytes to it, out_of from it. */
static short relay_events(const struct relay_way *into, const struct relay_way *out_of)
{
	return (short)((relay_is_empty(into) ? 0 : POLLOUT) |
		       (relay_is_empty(out_of) && !out_of->ended ? POLLIN : 0));
}

void relay_run(int port, int socket)
{
	static struct relay_way in, out;

	in = (struct relay_way){.from = port, .to = socket};
	out = (struct relay_way){.from = socket, .to = port};
	while (!in.ended && !(out.ended && relay_is_empty(&out))) {
		struct pollfd p[] = {{.fd = port, .events = relay_events(&out, &in)},
				     {.fd = socket, .events = relay_events(&in, &out)}};

		if (poll(p, 2, -1) < 0)
			continue;
		if (relay_is_empty(&in) && p[0].revents & (POLLIN | POLLHUP | POLLERR))
			relay_read(&in);
		if (relay_is_empty(&out) && p[1].revents & (POLLIN | POLLHUP | POLLERR))
			relay_read(&out);
		if (!relay_write(&in) || !relay_write(&out))
			return;
	}
}
