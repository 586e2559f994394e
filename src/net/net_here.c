#include "net/net_here.h"
#include "net/net_dns.h"
#include "net/net_http.h"
#include "net/net_judge.h"
#include "net/net_limit.h"
#include "net/net_mini.h"
#include "net/net_packet.h"
#include "net/net_plan.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define PORT_DNS       53
#define DNS_TTL	       60
#define DNS_PER_SECOND 500
#define DNS_BURST      1000

struct net_here {
	struct net_here_config config;
	struct net_mini *mini;
	struct net_limit dns_limit;
	int64_t now_ms; /* of the call, for here_on_data */
};

/* ---- refusals ---- */

static const char *here_proto_name(uint8_t proto)
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

void net_here_log(struct net_here *h, enum net_log_verdict verdict, const char *name,
		  const struct net_address *address, uint8_t proto, uint16_t port,
		  const char *reason)
{
	char text[NET_ADDRESS_TEXT_MAX];
	const struct net_log_entry e = {.verdict = verdict,
					.name = name ? name : text,
					.address = text,
					.port = port,
					.proto = here_proto_name(proto),
					.reason = reason};

	net_address_format(address, text);
	net_log_add(h->config.log, &e);
}

void net_here_log_frame(struct net_here *h, const struct net_frame *f, const char *reason,
			int64_t now_ms)
{
	const struct net_address to = net_address_make(f->dst, f->addr_len);
	const struct net_name *name = f->addr_len == 4 ? net_names_by_address(h->config.names,
									      f->dst, now_ms)
						       : NULL;

	net_here_log(h, NET_LOG_REFUSED, name ? name->text : NULL, &to, f->proto,
		     f->has_transport ? f->dst_port : 0, reason);
}

void net_here_answer(struct net_here *h, const struct net_frame *f)
{
	uint8_t out[NET_PACKET_REFUSAL_MAX];
	size_t n = net_packet_make_refusal(out, f);

	if (n)
		h->config.to_guest(h->config.ctx, out, n);
}

void net_here_refuse(struct net_here *h, const struct net_frame *f, const char *reason,
		     int64_t now_ms)
{
	net_here_log_frame(h, f, reason, now_ms);
	net_here_answer(h, f);
}

void net_here_refuse_first(struct net_here *h, const struct net_frame *f, const char *reason,
			   int64_t now_ms)
{
	if (f->proto != NET_FRAME_PROTO_TCP || f->dst_port != NET_PLAN_HTTP) {
		net_here_refuse(h, f, reason, now_ms);
		return;
	}
	net_here_log_frame(h, f, reason, now_ms);
	h->now_ms = now_ms;
	net_mini_accept(h->mini, NET_MINI_REFUSAL, reason, f, now_ms);
}

/* ---- the resolver ---- */

static size_t here_dns(struct net_here *h, const uint8_t *query, size_t len,
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
	name = net_names_intern(h->config.names, q.name, h->now_ms);
	if (!name)
		return net_dns_write_answer(out, &q, query, NET_DNS_SERVFAIL, NULL, 0);
	net_names_address(name, address);
	return net_dns_write_answer(out, &q, query, NET_DNS_NOERROR, address, DNS_TTL);
}

static void here_dns_datagram(struct net_here *h, const struct net_frame *f)
{
	const struct net_packet_ends ends = net_packet_answer_ends(f);
	uint8_t frame[NET_PACKET_HEADERS_MAX + NET_DNS_MESSAGE_MAX], answer[NET_DNS_MESSAGE_MAX];
	size_t n;

	if (!net_limit_take(&h->dns_limit, h->now_ms))
		return; /* the guest asks again */
	n = here_dns(h, f->bytes + f->payload_at, f->payload_len, answer);
	if (n)
		h->config.to_guest(h->config.ctx, frame,
				   net_packet_make_udp(frame, &ends, answer, n));
}

/* One length-prefixed message after the other (RFC 7766). */
static size_t here_dns_stream(struct net_here *h, const uint8_t *bytes, size_t len, uint8_t *out,
			      size_t *n, bool *last)
{
	size_t want = len < 2 ? 0 : (size_t)bytes[0] << 8 | bytes[1];

	if (len < 2 || len - 2 < want) {
		*last = want > NET_MINI_IN_MAX - 2; /* longer than any question */
		return 0;
	}
	*n = net_limit_take(&h->dns_limit, h->now_ms) ? here_dns(h, bytes + 2, want, out + 2) : 0;
	*last = *n == 0;
	if (*n) {
		out[0] = (uint8_t)(*n >> 8);
		out[1] = (uint8_t)*n;
		*n += 2;
	}
	return want + 2;
}

/* For net_mini. */
static size_t here_on_data(void *ctx, const struct net_mini_end *end, const uint8_t *bytes,
			   size_t len, uint8_t *out, size_t *n, bool *last)
{
	struct net_here *h = ctx;
	const struct net_address to = net_address_make(end->target, 4);
	const struct net_name *name;
	char text[NET_ADDRESS_TEXT_MAX];

	if (end->kind == NET_MINI_DNS)
		return here_dns_stream(h, bytes, len, out, n, last);
	name = net_names_by_address(h->config.names, end->target, h->now_ms);
	net_address_format(&to, text);
	*n = net_http_refusal((char *)out, name ? name->text : text, end->port, end->reason);
	*last = true;
	return len;
}

static void here_to_guest(void *ctx, const uint8_t *frame, size_t len)
{
	struct net_here *h = ctx;

	h->config.to_guest(h->config.ctx, frame, len);
}

/* ---- what comes ---- */

bool net_here_take(struct net_here *h, const struct net_frame *f, int64_t now_ms)
{
	h->now_ms = now_ms;
	return net_mini_take(h->mini, f, now_ms);
}

void net_here_adopt(struct net_here *h, const char *reason, const struct net_frame *f, uint32_t seq,
		    uint32_t ack, int64_t now_ms)
{
	h->now_ms = now_ms;
	net_mini_adopt(h->mini, reason, f, seq, ack, now_ms);
}

void net_here_ask(struct net_here *h, const struct net_frame *f, int64_t now_ms)
{
	h->now_ms = now_ms;
	if (f->dst_port != PORT_DNS)
		net_here_refuse(h, f, "not a service of this network", now_ms);
	else if (f->proto == NET_FRAME_PROTO_UDP)
		here_dns_datagram(h, f);
	else if (net_mini_take(h->mini, f, now_ms))
		return;
	else if (net_judge_is_syn(f))
		net_mini_accept(h->mini, NET_MINI_DNS, NULL, f, now_ms);
	else
		net_here_answer(h, f);
}

struct net_here *net_here_new(const struct net_here_config *config)
{
	struct net_here *h = mem_alloc(sizeof(*h));
	const struct net_mini_config mini = {
		.on_data = here_on_data, .to_guest = here_to_guest, .ctx = h};

	h->config = *config;
	h->mini = net_mini_new(&mini);
	h->dns_limit = (struct net_limit){.per_second = DNS_PER_SECOND, .burst = DNS_BURST};
	return h;
}

void net_here_free(struct net_here *h)
{
	if (!h)
		return;
	net_mini_free(h->mini);
	free(h);
}
