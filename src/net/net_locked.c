/* Theory of operation.
 *
 * Every frame here was written by a guest that wants out. What it may do is decided by name, and the name of
 * a connection is known for certain, because the only way to get an address is to ask the resolver below:
 *
 * 1. A question for a name is answered here, with an address of 198.18.0.0/15 that stands for just this name
 *    (net_names). No question, and no byte of one, goes to the host's resolver. Records other than A have no
 *    data, so nothing else is learned and nobody is sent to IPv6 or to an encrypted hello.
 * 2. The first packet to such an address is therefore a wish to connect to a known name and port. It is
 *    checked against the rules (net_rules). A literal address has to be listed as one.
 * 3. A listed name is resolved on the host at that moment; the packet waits. Addresses that a name has no
 *    business with (private, loopback, link-local and so on) do not count unless listed as networks.
 *    Nor do the host's own, link-local and metadata ones without their option (net_reach).
 * 4. libslirp gets a SYN or datagram that is made here, and connects. Each flow has a port of its own towards
 *    libslirp, so what comes back is known by it, whatever ports the guest chose.
 * 5. On port 443 and 80 what the client says first is kept back until it is whole, and must be for the same
 *    name. libslirp gets the stream in segments that are made here (net_pass.c): what the guest sends again or
 *    differently comes too late to be read.
 * 6. Everything else is refused at once: a reset, an ICMP message, or on port 80 a sentence. Nothing hangs.
 *
 * What the guest can make this process hold is bounded: names and flows by their tables, bytes kept back by
 * net_flow, connections that end here by net_mini, new connections and questions by rates (docs/egress.md
 * lists the figures). When a table is full the oldest of the unused gives way, else the newcomer is refused.
 */
#include "net/net_locked.h"
#include "net/net_carry.h"
#include "net/net_dns.h"
#include "net/net_http.h"
#include "net/net_judge.h"
#include "net/net_locked_state.h"
#include "net/net_packet.h"
#include "net/net_decide.h"
#include "net/net_pass.h"
#include "base/mem.h"

#include <string.h>

#define PORT_DNS   53
#define PORT_HTTP  80

#define DNS_TTL		 60
#define DNS_PER_SECOND	 500
#define DNS_BURST	 1000
#define FLOWS_PER_SECOND 500
#define FLOWS_BURST	 2000
#define TICK_MS		 250
#define LOOSE_MAX	 384 /* together with NET_FLOW_MAX below the limit of descriptors (net_confine.c) */

/* ---- libslirp ---- */

/* libslirp answers some frames at once, from within the call, and calls back in the middle of its own work at other times.
 * So nothing here calls it directly: frames for it are queued, and given to it when a call from outside is done (locked_leave)
 * and neither it nor any function here is in the middle of anything. What it then says is dealt with at once. The queue
 * needs no bound of its own: one frame of the guest's makes no more than its flow has kept back, one of libslirp's at most one. */
struct locked_record {
	uint32_t len;
	uint16_t port; /* of the flow; 0: none */
	uint16_t proto;
};

void net_locked_to_slirp(struct net_locked *l, const struct net_flow *f, const uint8_t *frame, size_t len)
{
	const struct locked_record r = {
	    .len = (uint32_t)len, .port = f ? f->slirp_port : 0, .proto = f ? f->proto : 0};

	if (len > sizeof(l->drained))
		return;
	buf_add(&l->pending, &r, sizeof(r));
	buf_add(&l->pending, frame, len);
}

/* A flow that should have a socket by now and has none: libslirp could not connect, and the next result of the name may do
 * better; or it is over, and who has not been told will be by the answer to the next packet. */
static void locked_reap(struct net_locked *l, uint16_t port)
{
	struct net_flow *f = net_flows_by_slirp_port(l->flows, port);

	if (!f || f->fd >= 0 || f->state < NET_FLOW_OPENING)
		return;
	if (f->state != NET_FLOW_OPENING)
		net_carry_end(l, f);
	else if (!net_decide_try_next(l, f))
		net_carry_cut(l, f);
}

static void locked_reap_closed(struct net_locked *l)
{
	uint16_t port;

	while (buf_len(&l->closed)) {
		memcpy(&port, l->closed.bytes + l->closed.start, sizeof(port));
		buf_drop(&l->closed, sizeof(port));
		locked_reap(l, port);
	}
}

static void locked_give_one(struct net_locked *l)
{
	const unsigned char *at = l->pending.bytes + l->pending.start;
	struct net_flow *f;
	struct locked_record r;

	memcpy(&r, at, sizeof(r));
	memcpy(l->drained, at + sizeof(r), r.len);
	buf_drop(&l->pending, sizeof(r) + r.len);
	f = r.port ? net_flows_by_slirp_port(l->flows, r.port) : NULL;
	if (r.port && !f)
		return; /* it ended before libslirp knew of it */
	l->giving = r.port;
	l->config.to_slirp(l->config.ctx, l->drained, r.len);
	l->giving = 0;
	/* libslirp had no socket for it, and perhaps no word. */
	f = r.port ? net_flows_by_slirp_port(l->flows, r.port) : NULL;
	if (f && f->fd < 0)
		buf_add(&l->closed, &r.port, sizeof(r.port));
}

void net_locked_give(struct net_locked *l)
{
	do {
		while (buf_len(&l->pending))
			locked_give_one(l);
		locked_reap_closed(l);
	} while (buf_len(&l->pending));
}

static void locked_note_loose(struct net_locked *l, int fd, bool open)
{
	if (fd >= NET_FLOW_FD_END || l->is_loose[fd] == open)
		return;
	l->is_loose[fd] = open;
	l->loose += open ? 1 : -(size_t)1;
}

void net_locked_on_socket(struct net_locked *l, int fd, bool open)
{
	struct net_flow *f =
	    open ? l->giving ? net_flows_by_slirp_port(l->flows, l->giving) : NULL : net_flows_by_fd(l->flows, fd);

	if (!f) {
		locked_note_loose(l, fd, open);
		return;
	}
	net_flows_set_fd(l->flows, f, open ? fd : -1);
	if (!open && f->state == NET_FLOW_ENDED)
		net_flows_remove(l->flows, f);
	else if (!open)
		buf_add(&l->closed, &f->slirp_port, sizeof(f->slirp_port));
}

/* Around every call from outside. They may be nested: a resolver can answer from within the question. */
static void locked_enter(struct net_locked *l, int64_t now_ms)
{
	l->depth++;
	l->now_ms = now_ms;
	net_rules_expire(l->config.rules, now_ms);
}

static void locked_leave(struct net_locked *l)
{
	if (l->depth == 1)
		net_locked_give(l);
	l->depth--;
}

/* ---- telling ---- */

static const char *locked_proto_name(uint8_t proto)
{
	switch (proto) {
	case NET_FRAME_PROTO_TCP:
		return "tcp";
	case NET_FRAME_PROTO_UDP:
		return "udp";
	case NET_FRAME_PROTO_ICMP:
	case NET_FRAME_PROTO_ICMPV6:
		return "icmp";
	default:
		return "other";
	}
}

void net_locked_log(struct net_locked *l, enum net_log_verdict verdict, const char *name,
		    const struct net_address *address, uint8_t proto, uint16_t port, const char *reason)
{
	char text[NET_ADDRESS_TEXT_MAX];
	const struct net_log_entry e = {.verdict = verdict,
					.name = name ? name : text,
					.address = text,
					.port = port,
					.proto = locked_proto_name(proto),
					.reason = reason};

	net_address_format(address, text);
	net_log_add(l->config.log, &e);
}

struct net_rules_place net_locked_place(struct net_locked *l, const struct net_address *a)
{
	return (struct net_rules_place){.is_host = l->config.is_host(l->config.ctx, a),
					.host_loopback = l->config.host_loopback,
					.link_local = l->config.link_local};
}

/* The name behind an address the guest sent to, or NULL. */
struct net_name *net_locked_name_of(struct net_locked *l, const uint8_t target[4])
{
	return net_names_by_address(l->names, target, l->now_ms);
}

static void locked_answer(struct net_locked *l, const struct net_frame *f)
{
	uint8_t out[NET_PACKET_REFUSAL_MAX];
	size_t n = net_packet_make_refusal(out, f);

	if (n)
		l->config.to_guest(l->config.ctx, out, n);
}

void net_locked_log_frame(struct net_locked *l, const struct net_frame *f, const char *reason)
{
	const struct net_address to = net_address_make(f->dst, f->addr_len);
	const struct net_name *name = f->addr_len == 4 ? net_locked_name_of(l, f->dst) : NULL;

	net_locked_log(l, NET_LOG_REFUSED, name ? name->text : NULL, &to, f->proto,
		       f->has_transport ? f->dst_port : 0, reason);
}

void net_locked_refuse(struct net_locked *l, const struct net_frame *f, const char *reason)
{
	if (!f->src || f->layer == NET_FRAME_ARP)
		return;
	net_locked_log_frame(l, f, reason);
	locked_answer(l, f);
}

/* Refuses a first packet: with a sentence where that can be read. */
void net_locked_refuse_first(struct net_locked *l, const struct net_frame *f, const char *reason)
{
	if (f->proto != NET_FRAME_PROTO_TCP || f->dst_port != PORT_HTTP) {
		net_locked_refuse(l, f, reason);
		return;
	}
	net_locked_log_frame(l, f, reason);
	net_mini_accept(l->mini, NET_MINI_REFUSAL, reason, f, l->now_ms);
}

/* ---- the resolver ---- */

static size_t locked_dns(struct net_locked *l, const uint8_t *query, size_t len,
			 uint8_t out[NET_DNS_MESSAGE_MAX])
{
	struct net_dns_question q;
	enum net_dns_rcode rcode;
	const enum net_judge_question asked = net_judge_question(&q, &rcode, query, len);
	uint8_t address[4];
	const struct net_name *name;

	if (asked == NET_JUDGE_QUESTION_DROP)
		return 0;
	if (asked == NET_JUDGE_QUESTION_CODE)
		return net_dns_write_answer(out, &q, query, rcode, NULL, 0);
	name = net_names_intern(l->names, q.name, l->now_ms);
	if (!name)
		return net_dns_write_answer(out, &q, query, NET_DNS_SERVFAIL, NULL, 0);
	net_names_address(name, address);
	return net_dns_write_answer(out, &q, query, NET_DNS_NOERROR, address, DNS_TTL);
}

static void locked_dns_datagram(struct net_locked *l, const struct net_frame *f)
{
	const struct net_packet_ends ends = net_packet_answer_ends(f);
	uint8_t frame[NET_PACKET_HEADERS_MAX + NET_DNS_MESSAGE_MAX], answer[NET_DNS_MESSAGE_MAX];
	size_t n;

	if (!net_limit_take(&l->dns_limit, l->now_ms))
		return; /* the guest asks again */
	n = locked_dns(l, f->bytes + f->payload_at, f->payload_len, answer);
	if (n)
		l->config.to_guest(l->config.ctx, frame, net_packet_make_udp(frame, &ends, answer, n));
}

/* One length-prefixed message after the other (RFC 7766). */
static size_t locked_dns_stream(struct net_locked *l, const uint8_t *bytes, size_t len, uint8_t *out,
				size_t *n, bool *last)
{
	size_t want = len < 2 ? 0 : (size_t)bytes[0] << 8 | bytes[1];

	if (len < 2 || len - 2 < want) {
		*last = want > NET_MINI_IN_MAX - 2; /* longer than any question */
		return 0;
	}
	*n = net_limit_take(&l->dns_limit, l->now_ms) ? locked_dns(l, bytes + 2, want, out + 2) : 0;
	*last = *n == 0;
	if (*n) {
		out[0] = (uint8_t)(*n >> 8);
		out[1] = (uint8_t)*n;
		*n += 2;
	}
	return want + 2;
}

/* For net_mini. */
static size_t locked_on_data(void *ctx, const struct net_mini_end *end, const uint8_t *bytes, size_t len,
			     uint8_t *out, size_t *n, bool *last)
{
	struct net_locked *l = ctx;
	const struct net_address to = net_address_make(end->target, 4);
	const struct net_name *name;
	char text[NET_ADDRESS_TEXT_MAX];

	if (end->kind == NET_MINI_DNS)
		return locked_dns_stream(l, bytes, len, out, n, last);
	name = net_locked_name_of(l, end->target);
	net_address_format(&to, text);
	*n = net_http_refusal((char *)out, name ? name->text : text, end->port, end->reason);
	*last = true;
	return len;
}

static void locked_mini_to_guest(void *ctx, const uint8_t *frame, size_t len)
{
	struct net_locked *l = ctx;

	l->config.to_guest(l->config.ctx, frame, len);
}

/* ---- frames of the guest ---- */

static void locked_to_resolver(struct net_locked *l, const struct net_frame *f)
{
	if (f->dst_port != PORT_DNS)
		net_locked_refuse(l, f, "not a service of this network");
	else if (f->proto == NET_FRAME_PROTO_UDP)
		locked_dns_datagram(l, f);
	else if (net_mini_take(l->mini, f, l->now_ms))
		return;
	else if (net_judge_is_syn(f))
		net_mini_accept(l->mini, NET_MINI_DNS, NULL, f, l->now_ms);
	else
		locked_answer(l, f);
}

static void locked_tcp(struct net_locked *l, const struct net_frame *f)
{
	struct net_flow *flow = net_flows_find(l->flows, NET_FRAME_PROTO_TCP, f->src_port, f->dst, f->dst_port);
	const enum net_judge_segment what = net_judge_segment(f, flow ? &flow->isn : NULL);

	if (what == NET_JUDGE_SEGMENT_DROP || net_mini_take(l->mini, f, l->now_ms))
		return;
	if (what == NET_JUDGE_SEGMENT_AGAIN)
		net_carry_end(l, flow);
	if (what == NET_JUDGE_SEGMENT_NEXT)
		net_pass_take(l, flow, f);
	else if (what == NET_JUDGE_SEGMENT_STRAY)
		locked_answer(l, f);
	else
		net_pass_first(l, f);
}

static void locked_udp(struct net_locked *l, const struct net_frame *f)
{
	struct net_flow *flow =
	    net_flows_find(l->flows, NET_FRAME_PROTO_UDP, f->src_port, f->dst, f->dst_port);

	if (flow)
		net_pass_take(l, flow, f);
	else
		net_pass_first(l, f);
}

/* What goes through over IPv6 is libslirp's to connect: here it is known by its address alone. */
static void locked_ipv6(struct net_locked *l, const struct net_frame *f)
{
	const struct net_address to = net_address_make(f->dst, 16);
	const struct net_judge_verdict v = net_judge_ipv6(l->config.rules, f);
	/* What is under way stays: a segment of no connection reaches nobody. */
	const bool begins = f->proto != NET_FRAME_PROTO_TCP || net_judge_is_syn(f);
	const char *refusal = NULL;

	if (v.act == NET_JUDGE_PASS && begins) {
		refusal = net_rules_refuses_listed(l->config.rules, &to, net_locked_place(l, &to));
		if (!refusal && l->loose >= LOOSE_MAX)
			refusal = "too many connections";
	}
	if (v.act != NET_JUDGE_PASS || refusal || !l->config.ipv6) {
		net_locked_refuse(l, f, refusal ? refusal : v.reason);
		return;
	}
	if (begins)
		net_locked_log(l, NET_LOG_ALLOWED, NULL, &to, f->proto, f->dst_port, "listed");
	net_locked_to_slirp(l, NULL, f->bytes, f->len);
}

static void locked_unicast(struct net_locked *l, const struct net_frame *f, enum net_judge_way way)
{
	memcpy(l->gateway_mac, f->bytes, 6);
	memcpy(l->guest_mac, f->bytes + 6, 6);
	if (way == NET_JUDGE_TO_RESOLVER)
		locked_to_resolver(l, f);
	else if (way == NET_JUDGE_TCP)
		locked_tcp(l, f);
	else
		locked_udp(l, f);
}

static void locked_take(struct net_locked *l, const struct net_frame *f)
{
	const char *reason;
	const enum net_judge_way way = net_judge_frame(f, l->config.ipv6, &reason);

	switch (way) {
	case NET_JUDGE_NOBODY:
		return;
	case NET_JUDGE_UNCARRIED:
		net_locked_log_frame(l, f, reason);
		return;
	case NET_JUDGE_REFUSED:
		net_locked_refuse(l, f, reason);
		return;
	case NET_JUDGE_NEIGHBOUR:
		net_locked_to_slirp(l, NULL, f->bytes, f->len);
		return;
	case NET_JUDGE_TO_RESOLVER:
	case NET_JUDGE_TCP:
	case NET_JUDGE_UDP:
		locked_unicast(l, f, way);
		return;
	case NET_JUDGE_IPV6:
		locked_ipv6(l, f);
		return;
	}
}

void net_locked_from_slirp(struct net_locked *l, const uint8_t *bytes, size_t len, int64_t now_ms)
{
	struct net_frame f;

	l->now_ms = now_ms;
	net_frame_parse(&f, bytes, len);
	if (f.fault != NET_FRAME_OK || len > sizeof(l->scratch))
		return;
	if (f.layer == NET_FRAME_ARP || (f.layer == NET_FRAME_IPV6 && l->config.ipv6))
		l->config.to_guest(l->config.ctx, bytes, len);
	else if (f.layer == NET_FRAME_IPV4)
		net_pass_from_slirp(l, &f);
}

void net_locked_from_guest(struct net_locked *l, const struct net_frame *f, int64_t now_ms)
{
	locked_enter(l, now_ms);
	locked_take(l, f);
	locked_leave(l);
}

/* ---- what changes from outside ---- */

void net_locked_resolved(struct net_locked *l, const char *name, const struct net_locked_answer *answer,
			 int64_t now_ms)
{
	locked_enter(l, now_ms);
	net_decide_resolved(l, name, answer);
	locked_leave(l);
}

void net_locked_watch(struct net_locked *l, bool watched, int64_t now_ms)
{
	locked_enter(l, now_ms);
	net_decide_watch(l, watched);
	locked_leave(l);
}

void net_locked_rules_changed(struct net_locked *l, int64_t now_ms)
{
	locked_enter(l, now_ms);
	net_decide_rules_changed(l);
	locked_leave(l);
}

void net_locked_tick(struct net_locked *l, int64_t now_ms)
{
	locked_enter(l, now_ms);
	net_pass_tick(l);
	locked_leave(l);
}

int net_locked_wait(const struct net_locked *l)
{
	return l->timed ? TICK_MS : -1;
}

struct net_locked *net_locked_new(const struct net_locked_config *config)
{
	struct net_locked *l = mem_alloc(sizeof(*l));
	const struct net_mini_config mini = {
	    .on_data = locked_on_data, .to_guest = locked_mini_to_guest, .ctx = l};

	l->config = *config;
	l->names = net_names_new();
	l->flows = net_flows_new();
	l->mini = net_mini_new(&mini);
	l->dns_limit = (struct net_limit){.per_second = DNS_PER_SECOND, .burst = DNS_BURST};
	l->flow_limit = (struct net_limit){.per_second = FLOWS_PER_SECOND, .burst = FLOWS_BURST};
	return l;
}

void net_locked_free(struct net_locked *l)
{
	if (!l)
		return;
	net_names_free(l->names);
	net_flows_free(l->flows);
	net_mini_free(l->mini);
	buf_fini(&l->pending);
	buf_fini(&l->closed);
	free(l);
}

size_t net_locked_flows(const struct net_locked *l)
{
	return net_flows_count(l->flows);
}
