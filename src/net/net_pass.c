/* Theory of operation: steps 2 to 5 at the head of net_locked.c, for hostile bytes of a guest on
 * one side and libslirp on the other. What the server gets must be what was checked here, so
 * nothing rests on libslirp reading a segment as this file does:
 *
 * 1. A frame with a wrong checksum, or TCP with a SYN and data, reaches no flow (net_filter,
 *    net_judge_segment).
 * 2. A flow's first packet is kept until it is decided and its name resolved. Then libslirp gets a
 *    SYN or datagram made here.
 * 3. net_tcp decides what counts of a guest's later segments: a position of the stream is taken
 *    once, in order, within the window of libslirp, and only from a segment that acknowledges
 *    nothing but what was sent. So the bytes taken are one stream, and no later segment can change
 *    a part of it.
 * 4. On ports 443 and 80 of names the beginning of that stream is kept back until it is whole and
 *    for the right name.
 * 5. libslirp gets the stream, never a segment of the guest's: segments made here, each of which
 *    begins where the one before it has ended and has the flow's own acknowledgement
 *    (net_carry_give). libslirp has to take each as it is.
 * 6. So this side always knows the number libslirp waits for. A flow ends, for whatever reason,
 *    with a reset of this number, and is known here until libslirp has closed its socket
 *    (net_carry_end). */
#include "net/net_pass.h"
#include "net/net_judge.h"
#include "net/net_limit.h"
#include "net/net_plan.h"
#include "net/net_tcp.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define SNIFF_MS      30000 /* for the client to say what it wants */
#define SNIFF_MAX     (18 * 1024)
#define EVICT_IDLE_MS 60000
#define TICK_MS	      250

#define FLOWS_PER_SECOND 500
#define FLOWS_BURST	 2000

struct net_pass {
	struct net_pass_config config;
	struct net_limit flow_limit;
	int64_t ticked_ms;
};

/* ---- a first packet ---- */

/* Room for one more flow, or NULL when all are in use. */
static struct net_flow *pass_add_flow(struct net_pass *p, const struct net_frame *f, int64_t now_ms)
{
	if (net_flows_count(p->config.flows) == NET_FLOW_MAX) {
		struct net_flow *idle = net_flows_idlest(p->config.flows, now_ms, EVICT_IDLE_MS);

		if (idle && idle->state == NET_FLOW_CLOSING)
			net_carry_end(p->config.carry, idle);
		else if (idle)
			net_carry_cut(p->config.carry, idle);
		net_give_all(
			p->config
				.give); /* its socket is to be closed before there is another one */
	}
	return net_flows_add(p->config.flows, f->proto, f->src_port, f->dst, f->dst_port);
}

static void pass_admit(struct net_pass *p, const struct net_frame *frame, struct net_name *name,
		       bool ask, int64_t now_ms)
{
	struct net_flow *f;

	if (frame->len > NET_FLOW_HELD_MAX) {
		net_here_log_frame(p->config.here, frame, "first packet too large", now_ms);
		return;
	}
	if (!net_limit_take(&p->flow_limit, now_ms)) {
		net_here_refuse_first(p->config.here, frame, "too many connections a second",
				      now_ms);
		return;
	}
	f = pass_add_flow(p, frame, now_ms);
	if (!f) {
		net_here_refuse_first(p->config.here, frame, "too many connections", now_ms);
		return;
	}
	if (name) {
		net_flows_set_name(f, net_names_index(p->config.names, name));
		net_names_hold(name);
	}
	net_flows_touch(f, now_ms);
	net_carry_begin(f, frame);
	if (!net_flows_keep(p->config.flows, f, frame->bytes, frame->len, NET_FLOW_HELD_MAX)) {
		net_carry_end(p->config.carry, f);
		net_here_refuse_first(p->config.here, frame, "too many connections", now_ms);
	} else if (ask) {
		net_open_ask(p->config.open, f, now_ms);
	} else {
		net_open_allow(p->config.open, f, now_ms);
	}
}

static void pass_first(struct net_pass *p, const struct net_frame *f, int64_t now_ms)
{
	struct net_name *name = net_names_by_address(p->config.names, f->dst, now_ms);
	struct net_judge_wish w = {.name = name ? name->text : NULL,
				   .to = net_address_make(f->dst, 4),
				   .proto = f->proto,
				   .port = f->dst_port,
				   .may_ask = net_open_may_ask(p->config.open)};
	struct net_judge_verdict v;

	if (!name && !net_names_is_synthetic(f->dst))
		w.place = net_open_place(p->config.open, &w.to);
	v = net_judge_first(p->config.rules, &w);
	if (v.by_rules)
		net_rules_use(p->config.rules, w.name, &w.to, w.port);
	if (v.act == NET_JUDGE_REFUSE)
		net_here_refuse_first(p->config.here, f, v.reason, now_ms);
	else
		pass_admit(p, f, name, v.act == NET_JUDGE_ASK, now_ms);
}

/* ---- what the client says first ---- */

/* libslirp gets what was checked, and the flow is open. */
static void pass_release(struct net_pass *p, struct net_flow *f)
{
	net_carry_give(p->config.carry, f, f->bytes, f->len, f->stream.tcp.fin);
	net_flows_drop_kept(p->config.flows, f);
	net_flows_set_deadline(p->config.flows, f, 0);
	net_flows_set_state(p->config.flows, f, NET_FLOW_OPEN);
}

static void pass_refuse_sniffed(struct net_pass *p, struct net_flow *f,
				const struct net_frame *frame, const char *said, const char *reason,
				int64_t now_ms)
{
	net_carry_log(p->config.carry, f, NET_LOG_REFUSED, said, reason);
	if (f->port != NET_PLAN_HTTP) {
		net_carry_cut(p->config.carry, f);
		return;
	}
	net_here_adopt(p->config.here, reason, frame, f->stream.tcp.sent, f->stream.tcp.next,
		       now_ms);
	net_carry_end(p->config.carry, f);
}

static void pass_judge(struct net_pass *p, struct net_flow *f, const struct net_frame *frame,
		       int64_t now_ms)
{
	const struct net_name *name = net_carry_name(p->config.carry, f);
	char said[NET_TLS_NAME_MAX + 1];
	const struct net_judge_verdict v = net_judge_beginning(
		f->port, name ? name->text : NULL, f->bytes, f->len, f->stream.tcp.fin, said);

	if (v.act == NET_JUDGE_PASS)
		pass_release(p, f);
	else if (v.act == NET_JUDGE_REFUSE)
		pass_refuse_sniffed(p, f, frame, said[0] ? said : NULL, v.reason, now_ms);
}

/* Keeps back what the client says. */
static void pass_sniff(struct net_pass *p, struct net_flow *f, const struct net_frame *frame,
		       const struct net_tcp_piece *piece, int64_t now_ms)
{
	if (!piece->len && !piece->fin) {
		net_carry_give(p->config.carry, f, NULL, 0, false); /* the handshake's last part */
		return;
	}
	if (!net_flows_keep(p->config.flows, f, frame->bytes + frame->payload_at + piece->at,
			    piece->len, SNIFF_MAX)) {
		pass_refuse_sniffed(p, f, frame, NULL, "its beginning is too long to check",
				    now_ms);
		return;
	}
	pass_judge(p, f, frame, now_ms);
}

/* ---- packets of flows ---- */

static void pass_note_fin(struct net_pass *p, struct net_flow *f)
{
	if (f->stream.tcp.fin && f->stream.fin_remote && f->state == NET_FLOW_OPEN)
		net_flows_set_state(p->config.flows, f, NET_FLOW_CLOSING);
}

static void pass_piece(struct net_pass *p, struct net_flow *f, const struct net_frame *frame,
		       const struct net_tcp_piece *piece, int64_t now_ms)
{
	if (f->state == NET_FLOW_CONFIRMING)
		net_flows_set_state(p->config.flows, f,
				    f->aim.sniff ? NET_FLOW_SNIFFING : NET_FLOW_OPEN);
	if (piece->answer)
		net_carry_ack_guest(p->config.carry, f);
	if (f->state == NET_FLOW_SNIFFING) {
		pass_sniff(p, f, frame, piece, now_ms);
		return;
	}
	net_carry_give(p->config.carry, f, frame->bytes + frame->payload_at + piece->at, piece->len,
		       piece->fin);
	pass_note_fin(p, f);
}

static void pass_take_tcp(struct net_pass *p, struct net_flow *f, const struct net_frame *frame,
			  int64_t now_ms)
{
	struct net_tcp_piece piece;

	/* The server has not answered yet: the client can only give up. */
	if (f->state < NET_FLOW_CONFIRMING && !(frame->tcp_flags & NET_FRAME_TCP_RST))
		return;
	switch (net_carry_take(f, frame, &piece)) {
	case NET_TCP_DROP:
		return;
	case NET_TCP_ACK:
		net_carry_ack_guest(p->config.carry, f);
		return;
	case NET_TCP_RESET:
		net_carry_end(p->config.carry, f);
		return;
	case NET_TCP_TAKE:
		net_flows_touch(f, now_ms);
		pass_piece(p, f, frame, &piece, now_ms);
		return;
	}
}

void net_pass_tcp(struct net_pass *p, const struct net_frame *f, int64_t now_ms)
{
	struct net_flow *flow = net_flows_find(p->config.flows, f->proto, f->src_port, f->dst,
					       f->dst_port);
	const enum net_judge_segment what = net_judge_segment(f, flow ? &flow->stream.isn : NULL);

	if (what == NET_JUDGE_SEGMENT_DROP || net_here_take(p->config.here, f, now_ms))
		return;
	if (flow && what == NET_JUDGE_SEGMENT_AGAIN)
		net_carry_end(p->config.carry, flow);
	if (flow && what == NET_JUDGE_SEGMENT_NEXT)
		pass_take_tcp(p, flow, f, now_ms);
	else if (what == NET_JUDGE_SEGMENT_STRAY)
		net_here_answer(p->config.here, f);
	else
		pass_first(p, f, now_ms);
}

void net_pass_udp(struct net_pass *p, const struct net_frame *f, int64_t now_ms)
{
	struct net_flow *flow = net_flows_find(p->config.flows, f->proto, f->src_port, f->dst,
					       f->dst_port);

	if (!flow) {
		pass_first(p, f, now_ms);
	} else if (flow->state == NET_FLOW_OPEN) {
		net_flows_touch(flow, now_ms);
		net_carry_send_datagram(p->config.carry, flow, f);
	}
}

/* ---- frames of libslirp ---- */

/* libslirp has connected; false: this does not say so. */
static bool pass_opened(struct net_pass *p, struct net_flow *f, const struct net_frame *frame,
			int64_t now_ms)
{
	if (!net_carry_is_answered(f, frame))
		return false;
	net_flows_drop_kept(p->config.flows, f);
	net_flows_set_state(p->config.flows, f, NET_FLOW_CONFIRMING);
	net_flows_set_deadline(p->config.flows, f, f->aim.sniff ? now_ms + SNIFF_MS : 0);
	return true;
}

static void pass_answered_tcp(struct net_pass *p, struct net_flow *f, const struct net_frame *frame,
			      int64_t now_ms)
{
	if (f->state == NET_FLOW_ENDED) {
		net_carry_end_again(p->config.carry, f);
		return;
	}
	/* A failed connection is noticed when libslirp closes the socket. */
	if (f->state < NET_FLOW_OPENING ||
	    (f->state == NET_FLOW_OPENING && !pass_opened(p, f, frame, now_ms)))
		return;
	net_carry_to_guest(p->config.carry, f, frame);
	if (frame->tcp_flags & NET_FRAME_TCP_RST)
		net_carry_end(p->config.carry, f);
	else
		pass_note_fin(p, f);
}

void net_pass_from_slirp(struct net_pass *p, const struct net_frame *frame, int64_t now_ms)
{
	struct net_flow *f;

	if (!frame->has_transport || frame->is_fragment || frame->proto == NET_FRAME_PROTO_ICMP)
		return;
	f = net_flows_by_slirp_port(p->config.flows, frame->dst_port);
	if (!f || f->proto != frame->proto || memcmp(frame->src, f->aim.remote, 4) != 0 ||
	    frame->src_port != f->port)
		return;
	net_flows_touch(f, now_ms);
	if (f->proto == NET_FRAME_PROTO_TCP)
		pass_answered_tcp(p, f, frame, now_ms);
	else if (f->state == NET_FLOW_OPEN)
		net_carry_to_guest(p->config.carry, f, frame);
}

/* ---- time ---- */

static void pass_expire(struct net_pass *p, struct net_flow *f, int64_t now_ms)
{
	if (f->state == NET_FLOW_ASKING) {
		net_carry_refuse_waiting(p->config.carry, f,
					 "not listed, and the question was not answered", now_ms);
		return;
	}
	net_carry_log(p->config.carry, f, NET_LOG_REFUSED, NULL, "sent no request");
	net_carry_cut(p->config.carry, f);
}

void net_pass_tick(struct net_pass *p, int64_t now_ms)
{
	if (now_ms - p->ticked_ms < TICK_MS)
		return;
	p->ticked_ms = now_ms;
	for (size_t i = 0; i < NET_FLOW_MAX && net_flows_timed(p->config.flows); i++) {
		struct net_flow *f = net_flows_at(p->config.flows, i);

		if (f->state != NET_FLOW_FREE && f->deadline_ms && now_ms >= f->deadline_ms)
			pass_expire(p, f, now_ms);
	}
}

int net_pass_wait(const struct net_pass *p)
{
	return net_flows_timed(p->config.flows) ? TICK_MS : -1;
}

struct net_pass *net_pass_new(const struct net_pass_config *config)
{
	struct net_pass *p = mem_alloc(sizeof(*p));

	p->config = *config;
	p->flow_limit = (struct net_limit){.per_second = FLOWS_PER_SECOND, .burst = FLOWS_BURST};
	return p;
}

void net_pass_free(struct net_pass *p)
{
	free(p);
}
