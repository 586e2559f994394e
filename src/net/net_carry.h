/* net_carry: what can be done with one flow of a locked guest, whatever the reason. Part of net_locked; l->now_ms is the time
 * of the call. */
#ifndef CCVM_NET_CARRY_H
#define CCVM_NET_CARRY_H

#include "net/net_locked_state.h"

#define NET_CARRY_UDP_IDLE_MS 250000 /* libslirp forgets a datagram socket after 240 s */

struct net_packet_tcp;

extern const uint8_t net_carry_guest[4]; /* the guest's address */

void net_carry_set_deadline(struct net_locked *l, struct net_flow *f, int64_t deadline_ms); /* 0: none */
void net_carry_set_state(struct net_locked *l, struct net_flow *f, enum net_flow_state state);
struct net_name *net_carry_name(struct net_locked *l, const struct net_flow *f); /* NULL: a literal address */
void net_carry_remove(struct net_locked *l, struct net_flow *f);
/* Sends a packet of the flow on, with the ends libslirp is to see; or one made anew. */
void net_carry_to_slirp(struct net_locked *l, const struct net_flow *f, const struct net_frame *frame);
void net_carry_make_to_slirp(struct net_locked *l, const struct net_flow *f, const struct net_packet_tcp *t);
void net_carry_reset_guest(struct net_locked *l, const struct net_flow *f);
void net_carry_reset_slirp(struct net_locked *l, const struct net_flow *f);
/* Ends a flow that is under way, on both sides. */
void net_carry_cut(struct net_locked *l, struct net_flow *f);
/* name: NULL for the flow's own. */
void net_carry_log(struct net_locked *l, const struct net_flow *f, enum net_log_verdict verdict, const char *name, const char *reason);
/* Refuses a flow whose first packet waits. */
void net_carry_refuse_waiting(struct net_locked *l, struct net_flow *f, const char *reason);

#endif
