/* net_pass: the connections of a locked guest that go through, from the first packet to the last: admitted,
 * rewritten, their beginning checked (steps 2 to 5 at the head of net_locked.c; net_decide decides). Part of
 * net_locked; l->now_ms is the time of the call. */
#ifndef CCVM_NET_PASS_H
#define CCVM_NET_PASS_H

#include "net/net_locked_state.h"

/* A packet for which there is no flow: TCP with SYN alone, or UDP. */
void net_pass_first(struct net_locked *l, const struct net_frame *f);

/* Another packet of the guest's on a flow. */
void net_pass_take(struct net_locked *l, struct net_flow *f, const struct net_frame *frame);

/* An IPv4 packet of libslirp's. */
void net_pass_from_slirp(struct net_locked *l, const struct net_frame *frame);

/* As net_locked_tick. */
void net_pass_tick(struct net_locked *l);

#endif
