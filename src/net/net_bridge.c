/* The loop waits with poll(2) and not through libuv: libslirp lists its sockets anew each turn and
 * takes the answers as poll bits, so a loop that keeps registrations would have to compare two sets
 * each turn, and pay one epoll_ctl(2) a change. One process has one guest; a few hundred
 * descriptors are nothing for poll(2).
 *
 * One turn: read once from QEMU, give every whole frame to libslirp, let libslirp serve its
 * sockets, and write once what all that made for the guest. So the cost of system calls is shared
 * by the frames of a turn.
 */
#include "net/net_bridge.h"
#include "base/clock.h"
#include "net/net_control.h"
#include "net/net_filter.h"
#include "net/net_frame.h"
#include "net/net_labels.h"
#include "net/net_locked.h"
#include "net/net_log.h"
#include "net/net_plan.h"
#include "net/net_packet.h"
#include "net/net_poll.h"
#include "net/net_reach.h"
#include "net/net_resolve.h"
#include "net/net_rules.h"
#include "net/net_slirp.h"
#include "net/net_stream.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/netctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Within a turn QEMU is given this much early, so that both processes work at once. */
#define FLUSH_EARLY  (64 * 1024)
#define PORT_DNS     53
#define UDP_AGAIN_MS 60000 /* datagrams to one destination are logged this often */

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
	struct net_slirp *slirp; /* owned, as all of these */
	struct net_log *log;
	struct net_reach *reach;
	struct net_labels *labels; /* open mode */
	struct net_locked *locked; /* locked mode, as the next two */
	struct net_resolve *resolve;
	struct net_rules rules;
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

static void bridge_to_guest(void *ctx, const uint8_t *bytes, size_t len)
{
	struct net_bridge *b = ctx;

	if (b->done || b->failed)
		return;
	if (net_stream_out_add(&b->out, bytes, len)) {
		b->to_guest.frames++;
		b->to_guest.bytes += len;
	}
	if (buf_len(&b->out.queue) >= FLUSH_EARLY && !net_stream_out_is_high(&b->out))
		bridge_flush(b);
}

/* Remembers the answers of the guest's resolver, to name its connections. */
static void bridge_learn(struct net_bridge *b, const struct net_frame *f)
{
	static const uint8_t resolver[4] = {NET_PLAN_RESOLVER4};

	if (f->has_transport && f->proto == NET_FRAME_PROTO_UDP && f->src_port == PORT_DNS &&
	    f->addr_len == 4 && memcmp(f->src, resolver, 4) == 0)
		net_labels_learn(b->labels, f->bytes + f->payload_at, f->payload_len);
}

static void bridge_on_frame(void *ctx, const void *bytes, size_t len)
{
	struct net_bridge *b = ctx;
	struct net_frame f;

	net_frame_parse(&f, bytes, len);
	if (net_filter_to_guest(&b->filter, &f) != NET_FILTER_PASS)
		return;
	if (b->locked) {
		net_locked_from_slirp(b->locked, bytes, len, clock_mono_ms());
		return;
	}
	bridge_learn(b, &f);
	bridge_to_guest(b, bytes, len);
}

/* Open mode: a line for each connection, and for datagrams now and then. */
static void bridge_log_open(struct net_bridge *b, const struct net_frame *f)
{
	const bool udp = f->proto == NET_FRAME_PROTO_UDP;
	struct net_address to;
	char address[NET_ADDRESS_TEXT_MAX];
	const char *label;
	struct net_log_entry e;

	if (!f->has_transport || f->layer == NET_FRAME_ARP ||
	    (!udp && f->proto != NET_FRAME_PROTO_TCP) ||
	    (!udp &&
	     (f->tcp_flags & (NET_FRAME_TCP_SYN | NET_FRAME_TCP_ACK)) != NET_FRAME_TCP_SYN) ||
	    (udp && f->dst_port == PORT_DNS))
		return;
	to = net_address_make(f->dst, f->addr_len);
	net_address_format(&to, address);
	label = net_labels_find(b->labels, &to);
	e = (struct net_log_entry){.verdict = NET_LOG_ALLOWED,
				   .name = label ? label : address,
				   .address = address,
				   .port = f->dst_port,
				   .proto = udp ? "udp" : "tcp",
				   .reason = "egress is open"};
	if (!udp || clock_wall_ms() - net_log_last_ms(b->log, &e) > UDP_AGAIN_MS)
		net_log_add(b->log, &e);
}

/* Open mode: what the options close. Counts the first packet of a connection, and each packet that
 * belongs to none. */
static bool bridge_is_refused(struct net_bridge *b, const struct net_frame *f, int64_t now_ms)
{
	const bool tcp = f->proto == NET_FRAME_PROTO_TCP;
	uint8_t answer[NET_PACKET_REFUSAL_MAX];
	char address[NET_ADDRESS_TEXT_MAX];
	struct net_address to;
	const char *reason;
	size_t n;

	if (f->layer == NET_FRAME_ARP || f->dst[0] == 0xff ||
	    (tcp && f->has_transport &&
	     (f->tcp_flags & (NET_FRAME_TCP_SYN | NET_FRAME_TCP_ACK)) != NET_FRAME_TCP_SYN))
		return false;
	to = net_address_make(f->dst, f->addr_len);
	reason = net_reach_refusal(b->reach, &to, tcp ? NET_REACH_FRESH : now_ms);
	if (!reason)
		return false;
	net_address_format(&to, address);
	net_log_add(b->log,
		    &(struct net_log_entry){.verdict = NET_LOG_REFUSED,
					    .name = address,
					    .address = address,
					    .port = f->has_transport ? f->dst_port : 0,
					    .proto = tcp			       ? "tcp"
						     : f->proto == NET_FRAME_PROTO_UDP ? "udp"
										       : "icmp",
					    .reason = reason});
	n = net_packet_make_refusal(answer, f);
	if (n)
		bridge_to_guest(b, answer, n);
	return true;
}

/* Once for each reason: a guest cannot fill the log, and the counters hold the rest. */
static void bridge_log_refusal(struct net_bridge *b, enum net_filter_verdict verdict,
			       const struct net_frame *f)
{
	if (b->logged[verdict])
		return;
	b->logged[verdict] = true;
	log_debug("first frame refused for \"%s\": %zu bytes, type %04x, protocol %u, fault: %s",
		  net_filter_name(verdict), f->len, f->ethertype, f->proto,
		  net_frame_fault_name(f->fault));
}

static void bridge_take_frame(struct net_bridge *b, const uint8_t *bytes, size_t len,
			      int64_t now_ms)
{
	enum net_filter_verdict verdict;
	struct net_frame f;

	net_frame_parse(&f, bytes, len);
	verdict = net_filter_from_guest(&b->filter, &f, now_ms);
	if (verdict != NET_FILTER_PASS) {
		bridge_log_refusal(b, verdict, &f);
		/* Connections of a locked guest never hang. A frame from a false address gets no
		 * answer, which would not arrive. */
		if (b->locked &&
		    (verdict == NET_FILTER_DESTINATION || verdict == NET_FILTER_SERVICE))
			net_locked_refuse(b->locked, &f, "not an address of this network", now_ms);
		return;
	}
	b->from_guest.frames++;
	b->from_guest.bytes += len;
	if (b->locked) {
		net_locked_from_guest(b->locked, &f, now_ms);
		return;
	}
	if (bridge_is_refused(b, &f, now_ms))
		return;
	bridge_log_open(b, &f);
	net_slirp_input(b->slirp, bytes, len);
}

static int bridge_read_qemu(struct net_bridge *b, struct err *e)
{
	int64_t now_ms = clock_mono_ms();
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

static struct netctl_refused bridge_refused(const struct net_filter *f)
{
	const uint64_t *const n = f->count;

	/* clang-format off */
	return (struct netctl_refused){
		.malformed = (int64_t)n[NET_FILTER_MALFORMED],
		.too_long = (int64_t)n[NET_FILTER_TOO_LONG],
		.type = (int64_t)n[NET_FILTER_TYPE],
		.urgent = (int64_t)n[NET_FILTER_URGENT],
		.tcp_fragment = (int64_t)n[NET_FILTER_TCP_FRAGMENT],
		.fragment_rate = (int64_t)n[NET_FILTER_FRAGMENT_RATE],
		.extension = (int64_t)n[NET_FILTER_EXTENSION],
		.protocol = (int64_t)n[NET_FILTER_PROTOCOL],
		.source = (int64_t)n[NET_FILTER_SOURCE],
		.destination = (int64_t)n[NET_FILTER_DESTINATION],
		.checksum = (int64_t)n[NET_FILTER_CHECKSUM],
		.service = (int64_t)n[NET_FILTER_SERVICE],
	};
	/* clang-format on */
}

static void bridge_send_stats(struct net_bridge *b)
{
	const struct netctl_stats s = {
		.from_guest = {(int64_t)b->from_guest.frames, (int64_t)b->from_guest.bytes},
		.to_guest = {.frames = (int64_t)b->to_guest.frames,
			     .bytes = (int64_t)b->to_guest.bytes,
			     .dropped = (int64_t)b->out.dropped,
			     .urgent = (int64_t)b->filter.count_to_guest_urgent},
		.refused = bridge_refused(&b->filter),
		.connections_allowed = (int64_t)net_log_total(b->log, NET_LOG_ALLOWED),
		.connections_refused = (int64_t)net_log_total(b->log, NET_LOG_REFUSED),
		.flows = b->locked ? (int64_t)net_locked_flows(b->locked) : 0,
	};

	net_control_stats(&b->control, &s);
}

static void bridge_rule(struct net_bridge *b, const struct netctl_command *c)
{
	if (c->type == NETCTL_PORT)
		net_rules_add_port(&b->rules, (uint16_t)c->port);
	else if (!net_rules_add(&b->rules, c->entry))
		log_warn("allowlist: invalid entry, or too many entries");
}

static void bridge_decide(struct net_bridge *b, const struct netctl_command *c)
{
	const int64_t now_ms = clock_mono_ms();

	if (net_rules_decide(&b->rules, c->entry, c->allow,
			     c->once ? NET_RULES_ONCE : NET_RULES_SESSION, now_ms))
		net_locked_rules_changed(b->locked, now_ms);
	else
		log_warn("invalid decision of the user");
}

static void bridge_watch(struct net_bridge *b, const struct netctl_command *c)
{
	net_locked_watch(b->locked, c->on, clock_mono_ms());
}

static void bridge_on_line(void *ctx, const char *line, size_t len)
{
	static void (*const run[])(struct net_bridge * b, const struct netctl_command *c) = {
		[NETCTL_PORT] = bridge_rule,
		[NETCTL_RULE] = bridge_rule,
		[NETCTL_DECIDE] = bridge_decide,
		[NETCTL_WATCH] = bridge_watch,
	};
	struct net_bridge *b = ctx;
	struct netctl_command c;

	netctl_command_parse(&c, line, len);
	if (c.type == NETCTL_STATS)
		bridge_send_stats(b);
	else if (c.type != NETCTL_UNKNOWN && b->locked)
		run[c.type](b, &c);
}

static int bridge_read_control(struct net_bridge *b, struct err *e)
{
	int rc = net_control_read(&b->control, bridge_on_line, b, e);

	if (rc == 0)
		b->done = true;
	return rc < 0 ? -1 : 0;
}

static void bridge_to_slirp(void *ctx, const uint8_t *frame, size_t len)
{
	net_slirp_input(((struct net_bridge *)ctx)->slirp, frame, len);
}

static void bridge_on_socket(void *ctx, int fd, bool open)
{
	struct net_bridge *b = ctx;

	if (b->locked && !b->done)
		net_locked_on_socket(b->locked, fd, open);
}

static bool bridge_is_host(void *ctx, const struct net_address *a)
{
	return net_reach_is_host(((struct net_bridge *)ctx)->reach, a);
}

static void bridge_abort_connect(void *ctx, int fd)
{
	(void)ctx;
	net_slirp_abort(fd);
}

static void bridge_ask_resolver(void *ctx, const char *name)
{
	net_resolve_ask(((struct net_bridge *)ctx)->resolve, name, clock_mono_ms());
}

static void bridge_on_answer(void *ctx, const char *name, const struct net_names_answer *answer)
{
	struct net_bridge *b = ctx;

	if (!b->done)
		net_locked_resolved(b->locked, name, answer, clock_mono_ms());
}

/* name: checked characters only. */
static void bridge_on_question(void *ctx, const char *name, uint16_t port)
{
	struct netctl_report r = {
		.type = NETCTL_QUESTION, .port = port, .wait_ms = NET_LOCKED_ASK_MS};

	line_set_shown(r.name, sizeof(r.name), name);
	net_control_report(&((struct net_bridge *)ctx)->control, &r);
}

static int bridge_init_locked(struct net_bridge *b, struct err *e)
{
	const struct net_locked_config config = {.rules = &b->rules,
						 .log = b->log,
						 .ctx = b,
						 .host_loopback = b->config.host_loopback,
						 .link_local = b->config.link_local,
						 .ipv6 = b->config.ipv6,
						 .mtu = b->config.mtu,
						 .to_guest = bridge_to_guest,
						 .to_slirp = bridge_to_slirp,
						 .abort_connect = bridge_abort_connect,
						 .is_host = bridge_is_host,
						 .resolve = bridge_ask_resolver,
						 .on_question = bridge_on_question};

	b->resolve = net_resolve_new(b->config.resolver, bridge_on_answer, b, e);
	if (!b->resolve)
		return -1;
	b->locked = net_locked_new(&config);
	return 0;
}

struct net_bridge *net_bridge_new(const struct net_bridge_config *config, struct err *e)
{
	struct net_bridge *b = mem_alloc(sizeof(*b));
	const struct net_slirp_config slirp = {.host_loopback = config->host_loopback,
					       .ipv6 = config->ipv6,
					       .mtu = config->mtu,
					       .on_frame = bridge_on_frame,
					       .on_socket = bridge_on_socket,
					       .ctx = b};

	b->config = *config;
	net_stream_in_init(&b->in);
	net_filter_init(&b->filter, config->mtu, config->locked);
	net_control_init(&b->control, config->control_fd);
	net_rules_init(&b->rules);
	b->log = net_log_new();
	b->labels = net_labels_new();
	b->slirp = net_slirp_new(&slirp);
	b->reach = net_reach_new(config->host_loopback, config->link_local, e);
	if (b->reach && (!config->locked || bridge_init_locked(b, e) == 0))
		return b;
	net_bridge_free(b);
	return NULL;
}

void net_bridge_free(struct net_bridge *b)
{
	if (!b)
		return;
	b->done = true; /* frames that libslirp sends while it is freed are dropped */
	net_resolve_free(b->resolve);
	net_slirp_free(b->slirp);
	net_locked_free(b->locked);
	net_reach_free(b->reach);
	net_rules_fini(&b->rules);
	net_labels_free(b->labels);
	net_log_free(b->log);
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
	net_control_report(&b->control, &(struct netctl_report){
						.type = NETCTL_READY,
						.landlock = landlock_abi > 0,
						.landlock_abi = landlock_abi > 0 ? landlock_abi : 0,
						.ipv6 = b->config.ipv6,
						.mtu = (int64_t)b->config.mtu,
						.locked = b->locked != NULL});
}

/* The shorter of two waits; -1 waits for ever. */
static int bridge_sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* The sockets and the longest wait of all parts. */
static int bridge_fill(struct net_bridge *b, bool may_read)
{
	int wait_ms = net_slirp_fill(b->slirp, &b->poll, may_read);

	wait_ms = bridge_sooner(wait_ms, net_log_wait(b->log, clock_mono_ms()));
	if (!b->locked)
		return wait_ms;
	wait_ms = bridge_sooner(wait_ms, net_resolve_fill(b->resolve, &b->poll));
	return bridge_sooner(wait_ms, net_locked_wait(b->locked));
}

static void bridge_turn_locked(struct net_bridge *b)
{
	if (!b->locked)
		return;
	net_resolve_turn(b->resolve, &b->poll);
	net_locked_tick(b->locked, clock_mono_ms());
}

static int bridge_turn(struct net_bridge *b, struct err *e)
{
	bool out_high = net_stream_out_is_high(&b->out);
	int qemu;
	int control;
	int wait_ms;
	int n;

	net_poll_clear(&b->poll);
	qemu = net_poll_add(&b->poll, b->config.qemu_fd,
			    buf_len(&b->out.queue) ? POLLIN | POLLOUT : POLLIN);
	control = net_poll_add(&b->poll, b->config.control_fd,
			       net_control_has_output(&b->control) ? POLLIN | POLLOUT : POLLIN);
	wait_ms = bridge_fill(b, !out_high);
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
	bridge_turn_locked(b);
	net_log_flush(b->log, &b->control, clock_mono_ms());
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
	net_log_flush(b->log, &b->control, clock_mono_ms());
	bridge_send_stats(b);
	(void)net_control_flush(&b->control, &ignored);
	return rc;
}
