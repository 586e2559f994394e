#include "net/net_tcp.h"

#define WINDOW_MAX 65535U /* no window scaling: libslirp does not offer it */

/* How far b is behind a; negative when it is in front. */
static int32_t tcp_distance(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a);
}

/* How many more bytes there is room for. A FIN takes a number and no room, so `next` may be one
 * behind the limit. */
static uint32_t tcp_room(const struct net_tcp *t)
{
	return tcp_distance(t->next, t->limit) > 0 ? t->limit - t->next : 0;
}

static uint32_t tcp_covers(const struct net_frame *f)
{
	return (uint32_t)f->payload_len + (f->tcp_flags & NET_FRAME_TCP_SYN ? 1 : 0) +
	       (f->tcp_flags & NET_FRAME_TCP_FIN ? 1 : 0);
}

void net_tcp_begin(struct net_tcp *t, const struct net_frame *syn)
{
	*t = (struct net_tcp){
		.next = syn->tcp_seq + 1, .limit = syn->tcp_seq + 1, .window = syn->tcp_window};
}

bool net_tcp_answer(struct net_tcp *t, const struct net_frame *f)
{
	const uint8_t wanted = NET_FRAME_TCP_SYN | NET_FRAME_TCP_ACK;

	if ((f->tcp_flags & (wanted | NET_FRAME_TCP_RST)) != wanted || f->tcp_ack != t->next)
		return false;
	t->una = t->sent = f->tcp_seq + 1;
	t->limit = t->next + f->tcp_window;
	return true;
}

void net_tcp_note(struct net_tcp *t, const struct net_frame *f)
{
	const uint32_t end = f->tcp_seq + tcp_covers(f);
	const uint32_t limit = f->tcp_ack + f->tcp_window;

	if (tcp_distance(t->sent, end) > 0)
		t->sent = end;
	if (f->tcp_flags & NET_FRAME_TCP_ACK && tcp_distance(t->limit, limit) > 0)
		t->limit = limit;
}

/* RFC 5961 3.2: exactly the next byte's, or else, within the window, the guest is asked to say so
 * again. */
static enum net_tcp_verdict tcp_reset(const struct net_tcp *t, const struct net_frame *f)
{
	if (f->tcp_seq == t->next)
		return NET_TCP_RESET;
	return f->tcp_seq - t->next < tcp_room(t) ? NET_TCP_ACK : NET_TCP_DROP;
}

/* RFC 5961 5.2: of what was sent, or a repetition of an earlier one. The first one has to be exact.
 * What was never sent cannot be confirmed: libslirp would drop the segment with all its data, and
 * here they would count. */
static bool tcp_is_expected_ack(const struct net_tcp *t, uint32_t ack)
{
	if (!t->confirmed)
		return ack == t->sent;
	return ack - t->una <= t->sent - t->una || t->una - ack <= WINDOW_MAX;
}

/* False: the segment is outside the window. */
static bool tcp_cut(const struct net_tcp *t, const struct net_frame *f, struct net_tcp_piece *p)
{
	const bool fin = f->tcp_flags & NET_FRAME_TCP_FIN;
	const int32_t skip = tcp_distance(f->tcp_seq, t->next);
	const size_t room = tcp_room(t);

	*p = (struct net_tcp_piece){0};
	if (skip < 0) { /* a gap: what is behind it has to come again */
		p->answer = f->payload_len || fin;
		return f->tcp_seq - t->next <= room;
	}
	if ((size_t)skip > f->payload_len || ((size_t)skip == f->payload_len && !fin)) {
		p->answer = skip > 0; /* a repetition, or a probe */
		return (uint32_t)skip <= WINDOW_MAX;
	}
	p->at = (size_t)skip;
	p->len = f->payload_len - p->at;
	p->fin = fin;
	if (t->fin || p->len > room) {
		p->len = t->fin ? 0 : room;
		p->fin = false;
		p->answer = true;
	}
	return true;
}

enum net_tcp_verdict net_tcp_take(struct net_tcp *t, const struct net_frame *f,
				  struct net_tcp_piece *p)
{
	if (f->tcp_flags & NET_FRAME_TCP_RST)
		return tcp_reset(t, f);
	if (f->tcp_flags & NET_FRAME_TCP_SYN)
		return t->confirmed ? NET_TCP_ACK : NET_TCP_DROP;
	if (!(f->tcp_flags & NET_FRAME_TCP_ACK))
		return NET_TCP_DROP;
	if (!tcp_is_expected_ack(t, f->tcp_ack))
		return t->confirmed ? NET_TCP_ACK : NET_TCP_DROP;
	if (!tcp_cut(t, f, p))
		return NET_TCP_ACK;
	if (tcp_distance(t->una, f->tcp_ack) >= 0) {
		t->una = f->tcp_ack;
		t->window = f->tcp_window;
	}
	t->confirmed = true;
	t->next += (uint32_t)p->len + (p->fin ? 1 : 0);
	t->fin = t->fin || p->fin;
	return NET_TCP_TAKE;
}
