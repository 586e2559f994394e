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
 * 4. The packet's addresses are rewritten and it goes on to libslirp, which connects. Each flow has a port of
 *    its own towards libslirp, so what comes back is known by it, whatever ports the guest chose.
 * 5. On port 443 and 80 what the client says first is kept back until it is whole, and must be for the same
 *    name. libslirp then gets a copy of exactly the bytes that were checked, as new segments: what the guest
 *    sends again or differently, in overlapping segments, comes too late to be read.
 * 6. Everything else is refused at once: a reset, an ICMP message, or on port 80 a sentence. Nothing hangs.
 *
 * What the guest can make this process hold is bounded: names and flows by their tables, bytes kept back by
 * net_flow, connections that end here by net_mini, new connections and questions by rates (docs/egress.md
 * lists the figures). When a table is full the oldest of the unused gives way, else the newcomer is refused.
 */
#include "net/net_locked.h"
#include "net/net_dns.h"
#include "net/net_flow.h"
#include "net/net_http.h"
#include "net/net_limit.h"
#include "net/net_mini.h"
#include "net/net_packet.h"
#include "net/net_plan.h"
#include "net/net_reader.h"
#include "net/net_stream.h"
#include "net/net_tls.h"
#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

#define PORT_DNS   53
#define PORT_HTTP  80
#define PORT_HTTPS 443

#define DNS_TTL		 60
#define DNS_PER_SECOND	 500
#define DNS_BURST	 1000
#define FLOWS_PER_SECOND 500
#define FLOWS_BURST	 2000
#define SNIFF_MS	 30000 /* for the client to say what it wants */
#define SNIFF_MAX	 (18 * 1024)
#define CLOSING_MS	 2000
#define UDP_IDLE_MS	 250000 /* libslirp forgets a datagram socket after 240 s */
#define EVICT_IDLE_MS	 60000
#define TTL_MAX_S	 3600
#define FAILURE_TTL_S	 5
#define TICK_MS		 250
#define WAITING_MAX	 (1024 * 1024)

struct net_locked {
	struct net_locked_config config;
	struct net_names *names;
	struct net_flows *flows;
	struct net_mini *mini;
	struct net_limit dns_limit, flow_limit;
	bool watched;
	size_t asking;
	size_t timed; /* flows with a deadline */
	int64_t ticked_ms;
	bool feeding;	    /* libslirp is being given a frame: what it says meanwhile waits in `waiting` */
	struct buf waiting; /* frames, each behind its length */
	int64_t now_ms;
	uint8_t guest_mac[6], gateway_mac[6]; /* of the last frame that was routed */
	uint8_t scratch[NET_STREAM_FRAME_MAX];
	uint8_t drained[NET_STREAM_FRAME_MAX];
};

static const uint8_t locked_guest[4] = {NET_PLAN_GUEST4};
static const uint8_t locked_gateway[4] = {NET_PLAN_GATEWAY4};
static const uint8_t locked_resolver[4] = {NET_PLAN_RESOLVER4};
static const uint8_t locked_prefix6[8] = {NET_PLAN_PREFIX6};

static const char *const locked_scope_reason[] = {
    [NET_ADDRESS_PUBLIC] = "resolved to no usable address",
    [NET_ADDRESS_LOOPBACK] = "resolved to a loopback address",
    [NET_ADDRESS_PRIVATE] = "resolved to a private address",
    [NET_ADDRESS_LINK_LOCAL] = "resolved to a link-local address",
    [NET_ADDRESS_SHARED] = "resolved to a carrier-shared address",
    [NET_ADDRESS_MULTICAST] = "resolved to a multicast address",
    [NET_ADDRESS_RESERVED] = "resolved to a reserved address",
    [NET_ADDRESS_MAPPED] = "resolved to a translated address",
};

/* libslirp answers some frames at once, from within the call. Those answers may end the very flow that is
 * being worked on, so they wait until that work is done (locked_drain). */
static void locked_to_slirp(struct net_locked *l, const uint8_t *frame, size_t len)
{
	bool nested = l->feeding;

	l->feeding = true;
	l->config.to_slirp(l->config.ctx, frame, len);
	l->feeding = nested;
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

static void locked_log(struct net_locked *l, enum net_log_verdict verdict, const char *name,
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

/* The name behind an address the guest sent to, or NULL. */
static struct net_name *locked_name_of(struct net_locked *l, const uint8_t target[4])
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

static void locked_log_frame(struct net_locked *l, const struct net_frame *f, const char *reason)
{
	const struct net_address to = net_address_make(f->dst, f->addr_len);
	const struct net_name *name = f->addr_len == 4 ? locked_name_of(l, f->dst) : NULL;

	locked_log(l, NET_LOG_REFUSED, name ? name->text : NULL, &to, f->proto,
		   f->has_transport ? f->dst_port : 0, reason);
}

void net_locked_refuse(struct net_locked *l, const struct net_frame *f, const char *reason)
{
	if (!f->src || f->layer == NET_FRAME_ARP)
		return;
	locked_log_frame(l, f, reason);
	locked_answer(l, f);
}

/* Refuses a first packet: with a sentence where that can be read. */
static void locked_refuse_first(struct net_locked *l, const struct net_frame *f, const char *reason)
{
	if (f->proto != NET_FRAME_PROTO_TCP || f->dst_port != PORT_HTTP) {
		net_locked_refuse(l, f, reason);
		return;
	}
	locked_log_frame(l, f, reason);
	net_mini_accept(l->mini, NET_MINI_REFUSAL, reason, f, l->now_ms);
}

/* ---- flows ---- */

static void flow_set_deadline(struct net_locked *l, struct net_flow *f, int64_t deadline_ms)
{
	l->timed += (deadline_ms != 0) - (size_t)(f->deadline_ms != 0);
	f->deadline_ms = deadline_ms;
}

static void flow_set_state(struct net_locked *l, struct net_flow *f, enum net_flow_state state)
{
	l->asking += (state == NET_FLOW_ASKING) - (size_t)(f->state == NET_FLOW_ASKING);
	f->state = state;
}

static struct net_name *flow_name(struct net_locked *l, const struct net_flow *f)
{
	return net_names_at(l->names, f->name);
}

static void flow_remove(struct net_locked *l, struct net_flow *f)
{
	struct net_name *name = flow_name(l, f);

	if (name)
		name->uses--;
	flow_set_deadline(l, f, 0);
	flow_set_state(l, f, NET_FLOW_FREE);
	net_flows_remove(l->flows, f);
}

/* Sends a packet of the flow on, with the ends libslirp is to see. */
static void flow_to_slirp(struct net_locked *l, const struct net_flow *f, const struct net_frame *frame)
{
	if (frame->len > sizeof(l->scratch))
		return;
	memcpy(l->scratch, frame->bytes, frame->len);
	net_packet_set_source(l->scratch, frame, locked_guest, f->slirp_port);
	net_packet_set_target(l->scratch, frame, f->remote, f->port);
	locked_to_slirp(l, l->scratch, frame->len);
}

static void flow_make_to_slirp(struct net_locked *l, const struct net_flow *f, const struct net_packet_tcp *t)
{
	struct net_packet_ends ends = {.from_port = f->slirp_port, .to_port = f->port};

	memcpy(ends.from_mac, l->guest_mac, 6);
	memcpy(ends.to_mac, l->gateway_mac, 6);
	memcpy(ends.from, locked_guest, 4);
	memcpy(ends.to, f->remote, 4);
	locked_to_slirp(l, l->scratch, net_packet_make_tcp(l->scratch, &ends, t));
}

static void flow_reset_guest(struct net_locked *l, const struct net_flow *f)
{
	struct net_packet_ends ends = {.from_port = f->port, .to_port = f->guest_port};
	const bool begun = f->state >= NET_FLOW_SNIFFING;
	const struct net_packet_tcp t = {.seq = begun ? f->acked : 0,
					 .ack = begun ? f->next : f->isn + 1,
					 .flags = NET_FRAME_TCP_RST | NET_FRAME_TCP_ACK};
	uint8_t frame[NET_PACKET_HEADERS_MAX];

	memcpy(ends.from_mac, l->gateway_mac, 6);
	memcpy(ends.to_mac, l->guest_mac, 6);
	memcpy(ends.from, f->target, 4);
	memcpy(ends.to, locked_guest, 4);
	l->config.to_guest(l->config.ctx, frame, net_packet_make_tcp(frame, &ends, &t));
}

static void flow_reset_slirp(struct net_locked *l, const struct net_flow *f)
{
	const struct net_packet_tcp t = {
	    .seq = f->next, .ack = f->acked, .flags = NET_FRAME_TCP_RST | NET_FRAME_TCP_ACK};

	if (f->proto == NET_FRAME_PROTO_TCP && f->state >= NET_FLOW_OPENING)
		flow_make_to_slirp(l, f, &t);
}

/* Ends a flow that is under way, on both sides. */
static void flow_cut(struct net_locked *l, struct net_flow *f)
{
	flow_reset_slirp(l, f);
	if (f->proto == NET_FRAME_PROTO_TCP)
		flow_reset_guest(l, f);
	flow_remove(l, f);
}

static void flow_log(struct net_locked *l, const struct net_flow *f, enum net_log_verdict verdict,
		     const char *name, const char *reason)
{
	const struct net_name *own = flow_name(l, f);
	const struct net_address to = net_address_make(verdict == NET_LOG_ALLOWED ? f->remote : f->target, 4);

	locked_log(l, verdict, name ? name : own ? own->text : NULL, &to, f->proto, f->port, reason);
}

/* Refuses a flow whose first packet waits. */
static void flow_refuse_waiting(struct net_locked *l, struct net_flow *f, const char *reason)
{
	uint8_t bytes[NET_FLOW_HELD_MAX];
	struct net_frame frame;
	size_t len = f->len;

	memcpy(bytes, f->bytes, len);
	flow_remove(l, f);
	net_frame_parse(&frame, bytes, len);
	locked_refuse_first(l, &frame, reason);
}

/* The next result that may be connected to; false: none, and *reason says why. */
static bool flow_choose_remote(struct net_locked *l, struct net_flow *f, const struct net_name *name,
			       const char **reason)
{
	*reason = locked_scope_reason[NET_ADDRESS_PUBLIC];
	for (; f->tried < name->nresults; f->tried++) {
		const struct net_address a = net_address_make(name->results[f->tried], 4);

		if (net_rules_accepts_result(l->config.rules, &a, l->config.host_loopback)) {
			memcpy(f->remote, a.bytes, 4);
			return true;
		}
		*reason = locked_scope_reason[net_address_scope(&a)];
	}
	return false;
}

/* The first packet goes on to `remote`. */
static void flow_send_first(struct net_locked *l, struct net_flow *f)
{
	struct net_frame frame;

	net_frame_parse(&frame, f->bytes, f->len);
	flow_set_deadline(l, f, f->proto == NET_FRAME_PROTO_UDP ? l->now_ms + UDP_IDLE_MS : 0);
	flow_set_state(l, f, f->proto == NET_FRAME_PROTO_UDP ? NET_FLOW_OPEN : NET_FLOW_OPENING);
	flow_to_slirp(l, f, &frame);
	if (f->state == NET_FLOW_OPEN)
		net_flows_drop_kept(l->flows, f);
}

/* The name is resolved, or has failed to. */
static void flow_go_on(struct net_locked *l, struct net_flow *f, const struct net_name *name)
{
	const char *reason = name->failure;

	if (name->status == NET_NAMES_FAILED || !flow_choose_remote(l, f, name, &reason)) {
		flow_refuse_waiting(l, f, reason);
		return;
	}
	flow_log(l, f, NET_LOG_ALLOWED, NULL, "listed");
	flow_send_first(l, f);
}

static void locked_forget_old_result(struct net_locked *l, struct net_name *name)
{
	if ((name->status == NET_NAMES_RESOLVED || name->status == NET_NAMES_FAILED) &&
	    l->now_ms >= name->expires_ms)
		name->status = NET_NAMES_UNKNOWN;
}

/* The flow may go: as soon as it is known where to. */
static void flow_allow(struct net_locked *l, struct net_flow *f)
{
	struct net_name *name = flow_name(l, f);

	if (!name) {
		memcpy(f->remote, f->target, 4);
		flow_log(l, f, NET_LOG_ALLOWED, NULL, "listed");
		flow_send_first(l, f);
		return;
	}
	f->sniff = f->proto == NET_FRAME_PROTO_TCP && (f->port == PORT_HTTPS || f->port == PORT_HTTP);
	locked_forget_old_result(l, name);
	flow_set_deadline(l, f, 0);
	flow_set_state(l, f, NET_FLOW_RESOLVING);
	if (name->status == NET_NAMES_RESOLVED || name->status == NET_NAMES_FAILED) {
		flow_go_on(l, f, name);
		return;
	}
	if (name->status == NET_NAMES_ASKING)
		return;
	name->status = NET_NAMES_ASKING;
	l->config.resolve(l->config.ctx, name->text);
}

static enum net_rules_verdict flow_verdict(struct net_locked *l, const struct net_flow *f, bool use)
{
	const struct net_name *name = flow_name(l, f);
	const struct net_address to = net_address_make(f->target, 4);

	return name ? net_rules_check_name(l->config.rules, name->text, f->port, use)
		    : net_rules_check_address(l->config.rules, &to, f->port, use);
}

static bool flow_asks_the_same(const struct net_flow *a, const struct net_flow *b)
{
	return a != b && a->state == NET_FLOW_ASKING && a->port == b->port &&
	       memcmp(a->target, b->target, 4) == 0;
}

/* The flow waits for the user. Several about one name and port are one question. */
static void flow_ask(struct net_locked *l, struct net_flow *f)
{
	const struct net_name *name = flow_name(l, f);
	const struct net_address to = net_address_make(f->target, 4);
	char text[NET_ADDRESS_TEXT_MAX];

	flow_set_state(l, f, NET_FLOW_ASKING);
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		const struct net_flow *other = net_flows_at(l->flows, i);

		if (flow_asks_the_same(other, f)) {
			flow_set_deadline(l, f, other->deadline_ms);
			return;
		}
	}
	flow_set_deadline(l, f, l->now_ms + NET_LOCKED_ASK_MS);
	net_address_format(&to, text);
	l->config.on_question(l->config.ctx, name ? name->text : text, f->port);
}

/* ---- a first packet ---- */

/* Room for one more flow, or NULL when all are in use. */
static struct net_flow *locked_add_flow(struct net_locked *l, const struct net_frame *f)
{
	if (net_flows_count(l->flows) == NET_FLOW_MAX) {
		struct net_flow *idle = net_flows_idlest(l->flows, l->now_ms, EVICT_IDLE_MS);

		if (idle && idle->state == NET_FLOW_CLOSING)
			flow_remove(l, idle);
		else if (idle)
			flow_cut(l, idle);
	}
	return net_flows_add(l->flows, f->proto, f->src_port, f->dst, f->dst_port);
}

static void locked_admit(struct net_locked *l, const struct net_frame *frame, struct net_name *name, bool ask)
{
	struct net_flow *f;

	if (frame->len > NET_FLOW_HELD_MAX) {
		locked_log_frame(l, frame, "first packet too large");
		return;
	}
	if (!net_limit_take(&l->flow_limit, l->now_ms)) {
		locked_refuse_first(l, frame, "too many connections a second");
		return;
	}
	f = locked_add_flow(l, frame);
	if (!f) {
		locked_refuse_first(l, frame, "too many connections");
		return;
	}
	f->name = name ? net_names_index(l->names, name) : -1;
	if (name)
		name->uses++;
	f->last_ms = l->now_ms;
	f->isn = frame->tcp_seq;
	f->next = frame->tcp_seq + 1;
	if (!net_flows_keep(l->flows, f, frame->bytes, frame->len, NET_FLOW_HELD_MAX)) {
		flow_remove(l, f);
		locked_refuse_first(l, frame, "too many connections");
	} else if (ask) {
		flow_ask(l, f);
	} else {
		flow_allow(l, f);
	}
}

static void locked_first(struct net_locked *l, const struct net_frame *f)
{
	struct net_name *name = locked_name_of(l, f->dst);
	const struct net_address to = net_address_make(f->dst, 4);
	enum net_rules_verdict verdict;
	bool ask;

	if (!name && net_names_is_synthetic(f->dst)) {
		locked_refuse_first(l, f, "no name has this address");
		return;
	}
	/* Before the rules: clients fall back to TCP, where the name can be checked. */
	if (f->proto == NET_FRAME_PROTO_UDP && f->dst_port == PORT_HTTPS) {
		locked_refuse_first(l, f, "QUIC is not carried");
		return;
	}
	if (!name && memcmp(f->dst, locked_gateway, 4) == 0 && !l->config.host_loopback) {
		locked_refuse_first(l, f, "hostLoopback is off");
		return;
	}
	verdict = name ? net_rules_check_name(l->config.rules, name->text, f->dst_port, true)
		       : net_rules_check_address(l->config.rules, &to, f->dst_port, true);
	ask = l->watched && verdict != NET_RULES_DENIED && f->proto == NET_FRAME_PROTO_TCP &&
	      l->asking < NET_LOCKED_ASKING_MAX;
	if (verdict != NET_RULES_ALLOW && !ask)
		locked_refuse_first(l, f, net_rules_verdict_name(verdict));
	else
		locked_admit(l, f, name, verdict != NET_RULES_ALLOW);
}

/* ---- what the client says first ---- */

/* libslirp gets what was checked, and the flow is open. */
static void flow_release(struct net_locked *l, struct net_flow *f)
{
	const size_t piece = l->config.mtu - NET_PACKET_HEADERS_MAX;

	for (size_t at = 0; at < f->len; at += piece) {
		size_t n = f->len - at < piece ? f->len - at : piece;
		const struct net_packet_tcp t = {.seq = f->isn + 1 + (uint32_t)at,
						 .ack = f->acked,
						 .flags = NET_FRAME_TCP_ACK | NET_FRAME_TCP_PSH,
						 .window = f->window,
						 .data = f->bytes + at,
						 .len = n};

		flow_make_to_slirp(l, f, &t);
	}
	f->next = f->isn + 1 + (uint32_t)f->len;
	net_flows_drop_kept(l->flows, f);
	flow_set_deadline(l, f, 0);
	flow_set_state(l, f, NET_FLOW_OPEN);
}

static void flow_refuse_sniffed(struct net_locked *l, struct net_flow *f, const struct net_frame *frame,
				const char *said, const char *reason)
{
	flow_log(l, f, NET_LOG_REFUSED, said, reason);
	if (f->port != PORT_HTTP) {
		flow_cut(l, f);
		return;
	}
	flow_reset_slirp(l, f);
	net_mini_adopt(l->mini, reason, frame, f->acked, f->isn + 1 + (uint32_t)f->len, l->now_ms);
	flow_remove(l, f);
}

static void flow_judge(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	const bool http = f->port == PORT_HTTP;
	const struct net_name *name = flow_name(l, f);
	char said[NET_TLS_NAME_MAX + 1];
	enum net_sniff got =
	    http ? net_http_host(f->bytes, f->len, said) : net_tls_server_name(f->bytes, f->len, said);

	if (got == NET_SNIFF_MORE && !(frame->tcp_flags & NET_FRAME_TCP_FIN))
		return;
	if (got == NET_SNIFF_FOUND && name && strcmp(said, name->text) == 0)
		flow_release(l, f);
	else if (got == NET_SNIFF_FOUND)
		flow_refuse_sniffed(l, f, frame, said,
				    http ? "Host differs from the name that was looked up"
					 : "TLS server name differs from the name that was looked up");
	else if (got == NET_SNIFF_NONE)
		flow_refuse_sniffed(l, f, frame, NULL,
				    http ? "HTTP without a Host" : "TLS without a server name");
	else
		flow_refuse_sniffed(l, f, frame, NULL, http ? "not HTTP on port 80" : "not TLS on port 443");
}

/* Keeps back what the client says; only the next bytes in order are taken, the rest it has to send again. */
static void flow_sniff(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	uint32_t offset = frame->tcp_seq - (f->isn + 1);
	size_t skip;

	if (!frame->payload_len && !(frame->tcp_flags & NET_FRAME_TCP_FIN)) {
		flow_to_slirp(l, f, frame); /* the handshake's last part */
		return;
	}
	if (offset > f->len || f->len - offset > frame->payload_len)
		return;
	skip = f->len - offset;
	if (!net_flows_keep(l->flows, f, frame->bytes + frame->payload_at + skip, frame->payload_len - skip,
			    SNIFF_MAX)) {
		flow_refuse_sniffed(l, f, frame, NULL, "the beginning is too long to be checked");
		return;
	}
	flow_judge(l, f, frame);
}

/* ---- packets of flows ---- */

static void flow_note_fin(struct net_locked *l, struct net_flow *f)
{
	if (f->fin_guest && f->fin_remote && f->state == NET_FLOW_OPEN) {
		flow_set_state(l, f, NET_FLOW_CLOSING);
		flow_set_deadline(l, f, l->now_ms + CLOSING_MS);
	}
}

static void flow_pass_tcp(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	uint32_t end = frame->tcp_seq + (uint32_t)frame->payload_len;

	if ((int32_t)(end - f->next) > 0)
		f->next = end;
	f->fin_guest = f->fin_guest || frame->tcp_flags & NET_FRAME_TCP_FIN;
	flow_to_slirp(l, f, frame);
	flow_note_fin(l, f);
}

/* A SYN where there is a flow: the same one again, or the port's next use. True: it was dealt with. */
static bool flow_take_syn(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	if (frame->tcp_seq == f->isn && f->state <= NET_FLOW_OPENING) {
		if (f->state == NET_FLOW_OPENING)
			flow_to_slirp(l, f, frame);
		return true;
	}
	if (frame->tcp_seq == f->isn && f->state == NET_FLOW_SNIFFING && !f->len)
		return true; /* crossed with our answer, which the guest will get again */
	flow_reset_slirp(l, f);
	flow_remove(l, f);
	return false;
}

static void flow_take_tcp(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	if (frame->tcp_flags & NET_FRAME_TCP_RST) {
		if (f->state == NET_FLOW_SNIFFING)
			flow_reset_slirp(l, f);
		else if (f->state >= NET_FLOW_OPENING)
			flow_to_slirp(l, f, frame);
		flow_remove(l, f);
		return;
	}
	if (f->state < NET_FLOW_SNIFFING || !(frame->tcp_flags & NET_FRAME_TCP_ACK))
		return;
	f->acked = frame->tcp_ack;
	f->window = frame->tcp_window;
	if (f->state == NET_FLOW_SNIFFING)
		flow_sniff(l, f, frame);
	else
		flow_pass_tcp(l, f, frame);
}

static void flow_take(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	f->last_ms = l->now_ms;
	if (f->proto == NET_FRAME_PROTO_TCP) {
		flow_take_tcp(l, f, frame);
	} else if (f->state == NET_FLOW_OPEN) {
		flow_set_deadline(l, f, l->now_ms + UDP_IDLE_MS);
		flow_to_slirp(l, f, frame);
	}
}

/* ---- the resolver ---- */

static size_t locked_dns(struct net_locked *l, const uint8_t *query, size_t len,
			 uint8_t out[NET_DNS_MESSAGE_MAX])
{
	struct net_dns_question q;
	int rcode = net_dns_parse_query(&q, query, len);
	uint8_t address[4];
	const struct net_name *name;

	if (rcode < 0)
		return 0;
	if (rcode != NET_DNS_NOERROR || q.type != NET_DNS_TYPE_A)
		return net_dns_write_answer(out, &q, query, (enum net_dns_rcode)rcode, NULL, 0);
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
	name = locked_name_of(l, end->target);
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

static bool locked_is_plain_syn(const struct net_frame *f)
{
	return (f->tcp_flags & (NET_FRAME_TCP_SYN | NET_FRAME_TCP_ACK | NET_FRAME_TCP_FIN |
				NET_FRAME_TCP_RST)) == NET_FRAME_TCP_SYN;
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
	else if (locked_is_plain_syn(f))
		net_mini_accept(l->mini, NET_MINI_DNS, NULL, f, l->now_ms);
	else
		locked_answer(l, f);
}

static void locked_tcp(struct net_locked *l, const struct net_frame *f)
{
	struct net_flow *flow;

	if (net_mini_take(l->mini, f, l->now_ms))
		return;
	flow = net_flows_find(l->flows, NET_FRAME_PROTO_TCP, f->src_port, f->dst, f->dst_port);
	if (flow && locked_is_plain_syn(f) && flow_take_syn(l, flow, f))
		return;
	if (flow && !locked_is_plain_syn(f)) {
		flow_take(l, flow, f);
		return;
	}
	/* Data in a SYN (TCP Fast Open) would go past the check of what is said first. */
	if (locked_is_plain_syn(f) && f->payload_len)
		return;
	if (locked_is_plain_syn(f))
		locked_first(l, f);
	else
		locked_answer(l, f);
}

static void locked_udp(struct net_locked *l, const struct net_frame *f)
{
	struct net_flow *flow =
	    net_flows_find(l->flows, NET_FRAME_PROTO_UDP, f->src_port, f->dst, f->dst_port);

	if (flow)
		flow_take(l, flow, f);
	else
		locked_first(l, f);
}

static void locked_ipv4(struct net_locked *l, const struct net_frame *f)
{
	if (f->is_fragment || f->has_extras) {
		locked_log_frame(l, f,
				 f->is_fragment ? "fragments are not carried" : "IP options are not carried");
		return;
	}
	if (!f->has_transport || (f->proto != NET_FRAME_PROTO_TCP && f->proto != NET_FRAME_PROTO_UDP)) {
		net_locked_refuse(l, f, "only TCP and UDP are carried");
		return;
	}
	memcpy(l->gateway_mac, f->bytes, 6);
	memcpy(l->guest_mac, f->bytes + 6, 6);
	if (memcmp(f->dst, locked_resolver, 4) == 0)
		locked_to_resolver(l, f);
	else if (f->proto == NET_FRAME_PROTO_TCP)
		locked_tcp(l, f);
	else
		locked_udp(l, f);
}

/* IPv6 goes through as it is, where a literal entry says so: there are no synthetic addresses to rewrite. */
static bool locked_passes_ipv6(struct net_locked *l, const struct net_frame *f, const char **reason)
{
	const struct net_address to = net_address_make(f->dst, 16);
	enum net_rules_verdict verdict;

	*reason = "IPv6 is not carried unless listed";
	if (!f->has_transport || f->has_extras || memcmp(f->dst, locked_prefix6, sizeof(locked_prefix6)) == 0)
		return false;
	if (f->proto == NET_FRAME_PROTO_UDP && f->dst_port == PORT_HTTPS) {
		*reason = "QUIC is not carried";
		return false;
	}
	verdict = net_rules_check_address(l->config.rules, &to, f->dst_port, false);
	if (verdict != NET_RULES_NOT_LISTED)
		*reason = net_rules_verdict_name(verdict);
	return verdict == NET_RULES_ALLOW;
}

static bool locked_is_discovery(const struct net_frame *f)
{
	return f->proto == NET_FRAME_PROTO_ICMPV6 && f->icmp_type >= 133 && f->icmp_type <= 136;
}

static void locked_ipv6(struct net_locked *l, const struct net_frame *f)
{
	const struct net_address to = net_address_make(f->dst, 16);
	const char *reason = "only TCP and UDP are carried";

	if (f->proto == NET_FRAME_PROTO_ICMPV6) {
		if (l->config.ipv6 && locked_is_discovery(f))
			locked_to_slirp(l, f->bytes, f->len);
		else if (!locked_is_discovery(f) && f->dst[0] != 0xff)
			net_locked_refuse(l, f, reason);
		return;
	}
	if (!locked_passes_ipv6(l, f, &reason) || !l->config.ipv6) {
		net_locked_refuse(l, f, reason);
		return;
	}
	if (f->proto == NET_FRAME_PROTO_UDP || locked_is_plain_syn(f))
		locked_log(l, NET_LOG_ALLOWED, NULL, &to, f->proto, f->dst_port, "listed");
	locked_to_slirp(l, f->bytes, f->len);
}

/* Only who the two others of this network are may be asked, and only in the guest's own name. */
static void locked_arp(struct net_locked *l, const struct net_frame *f)
{
	const uint8_t *sender = f->bytes + f->ip_at + 8;

	if (memcmp(f->dst, locked_gateway, 4) != 0 && memcmp(f->dst, locked_resolver, 4) != 0)
		return;
	if (memcmp(sender, f->bytes + 6, 6) == 0)
		locked_to_slirp(l, f->bytes, f->len);
}

static void locked_take(struct net_locked *l, const struct net_frame *f)
{
	switch (f->layer) {
	case NET_FRAME_ARP:
		locked_arp(l, f);
		return;
	case NET_FRAME_IPV4:
		locked_ipv4(l, f);
		return;
	case NET_FRAME_IPV6:
		locked_ipv6(l, f);
		return;
	case NET_FRAME_OTHER:
		return;
	}
}

/* ---- frames of libslirp ---- */

/* Another result of the name instead of one that does not answer. */
static bool flow_try_next(struct net_locked *l, struct net_flow *f)
{
	const struct net_name *name = flow_name(l, f);
	const char *reason;

	if (!name || name->status != NET_NAMES_RESOLVED)
		return false;
	f->tried++;
	if (!flow_choose_remote(l, f, name, &reason))
		return false;
	flow_send_first(l, f);
	return true;
}

static void flow_to_guest(struct net_locked *l, const struct net_flow *f, const struct net_frame *frame)
{
	memcpy(l->scratch, frame->bytes, frame->len);
	net_packet_set_source(l->scratch, frame, f->target, f->port);
	net_packet_set_target(l->scratch, frame, locked_guest, f->guest_port);
	l->config.to_guest(l->config.ctx, l->scratch, frame->len);
}

static void flow_opened(struct net_locked *l, struct net_flow *f)
{
	net_flows_drop_kept(l->flows, f);
	flow_set_state(l, f, f->sniff ? NET_FLOW_SNIFFING : NET_FLOW_OPEN);
	flow_set_deadline(l, f, f->sniff ? l->now_ms + SNIFF_MS : 0);
}

static void flow_answered_tcp(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	const bool reset = frame->tcp_flags & NET_FRAME_TCP_RST;

	if (f->state < NET_FLOW_OPENING || (reset && f->state == NET_FLOW_OPENING && flow_try_next(l, f)))
		return;
	if (f->state == NET_FLOW_OPENING && !reset) {
		f->acked = frame->tcp_seq + 1;
		flow_opened(l, f);
	}
	flow_to_guest(l, f, frame);
	f->fin_remote = f->fin_remote || frame->tcp_flags & NET_FRAME_TCP_FIN;
	if (reset)
		flow_remove(l, f);
	else
		flow_note_fin(l, f);
}

/* libslirp says by ICMP that it could not connect: what it quotes is our own packet. */
static void locked_icmp_from_slirp(struct net_locked *l, const struct net_frame *frame)
{
	struct net_reader r = net_reader_init(frame->bytes + frame->payload_at, frame->payload_len);
	size_t header = (size_t)(net_reader_u8(&r) & 0x0f) * 4;
	struct net_flow *f;
	uint8_t proto;

	if (frame->icmp_type != 3)
		return;
	net_reader_skip(&r, 8);
	proto = net_reader_u8(&r);
	net_reader_skip(&r, header > 10 ? header - 10 : 0);
	f = net_flows_by_slirp_port(l->flows, proto, net_reader_u16(&r));
	if (r.failed || !f || f->state != NET_FLOW_OPENING || flow_try_next(l, f))
		return;
	flow_reset_guest(l, f);
	flow_remove(l, f);
}

static void locked_ipv4_from_slirp(struct net_locked *l, const struct net_frame *frame)
{
	struct net_flow *f;

	if (!frame->has_transport || frame->is_fragment)
		return;
	if (frame->proto == NET_FRAME_PROTO_ICMP) {
		locked_icmp_from_slirp(l, frame);
		return;
	}
	f = net_flows_by_slirp_port(l->flows, frame->proto, frame->dst_port);
	if (!f || memcmp(frame->src, f->remote, 4) != 0 || frame->src_port != f->port) {
		uint8_t out[NET_PACKET_REFUSAL_MAX];
		size_t n = frame->proto == NET_FRAME_PROTO_TCP ? net_packet_make_refusal(out, frame) : 0;

		if (n) /* a flow that is gone here is to be gone there */
			locked_to_slirp(l, out, n);
		return;
	}
	f->last_ms = l->now_ms;
	if (f->proto == NET_FRAME_PROTO_TCP)
		flow_answered_tcp(l, f, frame);
	else
		flow_to_guest(l, f, frame);
}

static void locked_take_from_slirp(struct net_locked *l, const uint8_t *bytes, size_t len)
{
	struct net_frame f;

	net_frame_parse(&f, bytes, len);
	if (f.fault != NET_FRAME_OK || len > sizeof(l->scratch))
		return;
	if (f.layer == NET_FRAME_ARP || (f.layer == NET_FRAME_IPV6 && l->config.ipv6))
		l->config.to_guest(l->config.ctx, bytes, len);
	else if (f.layer == NET_FRAME_IPV4)
		locked_ipv4_from_slirp(l, &f);
}

static void locked_drain(struct net_locked *l)
{
	uint32_t len;

	while (buf_len(&l->waiting) > sizeof(len)) {
		const unsigned char *at = l->waiting.bytes + l->waiting.start;

		memcpy(&len, at, sizeof(len));
		memcpy(l->drained, at + sizeof(len), len);
		buf_drop(&l->waiting, sizeof(len) + len);
		locked_take_from_slirp(l, l->drained, len);
	}
}

void net_locked_from_slirp(struct net_locked *l, const uint8_t *bytes, size_t len, int64_t now_ms)
{
	const uint32_t header = (uint32_t)len;

	if (l->feeding) {
		if (len <= sizeof(l->drained) && buf_len(&l->waiting) < WAITING_MAX) {
			buf_add(&l->waiting, &header, sizeof(header));
			buf_add(&l->waiting, bytes, len);
		}
		return;
	}
	l->now_ms = now_ms;
	locked_take_from_slirp(l, bytes, len);
	locked_drain(l);
}

void net_locked_from_guest(struct net_locked *l, const struct net_frame *f, int64_t now_ms)
{
	l->now_ms = now_ms;
	locked_take(l, f);
	locked_drain(l);
}

/* ---- what changes from outside ---- */

void net_locked_resolved(struct net_locked *l, const char *text, const struct net_locked_answer *answer,
			 int64_t now_ms)
{
	struct net_name *name = net_names_find(l->names, text);
	uint32_t ttl = answer->ttl < TTL_MAX_S ? answer->ttl : TTL_MAX_S;
	int index;

	l->now_ms = now_ms;
	if (!name || name->status != NET_NAMES_ASKING)
		return;
	name->status = answer->n ? NET_NAMES_RESOLVED : NET_NAMES_FAILED;
	name->failure = answer->failure ? answer->failure : "has no IPv4 address";
	name->expires_ms = now_ms + (int64_t)(answer->n ? ttl : FAILURE_TTL_S) * 1000;
	name->nresults = (uint8_t)answer->n;
	memcpy(name->results, answer->address, sizeof(name->results));
	index = net_names_index(l->names, name);
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		struct net_flow *f = net_flows_at(l->flows, i);

		if (f->state == NET_FLOW_RESOLVING && f->name == index)
			flow_go_on(l, f, name);
	}
	locked_drain(l);
}

void net_locked_watch(struct net_locked *l, bool watched, int64_t now_ms)
{
	l->now_ms = now_ms;
	l->watched = watched;
	for (size_t i = 0; i < NET_FLOW_MAX && !watched && l->asking; i++) {
		struct net_flow *f = net_flows_at(l->flows, i);

		if (f->state == NET_FLOW_ASKING)
			flow_refuse_waiting(l, f, "not listed, and nobody is there to ask");
	}
	locked_drain(l);
}

/* A flow that is under way, or waits for its name. What was let through for once stays. */
static void flow_reconsider(struct net_locked *l, struct net_flow *f)
{
	if (f->state == NET_FLOW_FREE || flow_verdict(l, f, false) != NET_RULES_DENIED)
		return;
	if (f->state == NET_FLOW_RESOLVING)
		flow_refuse_waiting(l, f, net_rules_verdict_name(NET_RULES_DENIED));
	else
		flow_cut(l, f);
}

/* All that ask the same as `first` get the answer it gets: a decision for once is about the question. */
static void locked_answer_question(struct net_locked *l, struct net_flow *first)
{
	enum net_rules_verdict verdict = flow_verdict(l, first, true);

	if (verdict != NET_RULES_ALLOW && verdict != NET_RULES_DENIED)
		return;
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		struct net_flow *f = net_flows_at(l->flows, i);

		if (!flow_asks_the_same(f, first))
			continue;
		if (verdict == NET_RULES_ALLOW)
			flow_allow(l, f);
		else
			flow_refuse_waiting(l, f, net_rules_verdict_name(verdict));
	}
	if (verdict == NET_RULES_ALLOW)
		flow_allow(l, first);
	else
		flow_refuse_waiting(l, first, net_rules_verdict_name(verdict));
}

void net_locked_rules_changed(struct net_locked *l, int64_t now_ms)
{
	l->now_ms = now_ms;
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		struct net_flow *f = net_flows_at(l->flows, i);

		if (f->state == NET_FLOW_ASKING)
			locked_answer_question(l, f);
		else
			flow_reconsider(l, f);
	}
	locked_drain(l);
}

/* ---- time ---- */

int net_locked_wait(const struct net_locked *l)
{
	return l->timed ? TICK_MS : -1;
}

static void flow_expire(struct net_locked *l, struct net_flow *f)
{
	switch (f->state) {
	case NET_FLOW_ASKING:
		flow_refuse_waiting(l, f, "not listed, and the question was not answered");
		return;
	case NET_FLOW_SNIFFING:
		flow_log(l, f, NET_LOG_REFUSED, NULL, "did not say what it wants");
		flow_cut(l, f);
		return;
	case NET_FLOW_FREE:
	case NET_FLOW_RESOLVING:
	case NET_FLOW_OPENING:
	case NET_FLOW_OPEN:
	case NET_FLOW_CLOSING:
		flow_remove(l, f);
		return;
	}
}

void net_locked_tick(struct net_locked *l, int64_t now_ms)
{
	l->now_ms = now_ms;
	if (now_ms - l->ticked_ms < TICK_MS)
		return;
	l->ticked_ms = now_ms;
	for (size_t i = 0; i < NET_FLOW_MAX && l->timed; i++) {
		struct net_flow *f = net_flows_at(l->flows, i);

		if (f->state != NET_FLOW_FREE && f->deadline_ms && now_ms >= f->deadline_ms)
			flow_expire(l, f);
	}
	locked_drain(l);
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
	buf_fini(&l->waiting);
	free(l);
}

size_t net_locked_flows(const struct net_locked *l)
{
	return net_flows_count(l->flows);
}
