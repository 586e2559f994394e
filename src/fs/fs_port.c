/* Theory of operation.
 *
 * 1. The socket is a stream: a request is served when it is whole, and its length is checked
 *    before any memory is asked for it.
 * 2. What the other end does not take is queued; while PORT_QUEUE_MAX bytes wait, no request is
 *    read. A guest that asks and never reads so stops itself, and the memory that it costs is
 *    bounded. */
#include "fs/fs_port.h"
#include "base/buf.h"
#include "fs/fs_message.h"
#include "fs/fs_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_QUEUE_MAX (4u << 20)
#define PORT_READ      (128u << 10)

struct port {
	int fd;
	struct fs_watch *watch;
	bool broken; /* nobody reads the answers */
	struct buf in, out;
};

static void port_flush(struct port *p)
{
	while (buf_len(&p->out)) {
		const ssize_t n = send(p->fd, buf_data(&p->out), buf_len(&p->out), MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			p->broken = errno != EAGAIN;
			return;
		}
		buf_drop(&p->out, (size_t)n);
	}
}

static void port_on_send(void *ctx, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;
	struct port *p = ctx;
	ssize_t sent = 0;

	if (!buf_len(&p->out))
		sent = send(p->fd, at, n, MSG_NOSIGNAL);
	if (sent < 0)
		sent = 0; /* port_flush finds out why */
	buf_add(&p->out, at + sent, n - (size_t)sent);
}

/* Serves what is whole; false: what is there is no request. */
static bool port_serve(struct port *p, struct fs_serve *s)
{
	while (buf_len(&p->out) < PORT_QUEUE_MAX) {
		const long n = fs_message_length(buf_data(&p->in), buf_len(&p->in));

		if (n < 0)
			return false;
		if (n == 0 || (size_t)n > buf_len(&p->in))
			return true;
		if (!fs_serve_request(s, buf_data(&p->in), (size_t)n))
			return false;
		buf_drop(&p->in, (size_t)n);
	}
	return true;
}

/* False: the end. */
static bool port_read(struct port *p, struct err *e, int *rc)
{
	const ssize_t n = recv(p->fd, buf_room(&p->in, PORT_READ), PORT_READ, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0 && errno != ECONNRESET)
		*rc = err_sys(e, "read from the port");
	if (n <= 0)
		return false;
	buf_grew(&p->in, (size_t)n);
	return true;
}

static int port_loop(struct port *p, struct fs_serve *s, struct err *e)
{
	int rc = 0;

	for (;;) {
		/* Changes wait, too, while nobody reads; the kernel's queue is bounded. */
		struct pollfd w[2] = {{.fd = p->fd, .events = buf_len(&p->out) ? POLLOUT : 0},
				      {.fd = -1, .events = POLLIN}};
		int ready;

		if (buf_len(&p->out) < PORT_QUEUE_MAX) {
			w[0].events |= POLLIN;
			w[1].fd = p->watch ? fs_watch_fd(p->watch) : -1;
		}
		ready = poll(w, 2, fs_serve_patience(s));
		if (ready < 0 && errno != EINTR)
			return err_sys(e, "wait for the port");
		if (w[0].revents & (POLLIN | POLLHUP | POLLERR) && !port_read(p, e, &rc))
			return rc;
		if (ready > 0 && w[1].revents)
			fs_serve_changes(s, p->watch);
		fs_serve_tick(s);
		if (!port_serve(p, s))
			return err_set(e, "the guest sent what is not a FUSE request");
		port_flush(p);
		if (p->broken)
			return 0;
	}
}

int fs_port_run(int fd, struct fs_tree *tree, struct fs_watch *watch, struct fs_policy *policy,
		const struct fs_port_journal *journal, size_t most_open, struct err *e)
{
	struct port p = {.fd = fd, .watch = watch};
	const struct fs_serve_callbacks callbacks = {.on_send = port_on_send, .ctx = &p};
	struct fs_serve *s;
	int rc;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "the port");
	s = fs_serve_new(tree, most_open, &callbacks);
	fs_serve_set_policy(s, policy);
	fs_serve_set_journal(s, journal->journal, journal->exports);
	rc = port_loop(&p, s, e);
	fs_serve_free(s);
	buf_fini(&p.in);
	buf_fini(&p.out);
	return rc;
}
