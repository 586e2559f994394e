/* net_here: traffic of a locked guest that ends here: questions to the resolver, and everything
 * refused (steps 1 and 6 at the head of net_locked.c). */
#ifndef CCVM_NET_HERE_H
#define CCVM_NET_HERE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_address.h"
#include "net/net_frame.h"
#include "net/net_log.h"
#include "net/net_names.h"

struct net_here_config {
	struct net_names *names; /* borrowed, as the log */
	struct net_log *log;
	void *ctx;
	/* The frame is borrowed during the call. */
	void (*to_guest)(void *ctx, const uint8_t *frame, size_t len);
};

struct net_here;

struct net_here *net_here_new(const struct net_here_config *config);
void net_here_free(struct net_here *h);

/* TCP or UDP to the resolver's address. */
void net_here_ask(struct net_here *h, const struct net_frame *f, int64_t now_ms);

/* A segment of a connection that ends here; false when it belongs to none. */
bool net_here_take(struct net_here *h, const struct net_frame *f, int64_t now_ms);

/* Answers a frame that has no receiver, where an answer is due, without logging it. */
void net_here_answer(struct net_here *h, const struct net_frame *f);

/* Logs it as refused; the answer, where one is due; and for the first packet of a connection a
 * sentence where that can be read. reason: constant text. */
void net_here_log_frame(struct net_here *h, const struct net_frame *f, const char *reason,
			int64_t now_ms);
void net_here_refuse(struct net_here *h, const struct net_frame *f, const char *reason,
		     int64_t now_ms);
void net_here_refuse_first(struct net_here *h, const struct net_frame *f, const char *reason,
			   int64_t now_ms);

/* Ends a connection to NET_PLAN_HTTP that is under way with that sentence; arguments as
 * net_mini_adopt's. */
void net_here_adopt(struct net_here *h, const char *reason, const struct net_frame *f, uint32_t seq,
		    uint32_t ack, int64_t now_ms);

/* name: NULL for the address. */
void net_here_log(struct net_here *h, enum net_log_verdict verdict, const char *name,
		  const struct net_address *address, uint8_t proto, uint16_t port,
		  const char *reason);

#endif
