/* net_carry: what can be done with one flow of a locked guest, whatever the reason. Part of net_locked; l->now_ms is the time
 * of the call. */
#ifndef CCVM_NET_CARRY_H
#define CCVM_NET_CARRY_H

#include "net/net_locked_state.h"

extern const uint8_t net_carry_guest[4]; /* the guest's address */

void net_carry_set_deadline(struct net_locked *l, struct net_flow *f, int64_t deadline_ms); /* 0: none */
void net_carry_set_state(struct net_locked *l, struct net_flow *f, enum net_flow_state state);
struct net_name *net_carry_name(struct net_locked *l, const struct net_flow *f); /* NULL: a literal address */

/* To libslirp. Each is made here, of the flow's own numbers; nothing of the guest's headers gets there. */
void net_carry_begin(struct net_flow *f, const struct net_frame *syn);
/* A position of the guest's stream, which libslirp has confirmed, in the guest's numbering. */
uint32_t net_carry_guest_position(const struct net_flow *f, uint32_t position);
void net_carry_send_syn(struct net_locked *l, const struct net_flow *f, const struct net_frame *syn);
void net_carry_send_datagram(struct net_locked *l, const struct net_flow *f, const struct net_frame *frame);
/* The next n bytes of the stream, perhaps with its end; without either an acknowledgement alone. Of a stream of 4 GiB *f may
 * be gone afterwards. */
void net_carry_give(struct net_locked *l, struct net_flow *f, const uint8_t *bytes, size_t n, bool fin);

/* To the guest: where its connection stands. */
void net_carry_ack_guest(struct net_locked *l, const struct net_flow *f);
void net_carry_reset_guest(struct net_locked *l, const struct net_flow *f);

/* Ends a flow: the one way to do so. The guest may begin another one with the same ends; libslirp is told to give up its
 * socket, if it has one, and until it has done so the flow stays in the table as ENDED. Then, or at once, *f is gone. */
void net_carry_end(struct net_locked *l, struct net_flow *f);
/* Tells libslirp again, which hears no reset while it connects. */
void net_carry_end_again(struct net_locked *l, const struct net_flow *f);
/* Ends a flow that is under way, on both sides. */
void net_carry_cut(struct net_locked *l, struct net_flow *f);
/* name: NULL for the flow's own. */
void net_carry_log(struct net_locked *l, const struct net_flow *f, enum net_log_verdict verdict, const char *name, const char *reason);
/* Refuses a flow whose first packet waits. */
void net_carry_refuse_waiting(struct net_locked *l, struct net_flow *f, const char *reason);

#endif
