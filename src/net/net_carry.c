#include "net/net_carry.h"
#include "net/net_packet.h"
#include "net/net_plan.h"

#include <string.h>

#define WINDOW_MAX 65535U

/* libslirp's numbering of what the guest says begins here for each connection, whatever the guest's own does. libslirp 4.7 takes
 * the end of its list of segments for a segment (tcp_reass; fixed in later versions), and so writes anywhere, when a stream
 * whose other side has ended reaches position 0 with the end of a segment: a guest that chose the numbers would do that with its
 * first bytes. */
#define FIRST 0x01000000U

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

/* ---- to libslirp ---- */

static struct net_packet_ends carry_ends_to_slirp(const struct net_locked *l, const struct net_flow *f)
{
	struct net_packet_ends ends = {.from_port = f->slirp_port, .to_port = f->port};

	memcpy(ends.from_mac, l->guest_mac, 6);
	memcpy(ends.to_mac, l->gateway_mac, 6);
	memcpy(ends.from, net_carry_guest, 4);
	memcpy(ends.to, f->remote, 4);
	return ends;
}

static void carry_tcp_to_slirp(struct net_locked *l, const struct net_flow *f, const struct net_packet_tcp *t)
{
	const struct net_packet_ends ends = carry_ends_to_slirp(l, f);

	net_locked_to_slirp(l, f, l->scratch, net_packet_make_tcp(l->scratch, &ends, t));
}

void net_carry_begin(struct net_flow *f, const struct net_frame *syn)
{
	f->isn = syn->tcp_seq;
	f->given = FIRST;
	net_tcp_begin(&f->tcp, syn);
}

uint32_t net_carry_guest_position(const struct net_flow *f, uint32_t position)
{
	return position - FIRST + f->isn + 1;
}

void net_carry_send_syn(struct net_locked *l, const struct net_flow *f, const struct net_frame *syn)
{
	const struct net_packet_tcp t = {.seq = FIRST - 1,
					 .flags = NET_FRAME_TCP_SYN,
					 .window = f->tcp.window,
					 .mss = net_packet_get_mss(syn)};

	carry_tcp_to_slirp(l, f, &t);
}

void net_carry_send_datagram(struct net_locked *l, const struct net_flow *f, const struct net_frame *frame)
{
	const struct net_packet_ends ends = carry_ends_to_slirp(l, f);

	net_locked_to_slirp(
	    l, f, l->scratch,
	    net_packet_make_udp(l->scratch, &ends, frame->bytes + frame->payload_at, frame->payload_len));
}

/* No segment ends at position 0, see FIRST. */
static size_t carry_piece(const struct net_flow *f, size_t n)
{
	return n > 1 && f->given + (uint32_t)n == 0 ? n - 1 : n;
}

void net_carry_give(struct net_locked *l, struct net_flow *f, const uint8_t *bytes, size_t n, bool fin)
{
	const size_t most = l->config.mtu - NET_PACKET_TCP_HEADERS;
	size_t at = 0;

	do {
		const size_t piece = carry_piece(f, n - at < most ? n - at : most);
		const bool last = fin && at + piece == n;
		const struct net_packet_tcp t = {
		    .seq = f->given,
		    .ack = f->tcp.una,
		    .flags = (uint8_t)(NET_FRAME_TCP_ACK | (piece ? NET_FRAME_TCP_PSH : 0) |
				       (last ? NET_FRAME_TCP_FIN : 0)),
		    .window = f->tcp.window,
		    .data = piece ? bytes + at : NULL,
		    .len = piece};

		if (piece && f->given + (uint32_t)piece == 0) {
			net_carry_cut(l, f); /* it can only be one byte by itself, once in 4 GiB */
			return;
		}
		carry_tcp_to_slirp(l, f, &t);
		f->given += (uint32_t)piece + (last ? 1 : 0);
		at += piece;
	} while (at < n);
}

/* ---- to the guest ---- */

static void carry_tcp_to_guest(struct net_locked *l, const struct net_flow *f, const struct net_packet_tcp *t)
{
	struct net_packet_ends ends = {.from_port = f->port, .to_port = f->guest_port};
	uint8_t frame[NET_PACKET_HEADERS_MAX];

	memcpy(ends.from_mac, l->gateway_mac, 6);
	memcpy(ends.to_mac, l->guest_mac, 6);
	memcpy(ends.from, f->target, 4);
	memcpy(ends.to, net_carry_guest, 4);
	l->config.to_guest(l->config.ctx, frame, net_packet_make_tcp(frame, &ends, t));
}

void net_carry_ack_guest(struct net_locked *l, const struct net_flow *f)
{
	const int32_t room = (int32_t)(f->tcp.limit - f->tcp.next);
	const struct net_packet_tcp t = {
	    .seq = f->tcp.sent,
	    .ack = f->tcp.next,
	    .flags = NET_FRAME_TCP_ACK,
	    .window = (uint16_t)(room < 0 ? 0 : (uint32_t)room > WINDOW_MAX ? WINDOW_MAX : (uint32_t)room)};

	carry_tcp_to_guest(l, f, &t);
}

void net_carry_reset_guest(struct net_locked *l, const struct net_flow *f)
{
	const struct net_packet_tcp t = {
	    .seq = f->tcp.sent, .ack = f->tcp.next, .flags = NET_FRAME_TCP_RST | NET_FRAME_TCP_ACK};

	carry_tcp_to_guest(l, f, &t);
}

/* ---- the end ---- */

void net_carry_end_again(struct net_locked *l, const struct net_flow *f)
{
	/* The next byte libslirp waits for and the last one it was confirmed: a reset it cannot but believe. */
	const struct net_packet_tcp t = {
	    .seq = f->given, .ack = f->tcp.una, .flags = NET_FRAME_TCP_RST | NET_FRAME_TCP_ACK};

	/* There is no such word for datagrams: libslirp forgets their sockets by itself. */
	if (f->fd >= 0 && f->proto == NET_FRAME_PROTO_TCP)
		carry_tcp_to_slirp(l, f, &t);
}

void net_carry_end(struct net_locked *l, struct net_flow *f)
{
	struct net_name *name = net_carry_name(l, f);

	if (name)
		name->uses--;
	f->name = -1;
	net_carry_set_deadline(l, f, 0);
	l->asking -= f->state == NET_FLOW_ASKING;
	if (f->state == NET_FLOW_OPENING && f->fd >= 0)
		l->config.abort_connect(l->config.ctx, f->fd);
	net_carry_end_again(l, f);
	if (f->fd >= 0)
		net_flows_detach(l->flows, f);
	else
		net_flows_remove(l->flows, f);
}

void net_carry_cut(struct net_locked *l, struct net_flow *f)
{
	if (f->proto == NET_FRAME_PROTO_TCP)
		net_carry_reset_guest(l, f);
	net_carry_end(l, f);
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
	net_carry_end(l, f);
	net_frame_parse(&frame, bytes, len);
	net_locked_refuse_first(l, &frame, reason);
}
