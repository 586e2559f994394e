/* Theory of operation: steps 2 to 5 at the head of net_locked.c. A flow's first packet is kept until it is
 * decided and its name resolved; from then on its packets are rewritten and passed on. On ports 443 and 80 of
 * names what the client says first is kept back: libslirp gets it as new segments, once it is whole and for
 * the right name. */
#include "net/net_pass.h"
#include "net/net_carry.h"
#include "net/net_decide.h"
#include "net/net_http.h"
#include "net/net_packet.h"
#include "net/net_plan.h"
#include "net/net_reader.h"
#include "net/net_tls.h"

#include <string.h>

#define SNIFF_MS      30000 /* for the client to say what it wants */
#define SNIFF_MAX     (18 * 1024)
#define CLOSING_MS    2000
#define EVICT_IDLE_MS 60000
#define TICK_MS	      250

static const uint8_t pass_gateway[4] = {NET_PLAN_GATEWAY4};

/* ---- a first packet ---- */

/* Room for one more flow, or NULL when all are in use. */
static struct net_flow *pass_add_flow(struct net_locked *l, const struct net_frame *f)
{
	if (net_flows_count(l->flows) == NET_FLOW_MAX) {
		struct net_flow *idle = net_flows_idlest(l->flows, l->now_ms, EVICT_IDLE_MS);

		if (idle && idle->state == NET_FLOW_CLOSING)
			net_carry_remove(l, idle);
		else if (idle)
			net_carry_cut(l, idle);
	}
	return net_flows_add(l->flows, f->proto, f->src_port, f->dst, f->dst_port);
}

static void pass_admit(struct net_locked *l, const struct net_frame *frame, struct net_name *name, bool ask)
{
	struct net_flow *f;

	if (frame->len > NET_FLOW_HELD_MAX) {
		net_locked_log_frame(l, frame, "first packet too large");
		return;
	}
	if (!net_limit_take(&l->flow_limit, l->now_ms)) {
		net_locked_refuse_first(l, frame, "too many connections a second");
		return;
	}
	f = pass_add_flow(l, frame);
	if (!f) {
		net_locked_refuse_first(l, frame, "too many connections");
		return;
	}
	f->name = name ? net_names_index(l->names, name) : -1;
	if (name)
		name->uses++;
	f->last_ms = l->now_ms;
	f->isn = frame->tcp_seq;
	f->next = frame->tcp_seq + 1;
	if (!net_flows_keep(l->flows, f, frame->bytes, frame->len, NET_FLOW_HELD_MAX)) {
		net_carry_remove(l, f);
		net_locked_refuse_first(l, frame, "too many connections");
	} else if (ask) {
		net_decide_ask(l, f);
	} else {
		net_decide_allow(l, f);
	}
}

void net_pass_first(struct net_locked *l, const struct net_frame *f)
{
	struct net_name *name = net_locked_name_of(l, f->dst);
	const struct net_address to = net_address_make(f->dst, 4);
	enum net_rules_verdict verdict;
	bool ask;

	if (!name && net_names_is_synthetic(f->dst)) {
		net_locked_refuse_first(l, f, "no name has this address");
		return;
	}
	/* Before the rules: clients fall back to TCP, where the name can be checked. */
	if (f->proto == NET_FRAME_PROTO_UDP && f->dst_port == NET_PLAN_HTTPS) {
		net_locked_refuse_first(l, f, "QUIC is not carried");
		return;
	}
	if (!name && memcmp(f->dst, pass_gateway, 4) == 0 && !l->config.host_loopback) {
		net_locked_refuse_first(l, f, "hostLoopback is off");
		return;
	}
	verdict = name ? net_rules_check_name(l->config.rules, name->text, f->dst_port, true)
		       : net_rules_check_address(l->config.rules, &to, f->dst_port, true);
	ask = l->watched && verdict != NET_RULES_DENIED && f->proto == NET_FRAME_PROTO_TCP &&
	      l->asking < NET_LOCKED_ASKING_MAX;
	if (verdict != NET_RULES_ALLOW && !ask)
		net_locked_refuse_first(l, f, net_rules_verdict_name(verdict));
	else
		pass_admit(l, f, name, verdict != NET_RULES_ALLOW);
}

/* ---- what the client says first ---- */

/* libslirp gets what was checked, and the flow is open. */
static void pass_release(struct net_locked *l, struct net_flow *f)
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

		net_carry_make_to_slirp(l, f, &t);
	}
	f->next = f->isn + 1 + (uint32_t)f->len;
	net_flows_drop_kept(l->flows, f);
	net_carry_set_deadline(l, f, 0);
	net_carry_set_state(l, f, NET_FLOW_OPEN);
}

static void pass_refuse_sniffed(struct net_locked *l, struct net_flow *f, const struct net_frame *frame,
				const char *said, const char *reason)
{
	net_carry_log(l, f, NET_LOG_REFUSED, said, reason);
	if (f->port != NET_PLAN_HTTP) {
		net_carry_cut(l, f);
		return;
	}
	net_carry_reset_slirp(l, f);
	net_mini_adopt(l->mini, reason, frame, f->acked, f->isn + 1 + (uint32_t)f->len, l->now_ms);
	net_carry_remove(l, f);
}

static void pass_judge(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	const bool http = f->port == NET_PLAN_HTTP;
	const struct net_name *name = net_carry_name(l, f);
	char said[NET_TLS_NAME_MAX + 1];
	enum net_sniff got =
	    http ? net_http_host(f->bytes, f->len, said) : net_tls_server_name(f->bytes, f->len, said);

	if (got == NET_SNIFF_MORE && !(frame->tcp_flags & NET_FRAME_TCP_FIN))
		return;
	if (got == NET_SNIFF_FOUND && name && strcmp(said, name->text) == 0)
		pass_release(l, f);
	else if (got == NET_SNIFF_FOUND)
		pass_refuse_sniffed(l, f, frame, said,
				    http ? "Host differs from the name that was looked up"
					 : "TLS server name differs from the name that was looked up");
	else if (got == NET_SNIFF_NONE)
		pass_refuse_sniffed(l, f, frame, NULL,
				    http ? "HTTP without a Host" : "TLS without a server name");
	else
		pass_refuse_sniffed(l, f, frame, NULL, http ? "not HTTP on port 80" : "not TLS on port 443");
}

/* Keeps back what the client says; only the next bytes in order are taken, the rest it has to send again. */
static void pass_sniff(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	uint32_t offset = frame->tcp_seq - (f->isn + 1);
	size_t skip;

	if (!frame->payload_len && !(frame->tcp_flags & NET_FRAME_TCP_FIN)) {
		net_carry_to_slirp(l, f, frame); /* the handshake's last part */
		return;
	}
	if (offset > f->len || f->len - offset > frame->payload_len)
		return;
	skip = f->len - offset;
	if (!net_flows_keep(l->flows, f, frame->bytes + frame->payload_at + skip, frame->payload_len - skip,
			    SNIFF_MAX)) {
		pass_refuse_sniffed(l, f, frame, NULL, "the beginning is too long to be checked");
		return;
	}
	pass_judge(l, f, frame);
}

/* ---- packets of flows ---- */

static void pass_note_fin(struct net_locked *l, struct net_flow *f)
{
	if (f->fin_guest && f->fin_remote && f->state == NET_FLOW_OPEN) {
		net_carry_set_state(l, f, NET_FLOW_CLOSING);
		net_carry_set_deadline(l, f, l->now_ms + CLOSING_MS);
	}
}

static void pass_on_tcp(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	uint32_t end = frame->tcp_seq + (uint32_t)frame->payload_len;

	if ((int32_t)(end - f->next) > 0)
		f->next = end;
	f->fin_guest = f->fin_guest || frame->tcp_flags & NET_FRAME_TCP_FIN;
	net_carry_to_slirp(l, f, frame);
	pass_note_fin(l, f);
}

/* A SYN where there is a flow: the same one again, or the port's next use. True: it was dealt with. */
bool net_pass_take_syn(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	if (frame->tcp_seq == f->isn && f->state <= NET_FLOW_OPENING) {
		if (f->state == NET_FLOW_OPENING)
			net_carry_to_slirp(l, f, frame);
		return true;
	}
	if (frame->tcp_seq == f->isn && f->state == NET_FLOW_SNIFFING && !f->len)
		return true; /* crossed with our answer, which the guest will get again */
	net_carry_reset_slirp(l, f);
	net_carry_remove(l, f);
	return false;
}

static void pass_take_tcp(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	if (frame->tcp_flags & NET_FRAME_TCP_RST) {
		if (f->state == NET_FLOW_SNIFFING)
			net_carry_reset_slirp(l, f);
		else if (f->state >= NET_FLOW_OPENING)
			net_carry_to_slirp(l, f, frame);
		net_carry_remove(l, f);
		return;
	}
	if (f->state < NET_FLOW_SNIFFING || !(frame->tcp_flags & NET_FRAME_TCP_ACK))
		return;
	f->acked = frame->tcp_ack;
	f->window = frame->tcp_window;
	if (f->state == NET_FLOW_SNIFFING)
		pass_sniff(l, f, frame);
	else
		pass_on_tcp(l, f, frame);
}

void net_pass_take(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	f->last_ms = l->now_ms;
	if (f->proto == NET_FRAME_PROTO_TCP) {
		pass_take_tcp(l, f, frame);
	} else if (f->state == NET_FLOW_OPEN) {
		net_carry_set_deadline(l, f, l->now_ms + NET_CARRY_UDP_IDLE_MS);
		net_carry_to_slirp(l, f, frame);
	}
}

/* ---- frames of libslirp ---- */

static void pass_to_guest(struct net_locked *l, const struct net_flow *f, const struct net_frame *frame)
{
	memcpy(l->scratch, frame->bytes, frame->len);
	net_packet_set_source(l->scratch, frame, f->target, f->port);
	net_packet_set_target(l->scratch, frame, net_carry_guest, f->guest_port);
	l->config.to_guest(l->config.ctx, l->scratch, frame->len);
}

static void pass_opened(struct net_locked *l, struct net_flow *f)
{
	net_flows_drop_kept(l->flows, f);
	net_carry_set_state(l, f, f->sniff ? NET_FLOW_SNIFFING : NET_FLOW_OPEN);
	net_carry_set_deadline(l, f, f->sniff ? l->now_ms + SNIFF_MS : 0);
}

static void pass_answered_tcp(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	const bool reset = frame->tcp_flags & NET_FRAME_TCP_RST;

	if (f->state < NET_FLOW_OPENING || (reset && f->state == NET_FLOW_OPENING && net_decide_try_next(l, f)))
		return;
	if (f->state == NET_FLOW_OPENING && !reset) {
		f->acked = frame->tcp_seq + 1;
		pass_opened(l, f);
	}
	pass_to_guest(l, f, frame);
	f->fin_remote = f->fin_remote || frame->tcp_flags & NET_FRAME_TCP_FIN;
	if (reset)
		net_carry_remove(l, f);
	else
		pass_note_fin(l, f);
}

/* libslirp says by ICMP that it could not connect: what it quotes is our own packet. */
static void pass_icmp_from_slirp(struct net_locked *l, const struct net_frame *frame)
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
	if (r.failed || !f || f->state != NET_FLOW_OPENING || net_decide_try_next(l, f))
		return;
	net_carry_reset_guest(l, f);
	net_carry_remove(l, f);
}

void net_pass_from_slirp(struct net_locked *l, const struct net_frame *frame)
{
	struct net_flow *f;

	if (!frame->has_transport || frame->is_fragment)
		return;
	if (frame->proto == NET_FRAME_PROTO_ICMP) {
		pass_icmp_from_slirp(l, frame);
		return;
	}
	f = net_flows_by_slirp_port(l->flows, frame->proto, frame->dst_port);
	if (!f || memcmp(frame->src, f->remote, 4) != 0 || frame->src_port != f->port) {
		uint8_t out[NET_PACKET_REFUSAL_MAX];
		size_t n = frame->proto == NET_FRAME_PROTO_TCP ? net_packet_make_refusal(out, frame) : 0;

		if (n) /* a flow that is gone here is to be gone there */
			net_locked_to_slirp(l, out, n);
		return;
	}
	f->last_ms = l->now_ms;
	if (f->proto == NET_FRAME_PROTO_TCP)
		pass_answered_tcp(l, f, frame);
	else
		pass_to_guest(l, f, frame);
}

/* ---- what changes from outside ---- */

/* ---- time ---- */

static void pass_expire(struct net_locked *l, struct net_flow *f)
{
	switch (f->state) {
	case NET_FLOW_ASKING:
		net_carry_refuse_waiting(l, f, "not listed, and the question was not answered");
		return;
	case NET_FLOW_SNIFFING:
		net_carry_log(l, f, NET_LOG_REFUSED, NULL, "did not say what it wants");
		net_carry_cut(l, f);
		return;
	case NET_FLOW_FREE:
	case NET_FLOW_RESOLVING:
	case NET_FLOW_OPENING:
	case NET_FLOW_OPEN:
	case NET_FLOW_CLOSING:
		net_carry_remove(l, f);
		return;
	}
}

void net_pass_tick(struct net_locked *l)
{
	if (l->now_ms - l->ticked_ms < TICK_MS)
		return;
	l->ticked_ms = l->now_ms;
	for (size_t i = 0; i < NET_FLOW_MAX && l->timed; i++) {
		struct net_flow *f = net_flows_at(l->flows, i);

		if (f->state != NET_FLOW_FREE && f->deadline_ms && l->now_ms >= f->deadline_ms)
			pass_expire(l, f);
	}
}
