/* The loop waits with poll(2) and not through libuv: libslirp tells its sockets anew each turn and takes the
 * answers as poll bits, so a loop that keeps registrations would have to compare two sets each turn, and pay
 * one epoll_ctl(2) a change. One process has one guest; a few hundred descriptors are nothing for poll(2).
 *
 * One turn: read once from QEMU, give every whole frame to libslirp, let libslirp serve its sockets, and
 * write once what all that made for the guest. So the cost of system calls is shared by the frames of a turn.
 */
#include "net/net_bridge.h"
#include "net/net_control.h"
#include "net/net_filter.h"
#include "net/net_frame.h"
#include "net/net_poll.h"
#include "net/net_slirp.h"
#include "net/net_stream.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Within a turn QEMU is given this much early, so that both processes work at once. */
#define FLUSH_EARLY (64 * 1024)

struct bridge_traffic {
	uint64_t frames;
	uint64_t bytes;
};

struct net_bridge {
	struct net_bridge_config config;
	struct net_stream_in in;
	struct net_stream_out out;
	struct net_filter filter;
	struct net_control control;
	struct net_slirp *slirp; /* owned */
	struct net_poll poll;
	struct bridge_traffic from_guest; /* passed on */
	struct bridge_traffic to_guest;
	bool logged[NET_FILTER_VERDICTS];
	bool done;   /* QEMU or the session has gone: an ordinary end */
	bool failed; /* in a callback; error says why */
	struct err error;
};

static void bridge_flush(struct net_bridge *b)
{
	if (b->failed || net_stream_out_flush(&b->out, b->config.qemu_fd, &b->error) == 0)
		return;
	/* A closed socket is how QEMU's end looks from here. */
	if (b->error.sys == EPIPE || b->error.sys == ECONNRESET)
		b->done = true;
	else
		b->failed = true;
	buf_fini(&b->out.queue);
}

static void bridge_on_frame(void *ctx, const void *bytes, size_t len)
{
	struct net_bridge *b = ctx;
	struct net_frame f;

	net_frame_parse(&f, bytes, len);
	if (net_filter_to_guest(&b->filter, &f) != NET_FILTER_PASS || b->done || b->failed)
		return;
	if (net_stream_out_add(&b->out, bytes, len)) {
		b->to_guest.frames++;
		b->to_guest.bytes += len;
	}
	if (buf_len(&b->out.queue) >= FLUSH_EARLY && !net_stream_out_is_high(&b->out))
		bridge_flush(b);
}

/* Once for each reason: a guest cannot fill the log, and the counters tell the rest. */
static void bridge_log_refusal(struct net_bridge *b, enum net_filter_verdict verdict,
			       const struct net_frame *f)
{
	if (b->logged[verdict])
		return;
	b->logged[verdict] = true;
	log_debug("first frame refused for \"%s\": %zu bytes, type %04x, protocol %u, fault: %s",
		  net_filter_name(verdict), f->len, f->ethertype, f->proto, net_frame_fault_name(f->fault));
}

static void bridge_take_frame(struct net_bridge *b, const uint8_t *bytes, size_t len, int64_t now_ms)
{
	enum net_filter_verdict verdict;
	struct net_frame f;

	net_frame_parse(&f, bytes, len);
	verdict = net_filter_from_guest(&b->filter, &f, now_ms);
	if (verdict != NET_FILTER_PASS) {
		bridge_log_refusal(b, verdict, &f);
		return;
	}
	b->from_guest.frames++;
	b->from_guest.bytes += len;
	net_slirp_input(b->slirp, bytes, len);
}

static int bridge_read_qemu(struct net_bridge *b, struct err *e)
{
	int64_t now_ms = net_slirp_now_ms();
	const uint8_t *frame;
	size_t len;
	bool eof;
	int rc = net_stream_in_read(&b->in, b->config.qemu_fd, &eof, e);

	if (rc <= 0) {
		b->done = b->done || eof;
		return eof ? 0 : rc;
	}
	while ((rc = net_stream_in_next(&b->in, &frame, &len, e)) > 0)
		bridge_take_frame(b, frame, len, now_ms);
	return rc;
}

static void bridge_send_stats(struct net_bridge *b)
{
	char refused[1024] = "";
	size_t n = 0;

	for (int v = NET_FILTER_PASS + 1; v < NET_FILTER_VERDICTS && n < sizeof(refused); v++) {
		int wrote = snprintf(refused + n, sizeof(refused) - n, "%s\"%s\":%" PRIu64, n ? "," : "",
				     net_filter_name((enum net_filter_verdict)v), b->filter.count[v]);

		n += (size_t)wrote;
	}
	net_control_event(&b->control,
			  "{\"event\":\"stats\",\"from_guest\":{\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64
			  "},\"to_guest\":{\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"dropped\":%" PRIu64
			  ",\"urgent\":%" PRIu64 "},\"refused\":{%s}}",
			  b->from_guest.frames, b->from_guest.bytes, b->to_guest.frames, b->to_guest.bytes,
			  b->out.dropped, b->filter.count_to_guest_urgent, refused);
}

/* Commands of the session. Lines that say nothing known are for a newer ccvm-net. */
static void bridge_on_line(void *ctx, const char *line, size_t len)
{
	static const struct {
		const char *line;
		void (*run)(struct net_bridge *b);
	} commands[] = {
	    {"{\"cmd\":\"stats\"}", bridge_send_stats},
	};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (len == strlen(commands[i].line) && memcmp(line, commands[i].line, len) == 0)
			commands[i].run(ctx);
}

static int bridge_read_control(struct net_bridge *b, struct err *e)
{
	int rc = net_control_read(&b->control, bridge_on_line, b, e);

	if (rc == 0)
		b->done = true;
	return rc < 0 ? -1 : 0;
}

struct net_bridge *net_bridge_new(const struct net_bridge_config *config)
{
	struct net_bridge *b = mem_alloc(sizeof(*b));
	const struct net_slirp_config slirp = {.host_loopback = config->host_loopback,
					       .ipv6 = config->ipv6,
					       .mtu = config->mtu,
					       .on_frame = bridge_on_frame,
					       .ctx = b};

	b->config = *config;
	net_stream_in_init(&b->in);
	net_filter_init(&b->filter, config->mtu);
	net_control_init(&b->control, config->control_fd);
	b->slirp = net_slirp_new(&slirp);
	return b;
}

void net_bridge_free(struct net_bridge *b)
{
	if (!b)
		return;
	b->done = true; /* what libslirp says while it goes is for nobody */
	net_slirp_free(b->slirp);
	net_stream_in_fini(&b->in);
	net_stream_out_fini(&b->out);
	net_control_fini(&b->control);
	net_poll_fini(&b->poll);
	free(b);
}

void net_bridge_prime_resolver(struct net_bridge *b)
{
	net_slirp_prime_resolver(b->slirp);
}

void net_bridge_announce(struct net_bridge *b, int landlock_abi)
{
	net_control_event(&b->control,
			  "{\"event\":\"ready\",\"landlock\":%s,\"landlock_abi\":%d,\"ipv6\":%s,\"mtu\":%u}",
			  landlock_abi > 0 ? "true" : "false", landlock_abi,
			  b->config.ipv6 ? "true" : "false", b->config.mtu);
}

static int bridge_turn(struct net_bridge *b, struct err *e)
{
	bool out_high = net_stream_out_is_high(&b->out);
	int qemu;
	int control;
	int wait_ms;
	int n;

	net_poll_clear(&b->poll);
	qemu = net_poll_add(&b->poll, b->config.qemu_fd, buf_len(&b->out.queue) ? POLLIN | POLLOUT : POLLIN);
	control = net_poll_add(&b->poll, b->config.control_fd,
			       net_control_has_output(&b->control) ? POLLIN | POLLOUT : POLLIN);
	wait_ms = net_slirp_fill(b->slirp, &b->poll, !out_high);
	n = poll(b->poll.fds, b->poll.n, wait_ms);
	if (n < 0 && errno != EINTR)
		return err_sys(e, "poll");
	if (n > 0 && net_poll_revents(&b->poll, control) & (POLLIN | POLLHUP | POLLERR) &&
	    bridge_read_control(b, e) < 0)
		return -1;
	if (n > 0 && net_poll_revents(&b->poll, qemu) & (POLLIN | POLLHUP | POLLERR) &&
	    bridge_read_qemu(b, e) < 0)
		return -1;
	if (b->done)
		return 0;
	net_slirp_turn(b->slirp, &b->poll, n < 0);
	bridge_flush(b);
	if (net_control_flush(&b->control, e) < 0)
		b->done = true; /* it has closed its end: the same as end of file */
	if (b->failed) {
		*e = b->error;
		return -1;
	}
	return 0;
}

int net_bridge_run(struct net_bridge *b, struct err *e)
{
	struct err ignored;
	int rc = 0;

	if (net_control_flush(&b->control, &ignored) < 0)
		b->done = true;
	while (!b->done && rc == 0)
		rc = bridge_turn(b, e);
	bridge_send_stats(b);
	(void)net_control_flush(&b->control, &ignored);
	return rc;
}
