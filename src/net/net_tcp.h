/* net_tcp: the numbers of one TCP connection of a locked guest, and which of its segments count
 * (RFC 9293 3.10.7.4, RFC 5961). Pure; see the theory of operation at the head of net_pass.c for
 * what depends on it.
 *
 * Numbers are positions modulo 2^32. Every byte in front of `next` has been taken once and is never
 * looked at again, whatever is sent for the same position later. */
#ifndef CCVM_NET_TCP_H
#define CCVM_NET_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_frame.h"

struct net_tcp {
	uint32_t next;	/* the guest's next byte; before its SYN is answered: the first one */
	uint32_t limit; /* libslirp has room for what is in front of this */
	uint32_t una;	/* what the guest has confirmed of the other side */
	/* the other side's next byte: nothing behind it was sent to the guest yet */
	uint32_t sent;
	uint16_t window; /* the guest's */
	bool confirmed;	 /* the guest has confirmed the other side's SYN */
	bool fin;	 /* the guest's FIN is taken: there is nothing behind `next` */
};

enum net_tcp_verdict {
	NET_TCP_DROP,  /* it changes nothing */
	NET_TCP_ACK,   /* the same, and the guest gets an acknowledgement */
	NET_TCP_RESET, /* a reset that counts */
	NET_TCP_TAKE,  /* its acknowledgement and window count, and *piece is new */
};

/* Of a segment, what is next in order and within the limit. */
struct net_tcp_piece {
	size_t at, len; /* in the segment's payload; len may be 0 */
	bool fin;	/* the stream ends behind it */
	bool answer;	/* the segment had more than that: answer with an acknowledgement */
};

/* A connection begins with this SYN. */
void net_tcp_begin(struct net_tcp *t, const struct net_frame *syn);

/* The other side's answer to it; false when it is not one (then nothing changes). */
bool net_tcp_answer(struct net_tcp *t, const struct net_frame *f);

/* A later segment of libslirp, which is trusted. */
void net_tcp_note(struct net_tcp *t, const struct net_frame *f);

/* A segment of the guest's, with right checksums. For TAKE *t is past *piece afterwards. */
enum net_tcp_verdict net_tcp_take(struct net_tcp *t, const struct net_frame *f,
				  struct net_tcp_piece *piece);

#endif
