/* Theory of operation: steps 2 to 5 at the head of net_locked.c, for hostile bytes of a guest on one side and libslirp on the
 * other. What the server gets must be what was checked here, so nothing rests on libslirp reading a segment as this file does:
 *
 * 1. A frame with a wrong checksum, or TCP with a SYN and data, gets nowhere near a flow (net_filter, locked_tcp).
 * 2. A flow's first packet is kept until it is decided and its name resolved. Then libslirp gets a SYN or datagram made here.
 * 3. Of a guest's later segments net_tcp says what counts: a position of the stream is taken once, in order, within the
 *    room libslirp has said it has, and only of a segment that confirms nothing but what was sent. So the bytes that are
 *    taken are one stream, and no later segment can say anything else about a part of it.
 * 4. On ports 443 and 80 of names the beginning of that stream is kept back until it is whole and for the right name.
 * 5. libslirp gets the stream, never a segment of the guest's: segments made here, each of which begins where the one before
 *    it has ended and has the flow's own acknowledgement (net_carry_give). libslirp has no choice but to take each as it is.
 * 6. So this side always knows the number libslirp waits for. A flow ends, for whatever reason, with a reset of this number,
 *    and is known here until libslirp has closed its socket (net_carry_end). */
#include "net/net_pass.h"
#include "net/net_carry.h"
#include "net/net_decide.h"
#include "net/net_judge.h"
#include "net/net_packet.h"
#include "net/net_plan.h"
#include "net/net_tcp.h"

#include <string.h>

#define SNIFF_MS      30000 /* for the client to say what it wants */
#define SNIFF_MAX     (18 * 1024)
#define EVICT_IDLE_MS 60000
#define TICK_MS	      250

/* ---- a first packet ---- */

/* Room for one more flow, or NULL when all are in use. */
static struct net_flow *pass_add_flow(struct net_locked *l, const struct net_frame *f)
{
	if (net_flows_count(l->flows) == NET_FLOW_MAX) {
		struct net_flow *idle = net_flows_idlest(l->flows, l->now_ms, EVICT_IDLE_MS);

		if (idle && idle->state == NET_FLOW_CLOSING)
			net_carry_end(l, idle);
		else if (idle)
			net_carry_cut(l, idle);
		net_locked_give(l); /* its socket is to be closed before there is another one */
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
	net_carry_begin(f, frame);
	if (!net_flows_keep(l->flows, f, frame->bytes, frame->len, NET_FLOW_HELD_MAX)) {
		net_carry_end(l, f);
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
	struct net_judge_wish w = {.name = name ? name->text : NULL,
				   .to = net_address_make(f->dst, 4),
				   .proto = f->proto,
				   .port = f->dst_port,
				   .may_ask = l->watched && l->asking < NET_LOCKED_ASKING_MAX};
	struct net_judge_verdict v;

	if (!name)
		w.place = net_locked_place(l, &w.to);
	v = net_judge_first(l->config.rules, &w);
	if (v.by_rules)
		net_rules_use(l->config.rules, w.name, &w.to, w.port);
	if (v.act == NET_JUDGE_REFUSE)
		net_locked_refuse_first(l, f, v.reason);
	else
		pass_admit(l, f, name, v.act == NET_JUDGE_ASK);
}

/* ---- what the client says first ---- */

/* libslirp gets what was checked, and the flow is open. */
static void pass_release(struct net_locked *l, struct net_flow *f)
{
	net_carry_give(l, f, f->bytes, f->len, f->tcp.fin);
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
	net_mini_adopt(l->mini, reason, frame, f->tcp.sent, f->tcp.next, l->now_ms);
	net_carry_end(l, f);
}

static void pass_judge(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	const struct net_name *name = net_carry_name(l, f);
	char said[NET_TLS_NAME_MAX + 1];
	const struct net_judge_verdict v =
	    net_judge_beginning(f->port, name ? name->text : NULL, f->bytes, f->len, f->tcp.fin, said);

	if (v.act == NET_JUDGE_PASS)
		pass_release(l, f);
	else if (v.act == NET_JUDGE_REFUSE)
		pass_refuse_sniffed(l, f, frame, said[0] ? said : NULL, v.reason);
}

/* Keeps back what the client says. */
static void pass_sniff(struct net_locked *l, struct net_flow *f, const struct net_frame *frame,
		       const struct net_tcp_piece *piece)
{
	if (!piece->len && !piece->fin) {
		net_carry_give(l, f, NULL, 0, false); /* the handshake's last part */
		return;
	}
	if (!net_flows_keep(l->flows, f, frame->bytes + frame->payload_at + piece->at, piece->len, SNIFF_MAX)) {
		pass_refuse_sniffed(l, f, frame, NULL, "its beginning is too long to check");
		return;
	}
	pass_judge(l, f, frame);
}

/* ---- packets of flows ---- */

static void pass_note_fin(struct net_locked *l, struct net_flow *f)
{
	if (f->tcp.fin && f->fin_remote && f->state == NET_FLOW_OPEN)
		net_carry_set_state(l, f, NET_FLOW_CLOSING);
}

static void pass_piece(struct net_locked *l, struct net_flow *f, const struct net_frame *frame,
		       const struct net_tcp_piece *piece)
{
	if (f->state == NET_FLOW_CONFIRMING)
		net_carry_set_state(l, f, f->sniff ? NET_FLOW_SNIFFING : NET_FLOW_OPEN);
	if (piece->answer)
		net_carry_ack_guest(l, f);
	if (f->state == NET_FLOW_SNIFFING) {
		pass_sniff(l, f, frame, piece);
		return;
	}
	net_carry_give(l, f, frame->bytes + frame->payload_at + piece->at, piece->len, piece->fin);
	pass_note_fin(l, f);
}

static void pass_take_tcp(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	struct net_tcp_piece piece;

	/* Nobody has answered it yet: it can do nothing but give up. */
	if (f->state < NET_FLOW_CONFIRMING && !(frame->tcp_flags & NET_FRAME_TCP_RST))
		return;
	switch (net_tcp_take(&f->tcp, frame, &piece)) {
	case NET_TCP_DROP:
		return;
	case NET_TCP_ACK:
		net_carry_ack_guest(l, f);
		return;
	case NET_TCP_RESET:
		net_carry_end(l, f);
		return;
	case NET_TCP_TAKE:
		f->last_ms = l->now_ms;
		pass_piece(l, f, frame, &piece);
		return;
	}
}

void net_pass_take(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	if (f->proto == NET_FRAME_PROTO_TCP) {
		pass_take_tcp(l, f, frame);
	} else if (f->state == NET_FLOW_OPEN) {
		f->last_ms = l->now_ms;
		net_carry_send_datagram(l, f, frame);
	}
}

/* ---- frames of libslirp ---- */

static void pass_to_guest(struct net_locked *l, const struct net_flow *f, const struct net_frame *frame)
{
	memcpy(l->scratch, frame->bytes, frame->len);
	net_packet_set_source(l->scratch, frame, f->target, f->port);
	net_packet_set_target(l->scratch, frame, net_carry_guest, f->guest_port);
	if (frame->proto == NET_FRAME_PROTO_TCP)
		net_packet_set_ack(l->scratch, frame, net_carry_guest_position(f, frame->tcp_ack));
	l->config.to_guest(l->config.ctx, l->scratch, frame->len);
}

/* The frame as it is in the guest's numbering. */
static struct net_frame pass_renumbered(const struct net_flow *f, const struct net_frame *frame)
{
	struct net_frame g = *frame;

	g.tcp_ack = net_carry_guest_position(f, frame->tcp_ack);
	return g;
}

/* libslirp has connected; false: this does not say so. */
static bool pass_opened(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	if (!net_tcp_answer(&f->tcp, frame))
		return false;
	net_flows_drop_kept(l->flows, f);
	net_carry_set_state(l, f, NET_FLOW_CONFIRMING);
	net_carry_set_deadline(l, f, f->sniff ? l->now_ms + SNIFF_MS : 0);
	return true;
}

static void pass_answered_tcp(struct net_locked *l, struct net_flow *f, const struct net_frame *frame)
{
	const bool reset = frame->tcp_flags & NET_FRAME_TCP_RST;
	const struct net_frame said = pass_renumbered(f, frame);

	if (f->state == NET_FLOW_ENDED) {
		net_carry_end_again(l, f);
		return;
	}
	/* That libslirp could not connect is known by its closing the socket. */
	if (f->state < NET_FLOW_OPENING || (f->state == NET_FLOW_OPENING && !pass_opened(l, f, &said)))
		return;
	net_tcp_note(&f->tcp, &said);
	pass_to_guest(l, f, frame);
	f->fin_remote = f->fin_remote || frame->tcp_flags & NET_FRAME_TCP_FIN;
	if (reset)
		net_carry_end(l, f);
	else
		pass_note_fin(l, f);
}

void net_pass_from_slirp(struct net_locked *l, const struct net_frame *frame)
{
	struct net_flow *f;

	if (!frame->has_transport || frame->is_fragment || frame->proto == NET_FRAME_PROTO_ICMP)
		return;
	f = net_flows_by_slirp_port(l->flows, frame->dst_port);
	if (!f || f->proto != frame->proto || memcmp(frame->src, f->remote, 4) != 0 || frame->src_port != f->port)
		return;
	f->last_ms = l->now_ms;
	if (f->proto == NET_FRAME_PROTO_TCP)
		pass_answered_tcp(l, f, frame);
	else if (f->state == NET_FLOW_OPEN)
		pass_to_guest(l, f, frame);
}

/* ---- time ---- */

static void pass_expire(struct net_locked *l, struct net_flow *f)
{
	if (f->state == NET_FLOW_ASKING) {
		net_carry_refuse_waiting(l, f, "not listed, and the question was not answered");
		return;
	}
	net_carry_log(l, f, NET_LOG_REFUSED, NULL, "sent no request");
	net_carry_cut(l, f);
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
