#include "net/net_mini.h"
#include "base/mem.h"

#include <string.h>

#define MSS    1200
#define WINDOW NET_MINI_IN_MAX

struct mini_connection {
	bool ended; /* our FIN is out */
	bool established;
	struct net_mini_end end;
	uint16_t guest_port;
	uint32_t rcv_next; /* the guest's next byte */
	uint32_t snd_una;  /* the first byte of ours it has not confirmed */
	int64_t last_ms;
	uint8_t in[NET_MINI_IN_MAX];
	size_t in_len;
	uint8_t out[NET_MINI_OUT_MAX]; /* from snd_una on */
	size_t out_len;
};

struct net_mini {
	struct net_mini_config config;
	struct mini_connection *connection[NET_MINI_MAX]; /* owned; NULL: none */
	size_t n;
	uint32_t isn;
};

struct net_mini *net_mini_new(const struct net_mini_config *config)
{
	struct net_mini *m = mem_alloc(sizeof(*m));

	m->config = *config;
	m->isn = 0x3c1f0000;
	return m;
}

void net_mini_free(struct net_mini *m)
{
	for (size_t i = 0; m && i < NET_MINI_MAX; i++)
		free(m->connection[i]);
	free(m);
}

size_t net_mini_count(const struct net_mini *m)
{
	return m->n;
}

static struct mini_connection **mini_find(struct net_mini *m, const struct net_frame *f)
{
	/* Asked for each packet of the guest, and most often there are none. */
	for (size_t i = 0; m->n && i < NET_MINI_MAX; i++) {
		const struct mini_connection *c = m->connection[i];

		if (c && c->guest_port == f->src_port && c->end.port == f->dst_port &&
		    memcmp(c->end.target, f->dst, 4) == 0)
			return &m->connection[i];
	}
	return NULL;
}

static void mini_close(struct net_mini *m, struct mini_connection **at)
{
	m->n -= *at != NULL;
	free(*at);
	*at = NULL;
}

static void mini_send(struct net_mini *m, const struct net_frame *f, const struct net_packet_tcp *t)
{
	const struct net_packet_ends ends = net_packet_answer_ends(f);
	uint8_t frame[NET_PACKET_HEADERS_MAX + MSS];

	m->config.to_guest(m->config.ctx, frame, net_packet_make_tcp(frame, &ends, t));
}

/* Everything the guest has not confirmed, or a bare acknowledgement. */
static void mini_send_rest(struct net_mini *m, const struct mini_connection *c,
			   const struct net_frame *f)
{
	size_t at = 0;

	do {
		size_t n = c->out_len - at < MSS ? c->out_len - at : MSS;
		bool last = at + n == c->out_len;
		const struct net_packet_tcp t = {
			.seq = c->snd_una + (uint32_t)at,
			.ack = c->rcv_next,
			.flags = (uint8_t)(NET_FRAME_TCP_ACK | (n ? NET_FRAME_TCP_PSH : 0) |
					   (last && c->ended ? NET_FRAME_TCP_FIN : 0)),
			.window = WINDOW,
			.data = c->out + at,
			.len = n,
		};

		mini_send(m, f, &t);
		at += n;
	} while (at < c->out_len);
}

static void mini_send_syn(struct net_mini *m, const struct mini_connection *c,
			  const struct net_frame *f)
{
	const struct net_packet_tcp t = {.seq = c->snd_una - 1,
					 .ack = c->rcv_next,
					 .window = WINDOW,
					 .flags = NET_FRAME_TCP_SYN | NET_FRAME_TCP_ACK,
					 .mss = MSS};

	mini_send(m, f, &t);
}

/* Where a new connection goes: the place of an old one with the same ends, a free one, or the one
 * idle for longest. */
static struct mini_connection **mini_room(struct net_mini *m, const struct net_frame *f)
{
	struct mini_connection **at = mini_find(m, f);

	if (at)
		return at;
	at = &m->connection[0];
	for (size_t i = 0; i < NET_MINI_MAX && *at; i++)
		if (!m->connection[i] || m->connection[i]->last_ms < (*at)->last_ms)
			at = &m->connection[i];
	return at;
}

static struct mini_connection *mini_add(struct net_mini *m, enum net_mini_kind kind,
					const char *reason, const struct net_frame *f,
					int64_t now_ms)
{
	struct mini_connection **at = mini_room(m, f);

	mini_close(m, at);
	*at = mem_alloc(sizeof(**at));
	m->n++;
	(*at)->end = (struct net_mini_end){.kind = kind, .reason = reason, .port = f->dst_port};
	memcpy((*at)->end.target, f->dst, 4);
	(*at)->guest_port = f->src_port;
	(*at)->last_ms = now_ms;
	return *at;
}

void net_mini_accept(struct net_mini *m, enum net_mini_kind kind, const char *reason,
		     const struct net_frame *f, int64_t now_ms)
{
	struct mini_connection *c = mini_add(m, kind, reason, f, now_ms);

	/* A predictable number is safe: only the guest could guess it, and it gets it anyway. */
	m->isn += 0x10001;
	c->rcv_next = f->tcp_seq + 1;
	c->snd_una = m->isn + 1;
	mini_send_syn(m, c, f);
}

static void mini_answer(struct net_mini *m, struct mini_connection *c)
{
	size_t taken;

	do {
		size_t n = 0;
		uint8_t out[NET_MINI_OUT_MAX];
		bool last = false;

		taken = c->ended ? c->in_len
				 : m->config.on_data(m->config.ctx, &c->end, c->in, c->in_len, out,
						     &n, &last);
		if (n > NET_MINI_OUT_MAX -
				c->out_len) { /* it sends questions and does not read answers */
			n = 0;
			last = true;
		}
		memcpy(c->out + c->out_len, out, n);
		c->out_len += n;
		c->ended = c->ended || last;
		memmove(c->in, c->in + taken, c->in_len - taken);
		c->in_len -= taken;
	} while (taken && c->in_len);
}

void net_mini_adopt(struct net_mini *m, const char *reason, const struct net_frame *f, uint32_t seq,
		    uint32_t ack, int64_t now_ms)
{
	struct mini_connection *c = mini_add(m, NET_MINI_REFUSAL, reason, f, now_ms);

	c->established = true;
	c->rcv_next = ack;
	c->snd_una = seq;
	c->in_len = 1; /* it has sent data, which is not needed */
	mini_answer(m, c);
	mini_send_rest(m, c, f);
}

/* Takes the acknowledgement into account; false when it is for something never sent. */
static bool mini_take_ack(struct mini_connection *c, uint32_t ack)
{
	uint32_t gone = ack - c->snd_una;

	if (gone == 0 || gone > 0x7fffffff)
		return true;
	if (gone == c->out_len + 1 && c->ended) { /* with our FIN */
		c->snd_una = ack;
		c->out_len = 0;
		return true;
	}
	if (gone > c->out_len)
		return false;
	memmove(c->out, c->out + gone, c->out_len - gone);
	c->out_len -= gone;
	c->snd_una = ack;
	return true;
}

static void mini_take_data(struct net_mini *m, struct mini_connection *c, const struct net_frame *f)
{
	size_t room = NET_MINI_IN_MAX - c->in_len;
	size_t n = f->payload_len;

	if (f->tcp_seq != c->rcv_next)
		return; /* a repetition, or a gap: the answer tells what is wanted */
	if (c->ended) { /* keeps reading, so that no reset overtakes the answer */
		c->rcv_next += (uint32_t)n;
		return;
	}
	if (n > room)
		n = room;
	memcpy(c->in + c->in_len, f->bytes + f->payload_at, n);
	c->in_len += n;
	c->rcv_next += (uint32_t)n;
	mini_answer(m, c);
	if (c->in_len == NET_MINI_IN_MAX) /* too long for a question */
		c->ended = true;
}

bool net_mini_take(struct net_mini *m, const struct net_frame *f, int64_t now_ms)
{
	struct mini_connection **at = mini_find(m, f);
	struct mini_connection *c = at ? *at : NULL;
	bool fin, is_new;

	if (!c)
		return false;
	if (f->tcp_flags & NET_FRAME_TCP_SYN) {
		is_new = f->tcp_seq + 1 != c->rcv_next || c->established;
		if (is_new)
			mini_close(m, at); /* the guest begins anew from the same port */
		else
			mini_send_syn(m, c, f);
		return !is_new;
	}
	c->last_ms = now_ms;
	if (f->tcp_flags & NET_FRAME_TCP_RST || !(f->tcp_flags & NET_FRAME_TCP_ACK) ||
	    !mini_take_ack(c, f->tcp_ack)) {
		mini_close(m, at);
		return true;
	}
	c->established = true;
	fin = (f->tcp_flags & NET_FRAME_TCP_FIN) &&
	      f->tcp_seq + (uint32_t)f->payload_len - c->rcv_next <= f->payload_len;
	if (f->payload_len)
		mini_take_data(m, c, f);
	if (fin && f->tcp_seq + (uint32_t)f->payload_len == c->rcv_next) {
		c->rcv_next++;
		c->ended = true;
	}
	if (f->payload_len || f->tcp_flags & NET_FRAME_TCP_FIN)
		mini_send_rest(m, c, f);
	return true;
}
