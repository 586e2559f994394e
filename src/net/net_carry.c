#include "net/net_carry.h"
#include "net/net_packet.h"
#include "net/net_plan.h"
#include "net/net_stream.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_MAX 65535U

/* libslirp's sequence numbers for the guest's bytes start here for each connection, whatever
 * numbers the guest chose. libslirp 4.7 mistakes the end of its segment list for a segment
 * (tcp_reass; fixed in later versions), and so writes anywhere, when a stream whose other side has
 * ended reaches position 0 with the end of a segment: a guest that chose the numbers could do that
 * with its first bytes. */
#define FIRST 0x01000000U

static const uint8_t carry_guest[4] = {NET_PLAN_GUEST4};

struct net_carry {
	struct net_carry_config config;
	uint8_t guest_mac[6], gateway_mac[6]; /* of the last frame that was routed */
	uint8_t scratch[NET_STREAM_FRAME_MAX];
};

void net_carry_note_ends(struct net_carry *c, const struct net_frame *f)
{
	memcpy(c->gateway_mac, f->bytes, 6);
	memcpy(c->guest_mac, f->bytes + 6, 6);
}

struct net_name *net_carry_name(struct net_carry *c, const struct net_flow *f)
{
	return net_names_at(c->config.names, f->name);
}

/* ---- to libslirp ---- */

static struct net_packet_ends carry_ends_to_slirp(const struct net_carry *c,
						  const struct net_flow *f)
{
	struct net_packet_ends ends = {.from_port = f->slirp_port, .to_port = f->port};

	memcpy(ends.from_mac, c->guest_mac, 6);
	memcpy(ends.to_mac, c->gateway_mac, 6);
	memcpy(ends.from, carry_guest, 4);
	memcpy(ends.to, f->aim.remote, 4);
	return ends;
}

static void carry_tcp_to_slirp(struct net_carry *c, const struct net_flow *f,
			       const struct net_packet_tcp *t)
{
	const struct net_packet_ends ends = carry_ends_to_slirp(c, f);

	net_queue_add(c->config.queue, f->slirp_port, c->scratch,
		      net_packet_make_tcp(c->scratch, &ends, t));
}

void net_carry_begin(struct net_flow *f, const struct net_frame *syn)
{
	f->stream.isn = syn->tcp_seq;
	f->stream.given = FIRST;
	net_tcp_begin(&f->stream.tcp, syn);
}

/* A position of the guest's stream that libslirp has acknowledged, in the guest's numbering. */
static uint32_t carry_guest_position(const struct net_flow *f, uint32_t position)
{
	return position - FIRST + f->stream.isn + 1;
}

void net_carry_send_syn(struct net_carry *c, const struct net_flow *f, const struct net_frame *syn)
{
	const struct net_packet_tcp t = {.seq = FIRST - 1,
					 .flags = NET_FRAME_TCP_SYN,
					 .window = f->stream.tcp.window,
					 .mss = net_packet_get_mss(syn)};

	carry_tcp_to_slirp(c, f, &t);
}

void net_carry_send_datagram(struct net_carry *c, const struct net_flow *f,
			     const struct net_frame *frame)
{
	const struct net_packet_ends ends = carry_ends_to_slirp(c, f);

	net_queue_add(c->config.queue, f->slirp_port, c->scratch,
		      net_packet_make_udp(c->scratch, &ends, frame->bytes + frame->payload_at,
					  frame->payload_len));
}

/* No segment ends at position 0, see FIRST. */
static size_t carry_piece(const struct net_flow *f, size_t n)
{
	return n > 1 && f->stream.given + (uint32_t)n == 0 ? n - 1 : n;
}

void net_carry_give(struct net_carry *c, struct net_flow *f, const uint8_t *bytes, size_t n,
		    bool fin)
{
	const size_t most = c->config.mtu - NET_PACKET_TCP_HEADERS;
	size_t at = 0;

	do {
		const size_t piece = carry_piece(f, n - at < most ? n - at : most);
		const bool last = fin && at + piece == n;
		const struct net_packet_tcp t = {
			.seq = f->stream.given,
			.ack = f->stream.tcp.una,
			.flags = (uint8_t)(NET_FRAME_TCP_ACK | (piece ? NET_FRAME_TCP_PSH : 0) |
					   (last ? NET_FRAME_TCP_FIN : 0)),
			.window = f->stream.tcp.window,
			.data = piece ? bytes + at : NULL,
			.len = piece};

		if (piece && f->stream.given + (uint32_t)piece == 0) {
			net_carry_cut(c, f); /* it can only be one byte by itself, once in 4 GiB */
			return;
		}
		carry_tcp_to_slirp(c, f, &t);
		f->stream.given += (uint32_t)piece + (last ? 1 : 0);
		at += piece;
	} while (at < n);
}

enum net_tcp_verdict net_carry_take(struct net_flow *f, const struct net_frame *frame,
				    struct net_tcp_piece *piece)
{
	return net_tcp_take(&f->stream.tcp, frame, piece);
}

/* ---- to the guest ---- */

static void carry_tcp_to_guest(struct net_carry *c, const struct net_flow *f,
			       const struct net_packet_tcp *t)
{
	struct net_packet_ends ends = {.from_port = f->port, .to_port = f->guest_port};
	uint8_t frame[NET_PACKET_HEADERS_MAX];

	memcpy(ends.from_mac, c->gateway_mac, 6);
	memcpy(ends.to_mac, c->guest_mac, 6);
	memcpy(ends.from, f->target, 4);
	memcpy(ends.to, carry_guest, 4);
	c->config.to_guest(c->config.ctx, frame, net_packet_make_tcp(frame, &ends, t));
}

void net_carry_ack_guest(struct net_carry *c, const struct net_flow *f)
{
	const int32_t room = (int32_t)(f->stream.tcp.limit - f->stream.tcp.next);
	const struct net_packet_tcp t = {.seq = f->stream.tcp.sent,
					 .ack = f->stream.tcp.next,
					 .flags = NET_FRAME_TCP_ACK,
					 .window = (uint16_t)(room < 0 ? 0
							      : (uint32_t)room > WINDOW_MAX
								      ? WINDOW_MAX
								      : (uint32_t)room)};

	carry_tcp_to_guest(c, f, &t);
}

static void carry_reset_guest(struct net_carry *c, const struct net_flow *f)
{
	const struct net_packet_tcp t = {.seq = f->stream.tcp.sent,
					 .ack = f->stream.tcp.next,
					 .flags = NET_FRAME_TCP_RST | NET_FRAME_TCP_ACK};

	carry_tcp_to_guest(c, f, &t);
}

/* The frame as it is in the guest's numbering. */
static struct net_frame carry_renumbered(const struct net_flow *f, const struct net_frame *frame)
{
	struct net_frame g = *frame;

	g.tcp_ack = carry_guest_position(f, frame->tcp_ack);
	return g;
}

bool net_carry_is_answered(struct net_flow *f, const struct net_frame *frame)
{
	const struct net_frame said = carry_renumbered(f, frame);

	return net_tcp_answer(&f->stream.tcp, &said);
}

void net_carry_to_guest(struct net_carry *c, struct net_flow *f, const struct net_frame *frame)
{
	memcpy(c->scratch, frame->bytes, frame->len);
	net_packet_set_source(c->scratch, frame, f->target, f->port);
	net_packet_set_target(c->scratch, frame, carry_guest, f->guest_port);
	if (frame->proto == NET_FRAME_PROTO_TCP) {
		const struct net_frame said = carry_renumbered(f, frame);

		net_tcp_note(&f->stream.tcp, &said);
		f->stream.fin_remote = f->stream.fin_remote || frame->tcp_flags & NET_FRAME_TCP_FIN;
		net_packet_set_ack(c->scratch, frame, said.tcp_ack);
	}
	c->config.to_guest(c->config.ctx, c->scratch, frame->len);
}

/* ---- the end ---- */

void net_carry_end_again(struct net_carry *c, const struct net_flow *f)
{
	/* The next byte libslirp waits for and the last acknowledgement it got: a reset that it
	 * must accept. */
	const struct net_packet_tcp t = {.seq = f->stream.given,
					 .ack = f->stream.tcp.una,
					 .flags = NET_FRAME_TCP_RST | NET_FRAME_TCP_ACK};

	/* Datagrams have no reset: libslirp closes their sockets by itself. */
	if (f->fd >= 0 && f->proto == NET_FRAME_PROTO_TCP)
		carry_tcp_to_slirp(c, f, &t);
}

void net_carry_end(struct net_carry *c, struct net_flow *f)
{
	struct net_name *name = net_carry_name(c, f);

	if (name)
		net_names_release(name);
	net_flows_set_name(f, -1);
	if (f->state == NET_FLOW_OPENING && f->fd >= 0)
		c->config.abort_connect(c->config.ctx, f->fd);
	net_carry_end_again(c, f);
	if (f->fd >= 0)
		net_flows_detach(c->config.flows, f);
	else
		net_flows_remove(c->config.flows, f);
}

void net_carry_cut(struct net_carry *c, struct net_flow *f)
{
	if (f->proto == NET_FRAME_PROTO_TCP)
		carry_reset_guest(c, f);
	net_carry_end(c, f);
}

void net_carry_log(struct net_carry *c, const struct net_flow *f, enum net_log_verdict verdict,
		   const char *name, const char *reason)
{
	const struct net_name *own = net_carry_name(c, f);
	const struct net_address to = net_address_make(
		verdict == NET_LOG_ALLOWED ? f->aim.remote : f->target, 4);

	if (!name && own)
		name = own->text;
	net_here_log(c->config.here, verdict, name, &to, f->proto, f->port, reason);
}

void net_carry_refuse_waiting(struct net_carry *c, struct net_flow *f, const char *reason,
			      int64_t now_ms)
{
	uint8_t bytes[NET_FLOW_HELD_MAX];
	struct net_frame frame;
	size_t len = f->len;

	memcpy(bytes, f->bytes, len);
	net_carry_end(c, f);
	net_frame_parse(&frame, bytes, len);
	net_here_refuse_first(c->config.here, &frame, reason, now_ms);
}

struct net_carry *net_carry_new(const struct net_carry_config *config)
{
	struct net_carry *c = mem_alloc(sizeof(*c));

	c->config = *config;
	return c;
}

void net_carry_free(struct net_carry *c)
{
	free(c);
}
