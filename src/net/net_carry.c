#include "net/net_carry.h"
#include "net/net_packet.h"
#include "net/net_plan.h"

#include <string.h>

const uint8_t net_carry_guest[4] = {NET_PLAN_GUEST4};

void net_carry_set_deadline(struct net_locked *l, struct net_flow *f, int64_t deadline_ms)
{
	l->timed += (deadline_ms != 0) - (size_t)(f->deadline_ms != 0);
	f->deadline_ms = deadline_ms;
}

void net_carry_set_state(struct net_locked *l, struct net_flow *f, enum net_flow_state state)
{
	l->asking += (state == NET_FLOW_ASKING) - (size_t)(f->state == NET_FLOW_ASKING);
	f->state = state;
}

struct net_name *net_carry_name(struct net_locked *l, const struct net_flow *f)
{
	return net_names_at(l->names, f->name);
}

void net_carry_remove(struct net_locked *l, struct net_flow *f)
{
	struct net_name *name = net_carry_name(l, f);

	if (name)
		name->uses--;
	net_carry_set_deadline(l, f, 0);
	net_carry_set_state(l, f, NET_FLOW_FREE);
	net_flows_remove(l->flows, f);
}

void net_carry_to_slirp(struct net_locked *l, const struct net_flow *f, const struct net_frame *frame)
{
	if (frame->len > sizeof(l->scratch))
		return;
	memcpy(l->scratch, frame->bytes, frame->len);
	net_packet_set_source(l->scratch, frame, net_carry_guest, f->slirp_port);
	net_packet_set_target(l->scratch, frame, f->remote, f->port);
	net_locked_to_slirp(l, l->scratch, frame->len);
}

void net_carry_make_to_slirp(struct net_locked *l, const struct net_flow *f, const struct net_packet_tcp *t)
{
	struct net_packet_ends ends = {.from_port = f->slirp_port, .to_port = f->port};

	memcpy(ends.from_mac, l->guest_mac, 6);
	memcpy(ends.to_mac, l->gateway_mac, 6);
	memcpy(ends.from, net_carry_guest, 4);
	memcpy(ends.to, f->remote, 4);
	net_locked_to_slirp(l, l->scratch, net_packet_make_tcp(l->scratch, &ends, t));
}

void net_carry_reset_guest(struct net_locked *l, const struct net_flow *f)
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
	memcpy(ends.to, net_carry_guest, 4);
	l->config.to_guest(l->config.ctx, frame, net_packet_make_tcp(frame, &ends, &t));
}

void net_carry_reset_slirp(struct net_locked *l, const struct net_flow *f)
{
	const struct net_packet_tcp t = {
	    .seq = f->next, .ack = f->acked, .flags = NET_FRAME_TCP_RST | NET_FRAME_TCP_ACK};

	if (f->proto == NET_FRAME_PROTO_TCP && f->state >= NET_FLOW_OPENING)
		net_carry_make_to_slirp(l, f, &t);
}

void net_carry_cut(struct net_locked *l, struct net_flow *f)
{
	net_carry_reset_slirp(l, f);
	if (f->proto == NET_FRAME_PROTO_TCP)
		net_carry_reset_guest(l, f);
	net_carry_remove(l, f);
}

void net_carry_log(struct net_locked *l, const struct net_flow *f, enum net_log_verdict verdict,
		     const char *name, const char *reason)
{
	const struct net_name *own = net_carry_name(l, f);
	const struct net_address to = net_address_make(verdict == NET_LOG_ALLOWED ? f->remote : f->target, 4);

	net_locked_log(l, verdict, name ? name : own ? own->text : NULL, &to, f->proto, f->port, reason);
}

void net_carry_refuse_waiting(struct net_locked *l, struct net_flow *f, const char *reason)
{
	uint8_t bytes[NET_FLOW_HELD_MAX];
	struct net_frame frame;
	size_t len = f->len;

	memcpy(bytes, f->bytes, len);
	net_carry_remove(l, f);
	net_frame_parse(&frame, bytes, len);
	net_locked_refuse_first(l, &frame, reason);
}
