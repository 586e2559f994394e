/* net_locked_state: what net_locked.c and net_pass.c share; nobody else includes it. */
#ifndef CCVM_NET_LOCKED_STATE_H
#define CCVM_NET_LOCKED_STATE_H

#include "base/buf.h"
#include "net/net_flow.h"
#include "net/net_limit.h"
#include "net/net_locked.h"
#include "net/net_mini.h"
#include "net/net_names.h"
#include "net/net_stream.h"

struct net_locked {
	struct net_locked_config config;
	struct net_names *names;
	struct net_flows *flows;
	struct net_mini *mini;
	struct net_limit dns_limit, flow_limit;
	bool watched;
	size_t asking;
	size_t timed; /* flows with a deadline */
	int64_t ticked_ms;
	unsigned depth;	    /* calls from outside that are under way */
	struct buf pending; /* frames for libslirp, each behind a struct locked_record (net_locked.c) */
	uint16_t giving;    /* the port of the flow whose frame libslirp is being given, or 0 */
	size_t loose;	    /* libslirp's sockets that belong to no flow: IPv6 */
	bool is_loose[NET_FLOW_FD_END];
	struct buf closed; /* ports of flows whose socket libslirp has closed, uint16_t each */
	int64_t now_ms;
	uint8_t guest_mac[6], gateway_mac[6]; /* of the last frame that was routed */
	uint8_t scratch[NET_STREAM_FRAME_MAX];
	uint8_t drained[NET_STREAM_FRAME_MAX];
};

/* net_locked.c. Queues a frame of a flow's for libslirp, which gets it when no flow is being worked on. f: NULL for ARP and
 * IPv6, which have none. */
void net_locked_to_slirp(struct net_locked *l, const struct net_flow *f, const uint8_t *frame, size_t len);
/* Gives libslirp what is queued. The caller holds no flow: any may be gone afterwards. */
void net_locked_give(struct net_locked *l);
void net_locked_log(struct net_locked *l, enum net_log_verdict verdict, const char *name,
		    const struct net_address *address, uint8_t proto, uint16_t port, const char *reason);
void net_locked_log_frame(struct net_locked *l, const struct net_frame *f, const char *reason);
/* The name behind an address the guest sent to, or NULL. */
struct net_name *net_locked_name_of(struct net_locked *l, const uint8_t target[4]);
/* What is special about an address that is to be connected to. */
struct net_rules_place net_locked_place(struct net_locked *l, const struct net_address *a);
/* Refuses a first packet: with a sentence where that can be read. */
void net_locked_refuse_first(struct net_locked *l, const struct net_frame *f, const char *reason);

#endif
