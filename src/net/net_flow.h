/* net_flow: the connections of a locked guest that were let through, or wait for that. A bounded
 * table with three keys: what the guest sees (protocol, its port, address and port it sends to),
 * the port under which the flow goes on to libslirp, which is one of its own for each flow, and the
 * socket libslirp has for it.
 *
 * A flow is in the table for as long as libslirp has a socket for it, so that there are never more
 * sockets than flows. */
#ifndef CCVM_NET_FLOW_H
#define CCVM_NET_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_tcp.h"

#define NET_FLOW_MAX 1536 /* libslirp has a descriptor for each, of the 2048 (net_confine.c) */
#define NET_FLOW_HELD_MAX                                                                          \
	2048 /* bytes of the first packet while it waits; larger ones are dropped */

enum net_flow_state {
	NET_FLOW_FREE,
	NET_FLOW_ASKING,     /* the user is asked */
	NET_FLOW_RESOLVING,  /* the name is */
	NET_FLOW_OPENING,    /* TCP: the SYN went on, no answer yet */
	NET_FLOW_CONFIRMING, /* TCP: it was answered, and the guest has not confirmed that */
	NET_FLOW_SNIFFING,   /* TCP: what the guest says first is kept back until it is checked */
	NET_FLOW_OPEN,
	NET_FLOW_CLOSING, /* both have said FIN; libslirp ends it */
	NET_FLOW_ENDED,	  /* ended; kept until libslirp has closed its socket */
};

/* Its bytes: written by net_carry.c alone. */
struct net_flow_stream {
	uint32_t isn; /* the guest's */
	struct net_tcp tcp;
	uint32_t given; /* the next byte for libslirp, in its numbering, which is not the guest's */
	bool fin_remote;
};

/* Where it goes: written by net_open.c alone. */
struct net_flow_aim {
	uint8_t remote[4]; /* that libslirp connects to */
	uint8_t tried;	   /* results of the name that did not answer */
	bool sniff;	   /* the beginning is to be checked */
};

/* Except for these two, written by net_flow.c alone. */
struct net_flow {
	enum net_flow_state state;
	uint8_t proto;
	uint16_t guest_port, port; /* port: the one the guest sends to */
	uint16_t slirp_port;
	uint8_t target[4]; /* that the guest sends to */
	int name;	   /* index in net_names, or -1 */
	int fd;		   /* libslirp's socket, or -1; not to be used but as a key */
	struct net_flow_stream stream;
	struct net_flow_aim aim;
	int64_t last_ms, deadline_ms; /* deadline_ms 0: none */
	/* owned: the first packet while it waits, then what is kept back */
	uint8_t *bytes;
	size_t len, size;
	int16_t next_in_bucket;
};

struct net_flows;

struct net_flows *net_flows_new(void);
void net_flows_free(struct net_flows *t);

struct net_flow *net_flows_find(struct net_flows *t, uint8_t proto, uint16_t guest_port,
				const uint8_t target[4], uint16_t port);
/* By the port libslirp knows it under. */
struct net_flow *net_flows_by_slirp_port(struct net_flows *t, uint16_t slirp_port);

/* A new flow with a port of its own, or NULL when the table is full. */
struct net_flow *net_flows_add(struct net_flows *t, uint8_t proto, uint16_t guest_port,
			       const uint8_t target[4], uint16_t port);
void net_flows_remove(struct net_flows *t, struct net_flow *f);

/* The guest may use its end for another flow; drops the kept bytes. Call it once. */
void net_flows_detach(struct net_flows *t, struct net_flow *f);

void net_flows_set_state(struct net_flows *t, struct net_flow *f, enum net_flow_state state);
void net_flows_set_deadline(struct net_flows *t, struct net_flow *f,
			    int64_t deadline_ms); /* 0: none */
void net_flows_set_name(struct net_flow *f, int name);
/* Resets its idle time. */
void net_flows_touch(struct net_flow *f, int64_t now_ms);

/* libslirp's socket for the flow; -1: it has none. The number is below NET_FLOW_FD_END. */
#define NET_FLOW_FD_END 4096
void net_flows_set_fd(struct net_flows *t, struct net_flow *f, int fd);
struct net_flow *net_flows_by_fd(struct net_flows *t, int fd);

/* Of the TCP flows that are closing, or else idle for at least min_idle_ms, the longest idle; NULL:
 * none. */
struct net_flow *net_flows_idlest(struct net_flows *t, int64_t now_ms, int64_t min_idle_ms);

/* Keeps bytes at the end of what is kept; false when that goes beyond max, or beyond what all flows
 * together may keep (NET_FLOW_KEPT_MAX). */
#define NET_FLOW_KEPT_MAX (4 * 1024 * 1024)
bool net_flows_keep(struct net_flows *t, struct net_flow *f, const void *bytes, size_t n,
		    size_t max);
void net_flows_drop_kept(struct net_flows *t, struct net_flow *f);

/* Walk: i from 0 to below NET_FLOW_MAX; free ones have the state FREE. */
struct net_flow *net_flows_at(struct net_flows *t, size_t i);
size_t net_flows_count(const struct net_flows *t);
size_t net_flows_asking(const struct net_flows *t); /* in the state ASKING */
size_t net_flows_timed(const struct net_flows *t);  /* with a deadline */

#endif
