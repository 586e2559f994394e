/* net_judge: what a locked guest's bytes mean, and what to do with them (steps 1 to 6 at the head
 * of net_locked.c). Pure: a verdict is a function of its arguments. Nothing here has a descriptor,
 * a clock or a side effect; net_locked and its parts execute the verdicts. */
#ifndef CCVM_NET_JUDGE_H
#define CCVM_NET_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_dns.h"
#include "net/net_frame.h"
#include "net/net_rules.h"
#include "net/net_tls.h"

enum net_judge_act {
	NET_JUDGE_REFUSE,
	NET_JUDGE_WAIT, /* more bytes are needed */
	NET_JUDGE_ASK,	/* the user decides */
	NET_JUDGE_PASS,
};

struct net_judge_verdict {
	enum net_judge_act act;
	const char *reason; /* constant text */
	bool by_rules;	    /* uses up a one-time decision (net_rules_use) */
};

/* The receiver of a frame from the guest. */
enum net_judge_way {
	NET_JUDGE_NOBODY,      /* dropped */
	NET_JUDGE_UNCARRIED,   /* logged as refused, without an answer */
	NET_JUDGE_REFUSED,     /* logged as refused, and answered where an answer is due */
	NET_JUDGE_NEIGHBOUR,   /* ARP or neighbour discovery, which libslirp answers */
	NET_JUDGE_TO_RESOLVER, /* TCP or UDP over IPv4, as the next two */
	NET_JUDGE_TCP,
	NET_JUDGE_UDP,
	NET_JUDGE_IPV6, /* net_judge_ipv6 says more */
};

/* *reason: for UNCARRIED and REFUSED. ipv6: it is carried at all. */
enum net_judge_way net_judge_frame(const struct net_frame *f, bool ipv6, const char **reason);

/* Whether this asks for a connection: SYN without ACK, FIN and RST. */
bool net_judge_is_syn(const struct net_frame *f);

/* What a TCP segment over IPv4 is to the flow with its ends. */
enum net_judge_segment {
	NET_JUDGE_SEGMENT_DROP,
	NET_JUDGE_SEGMENT_NEXT,	 /* the flow's */
	NET_JUDGE_SEGMENT_FIRST, /* it begins a flow */
	NET_JUDGE_SEGMENT_AGAIN, /* the same; the flow there is ends before */
	NET_JUDGE_SEGMENT_STRAY, /* it belongs to no flow: a reset */
};

/* isn: the first number of the flow there is; NULL: there is none. */
enum net_judge_segment net_judge_segment(const struct net_frame *f, const uint32_t *isn);

/* A question to the resolver. */
enum net_judge_question {
	NET_JUDGE_QUESTION_DROP, /* no answer is due */
	NET_JUDGE_QUESTION_CODE, /* the answer is *rcode alone */
	NET_JUDGE_QUESTION_NAME, /* the answer is the address that stands for q->name */
};

enum net_judge_question net_judge_question(struct net_dns_question *q, enum net_dns_rcode *rcode,
					   const uint8_t *query, size_t len);

/* A connection, or the first datagram, that the guest wants. */
struct net_judge_wish {
	const char *name;      /* behind the address; NULL: none */
	struct net_address to; /* that the guest sends to: IPv4 */
	uint8_t proto;
	uint16_t port;
	struct net_rules_place place; /* of `to`; looked at where there is no name */
	bool may_ask;		      /* a user is there, and has not too many questions */
};

/* REFUSE, ASK or PASS. */
struct net_judge_verdict net_judge_first(const struct net_rules *rules,
					 const struct net_judge_wish *w);

/* The verdict of the rules alone. */
enum net_rules_verdict net_judge_rules(const struct net_rules *rules,
				       const struct net_judge_wish *w);

/* Why a result of an allowed name may not be connected to: constant text, or NULL. */
const char *net_judge_result(const struct net_rules *rules, const struct net_address *a,
			     struct net_rules_place place);
/* The reason when there is no result. */
extern const char net_judge_no_result[];

/* The beginning of a stream to NET_PLAN_HTTP or NET_PLAN_HTTPS of `name`; ended: the client says no
 * more. WAIT, PASS, or REFUSE; then `said` is the name it is for, or empty. */
struct net_judge_verdict net_judge_beginning(uint16_t port, const char *name, const uint8_t *bytes,
					     size_t len, bool ended,
					     char said[NET_TLS_NAME_MAX + 1]);

/* A packet over IPv6 with TCP or UDP goes through as it is, where a literal entry says so: there
 * are no synthetic addresses to rewrite. PASS or REFUSE; to be connected to, its place has to be
 * right, too. */
struct net_judge_verdict net_judge_ipv6(const struct net_rules *rules, const struct net_frame *f);

#endif
