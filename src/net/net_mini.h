/* net_mini: a few TCP connections of the guest that end here (RFC 9293, the passive side alone):
 * DNS over TCP, and the text that explains a refusal on port 80.
 *
 * Between the guest and this process only a full queue loses packets, so there is no retransmission
 * timer: when the guest retransmits, this side repeats its answer. */
#ifndef CCVM_NET_MINI_H
#define CCVM_NET_MINI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_packet.h"

#define NET_MINI_MAX	 128 /* the one idle for longest makes room */
#define NET_MINI_IN_MAX	 1024
#define NET_MINI_OUT_MAX 2048

enum net_mini_kind { NET_MINI_DNS, NET_MINI_REFUSAL };

struct net_mini_end {
	enum net_mini_kind kind;
	const char *reason; /* of a refusal: constant text */
	uint8_t target[4];  /* what the guest believes to talk to */
	uint16_t port;
};

struct net_mini_config {
	/* What the guest has said so far and was not yet taken. Writes the answer to `out`
	 * (NET_MINI_OUT_MAX bytes) and its length to *n, sets *last when the connection is to end
	 * behind it; returns how much was taken. */
	size_t (*on_data)(void *ctx, const struct net_mini_end *end, const uint8_t *bytes,
			  size_t len, uint8_t *out, size_t *n, bool *last);
	void (*to_guest)(void *ctx, const uint8_t *frame, size_t len);
	void *ctx;
};

struct net_mini;

struct net_mini *net_mini_new(const struct net_mini_config *config);
void net_mini_free(struct net_mini *m);

/* A frame (TCP over IPv4) for a connection that ends here; false when it belongs to none. */
bool net_mini_take(struct net_mini *m, const struct net_frame *f, int64_t now_ms);

/* Accepts one: f is its SYN. */
void net_mini_accept(struct net_mini *m, enum net_mini_kind kind, const char *reason,
		     const struct net_frame *f, int64_t now_ms);

/* Takes over a connection that is under way: everything up to `ack` was received, `seq` is the next
 * byte for the guest, and the answer is given at once. The answer is a refusal. f is a frame of the
 * guest's on it. */
void net_mini_adopt(struct net_mini *m, const char *reason, const struct net_frame *f, uint32_t seq,
		    uint32_t ack, int64_t now_ms);

size_t net_mini_count(const struct net_mini *m);

#endif
