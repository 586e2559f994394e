#include "net/net_judge.h"
#include "net/net_http.h"
#include "net/net_names.h"
#include "net/net_plan.h"

#include <string.h>

static const uint8_t judge_gateway[4] = {NET_PLAN_GATEWAY4};
static const uint8_t judge_resolver[4] = {NET_PLAN_RESOLVER4};
static const uint8_t judge_prefix6[8] = {NET_PLAN_PREFIX6};

static const char *const judge_scope_reason[] = {
	[NET_ADDRESS_PUBLIC] = net_judge_no_result,
	[NET_ADDRESS_LOOPBACK] = "resolved to a loopback address",
	[NET_ADDRESS_PRIVATE] = "resolved to a private address",
	[NET_ADDRESS_LINK_LOCAL] = "resolved to a link-local address",
	[NET_ADDRESS_SHARED] = "resolved to a carrier-shared address",
	[NET_ADDRESS_METADATA] = "resolved to a cloud's metadata address",
	[NET_ADDRESS_MULTICAST] = "resolved to a multicast address",
	[NET_ADDRESS_RESERVED] = "resolved to a reserved address",
	[NET_ADDRESS_MAPPED] = "resolved to a translated address",
};

const char net_judge_no_result[] = "resolved to no usable address";

static struct net_judge_verdict judge_refuse(const char *reason)
{
	return (struct net_judge_verdict){.act = NET_JUDGE_REFUSE, .reason = reason};
}

/* ---- frames ---- */

bool net_judge_is_syn(const struct net_frame *f)
{
	return (f->tcp_flags & (NET_FRAME_TCP_SYN | NET_FRAME_TCP_ACK | NET_FRAME_TCP_FIN |
				NET_FRAME_TCP_RST)) == NET_FRAME_TCP_SYN;
}

/* The guest may only ask for the two other addresses of this network, and only from its own
 * address. */
static enum net_judge_way judge_arp(const struct net_frame *f)
{
	const uint8_t *sender = f->bytes + f->ip_at + 8;

	if (memcmp(f->dst, judge_gateway, 4) != 0 && memcmp(f->dst, judge_resolver, 4) != 0)
		return NET_JUDGE_NOBODY;
	return memcmp(sender, f->bytes + 6, 6) == 0 ? NET_JUDGE_NEIGHBOUR : NET_JUDGE_NOBODY;
}

static enum net_judge_way judge_ipv4(const struct net_frame *f, const char **reason)
{
	if (f->is_fragment || f->has_extras) {
		*reason = f->is_fragment ? "fragments are not carried"
					 : "IP options are not carried";
		return NET_JUDGE_UNCARRIED;
	}
	*reason = "only TCP and UDP are carried";
	if (!f->has_transport ||
	    (f->proto != NET_FRAME_PROTO_TCP && f->proto != NET_FRAME_PROTO_UDP))
		return NET_JUDGE_REFUSED;
	if (memcmp(f->dst, judge_resolver, 4) == 0)
		return NET_JUDGE_TO_RESOLVER;
	return f->proto == NET_FRAME_PROTO_TCP ? NET_JUDGE_TCP : NET_JUDGE_UDP;
}

static enum net_judge_way judge_icmpv6(const struct net_frame *f, bool ipv6, const char **reason)
{
	*reason = "only TCP and UDP are carried";
	if (f->icmp_type >= 133 && f->icmp_type <= 136) /* RFC 4861 */
		return ipv6 ? NET_JUDGE_NEIGHBOUR : NET_JUDGE_NOBODY;
	return f->dst[0] == 0xff ? NET_JUDGE_NOBODY : NET_JUDGE_REFUSED;
}

enum net_judge_way net_judge_frame(const struct net_frame *f, bool ipv6, const char **reason)
{
	switch (f->layer) {
	case NET_FRAME_ARP:
		return judge_arp(f);
	case NET_FRAME_IPV4:
		return judge_ipv4(f, reason);
	case NET_FRAME_IPV6:
		return f->proto == NET_FRAME_PROTO_ICMPV6 ? judge_icmpv6(f, ipv6, reason)
							  : NET_JUDGE_IPV6;
	case NET_FRAME_OTHER:
		return NET_JUDGE_NOBODY;
	}
	return NET_JUDGE_NOBODY;
}

enum net_judge_segment net_judge_segment(const struct net_frame *f, const uint32_t *isn)
{
	const bool syn = net_judge_is_syn(f);

	/* Data in a SYN (TCP Fast Open) would bypass the check of the stream's beginning: such a
	 * SYN is dropped. */
	if (syn && f->payload_len)
		return NET_JUDGE_SEGMENT_DROP;
	if (!isn)
		return syn ? NET_JUDGE_SEGMENT_FIRST : NET_JUDGE_SEGMENT_STRAY;
	return syn && f->tcp_seq != *isn ? NET_JUDGE_SEGMENT_AGAIN /* the port's next use */
					 : NET_JUDGE_SEGMENT_NEXT;
}

struct net_judge_verdict net_judge_ipv6(const struct net_rules *rules, const struct net_frame *f)
{
	const struct net_address to = net_address_make(f->dst, 16);
	struct net_judge_verdict v = judge_refuse("IPv6 is not carried unless listed");
	enum net_rules_verdict said;

	if (!f->has_transport || f->has_extras ||
	    memcmp(f->dst, judge_prefix6, sizeof(judge_prefix6)) == 0)
		return v;
	if (f->proto == NET_FRAME_PROTO_UDP && f->dst_port == NET_PLAN_HTTPS)
		return judge_refuse("QUIC is not carried");
	said = net_rules_check_address(rules, &to, f->dst_port);
	if (said != NET_RULES_NOT_LISTED)
		v.reason = net_rules_verdict_name(said);
	v.act = said == NET_RULES_ALLOW ? NET_JUDGE_PASS : NET_JUDGE_REFUSE;
	return v;
}

/* ---- questions ---- */

enum net_judge_question net_judge_question(struct net_dns_question *q, enum net_dns_rcode *rcode,
					   const uint8_t *query, size_t len)
{
	const int code = net_dns_parse_query(q, query, len);

	if (code < 0)
		return NET_JUDGE_QUESTION_DROP;
	*rcode = (enum net_dns_rcode)code;
	return code == NET_DNS_NOERROR && q->type == NET_DNS_TYPE_A ? NET_JUDGE_QUESTION_NAME
								    : NET_JUDGE_QUESTION_CODE;
}

/* ---- connections ---- */

enum net_rules_verdict net_judge_rules(const struct net_rules *rules,
				       const struct net_judge_wish *w)
{
	return w->name ? net_rules_check_name(rules, w->name, w->port)
		       : net_rules_check_address(rules, &w->to, w->port);
}

/* A refusal that no rule can lift; NULL: the rules decide. */
static const char *judge_never(const struct net_judge_wish *w)
{
	if (!w->name && net_names_is_synthetic(w->to.bytes))
		return "no name has this address";
	/* Clients fall back to TCP, where the name can be checked. */
	if (w->proto == NET_FRAME_PROTO_UDP && w->port == NET_PLAN_HTTPS)
		return "QUIC is not carried";
	if (!w->name && memcmp(w->to.bytes, judge_gateway, 4) == 0 && !w->place.host_loopback)
		return "hostLoopback is off";
	return NULL;
}

struct net_judge_verdict net_judge_first(const struct net_rules *rules,
					 const struct net_judge_wish *w)
{
	struct net_judge_verdict v = {.act = NET_JUDGE_REFUSE};
	const char *reason = judge_never(w);
	enum net_rules_verdict said;

	if (reason)
		return judge_refuse(reason);
	said = net_judge_rules(rules, w);
	reason = w->name ? NULL : net_rules_refuses_listed(rules, &w->to, w->place);
	if (reason && said == NET_RULES_ALLOW)
		return judge_refuse(reason);
	v.reason = net_rules_verdict_name(said);
	v.by_rules = true;
	if (said == NET_RULES_ALLOW)
		v.act = NET_JUDGE_PASS;
	else if (w->may_ask && said != NET_RULES_DENIED && w->proto == NET_FRAME_PROTO_TCP)
		v.act = NET_JUDGE_ASK;
	return v;
}

const char *net_judge_result(const struct net_rules *rules, const struct net_address *a,
			     struct net_rules_place place)
{
	const enum net_address_scope scope = net_address_scope(a);

	if (net_rules_accepts_result(rules, a, place))
		return NULL;
	if (place.is_host && (scope == NET_ADDRESS_PUBLIC || scope == NET_ADDRESS_PRIVATE ||
			      scope == NET_ADDRESS_SHARED))
		return "resolved to an address of the host";
	return judge_scope_reason[scope];
}

/* ---- what a client says first ---- */

struct net_judge_verdict net_judge_beginning(uint16_t port, const char *name, const uint8_t *bytes,
					     size_t len, bool ended,
					     char said[NET_TLS_NAME_MAX + 1])
{
	/* By what was found; over TLS, over HTTP. */
	static const char *const reasons[][2] = {
		[NET_SNIFF_MORE] = {"not TLS on port 443", "not HTTP on port 80"},
		[NET_SNIFF_FOUND] = {"TLS server name differs from the name that was looked up",
				     "Host differs from the name that was looked up"},
		[NET_SNIFF_NONE] = {"TLS without a server name", "HTTP without a Host"},
		[NET_SNIFF_BAD] = {"not TLS on port 443", "not HTTP on port 80"},
		[NET_SNIFF_ECH] = {"encrypted ClientHello (ECH): the name in it cannot be checked",
				   "encrypted ClientHello (ECH): the name in it cannot be checked"},
	};
	const bool http = port == NET_PLAN_HTTP;
	const enum net_sniff got = http ? net_http_host(bytes, len, said)
					: net_tls_server_name(bytes, len, said);

	if (got == NET_SNIFF_MORE && !ended)
		return (struct net_judge_verdict){.act = NET_JUDGE_WAIT};
	if (got == NET_SNIFF_FOUND && name && strcmp(said, name) == 0)
		return (struct net_judge_verdict){.act = NET_JUDGE_PASS};
	if (got != NET_SNIFF_FOUND)
		said[0] = '\0';
	return judge_refuse(reasons[got][http]);
}
