/* net_carry: the operations on one flow of a locked guest: makes and forwards its segments, and
 * ends it (step 5 at the head of net_locked.c). The one writer of net_flow's `stream`. */
#ifndef CCVM_NET_CARRY_H
#define CCVM_NET_CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_flow.h"
#include "net/net_here.h"
#include "net/net_names.h"
#include "net/net_queue.h"

struct net_carry_config {
	struct net_flows *flows; /* borrowed, as the next three */
	struct net_names *names;
	struct net_here *here;
	struct net_queue *queue; /* of frames for libslirp */
	size_t mtu;
	void *ctx;
	/* The frame is borrowed during the call. */
	void (*to_guest)(void *ctx, const uint8_t *frame, size_t len);
	/* Makes libslirp abandon this socket, which is still connecting. */
	void (*abort_connect)(void *ctx, int fd);
};

struct net_carry;

struct net_carry *net_carry_new(const struct net_carry_config *config);
void net_carry_free(struct net_carry *c);

/* An IPv4 frame of the guest's: the two hardware addresses of what is made from now on. */
void net_carry_note_ends(struct net_carry *c, const struct net_frame *f);

struct net_name *net_carry_name(struct net_carry *c,
				const struct net_flow *f); /* NULL: a literal address */

/* To libslirp. Each packet is made here with the flow's own numbers; no part of the guest's headers
 * gets there. */
void net_carry_begin(struct net_flow *f, const struct net_frame *syn);
void net_carry_send_syn(struct net_carry *c, const struct net_flow *f, const struct net_frame *syn);
void net_carry_send_datagram(struct net_carry *c, const struct net_flow *f,
			     const struct net_frame *frame);
/* The next n bytes of the stream, perhaps with its end; without either an acknowledgement alone. Of
 * a stream of 4 GiB *f may be gone afterwards. */
void net_carry_give(struct net_carry *c, struct net_flow *f, const uint8_t *bytes, size_t n,
		    bool fin);

/* A segment of the guest's, as net_tcp_take. */
enum net_tcp_verdict net_carry_take(struct net_flow *f, const struct net_frame *frame,
				    struct net_tcp_piece *piece);

/* To the guest: where its connection stands. */
void net_carry_ack_guest(struct net_carry *c, const struct net_flow *f);

/* Whether this packet of libslirp's answers the SYN; if so, sets the initial sequence numbers. */
bool net_carry_is_answered(struct net_flow *f, const struct net_frame *frame);
/* Forwards a packet of libslirp's, with the addresses the guest expects. */
void net_carry_to_guest(struct net_carry *c, struct net_flow *f, const struct net_frame *frame);

/* Ends a flow: the one way to do so. The guest may begin another one with the same ends. Makes
 * libslirp close its socket, if it has one; until it has, the flow stays in the table as ENDED.
 * Then, or at once, *f is gone. */
void net_carry_end(struct net_carry *c, struct net_flow *f);
/* Repeats the reset, which libslirp ignores while it connects. */
void net_carry_end_again(struct net_carry *c, const struct net_flow *f);
/* Ends an established flow on both sides. */
void net_carry_cut(struct net_carry *c, struct net_flow *f);
/* name: NULL for the flow's own. */
void net_carry_log(struct net_carry *c, const struct net_flow *f, enum net_log_verdict verdict,
		   const char *name, const char *reason);
/* Refuses a flow whose first packet waits. */
void net_carry_refuse_waiting(struct net_carry *c, struct net_flow *f, const char *reason,
			      int64_t now_ms);

#endif
