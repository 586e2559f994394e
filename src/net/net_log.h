/* net_log: what was refused and what was let through, merged by name (or address), port and
 * protocol, as events for the session. Bounded: when it is full, the oldest entry is forgotten; the
 * session already has its report, unless entries came faster than events may be sent. The totals
 * are right in any case. */
#ifndef CCVM_NET_LOG_H
#define CCVM_NET_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "net/net_control.h"

#define NET_LOG_MAX 1024

enum net_log_verdict { NET_LOG_ALLOWED, NET_LOG_REFUSED };

struct net_log_entry {
	enum net_log_verdict verdict;
	const char *name;    /* or the address as text; checked characters only */
	const char *address; /* text; may be empty */
	uint16_t port;
	const char *proto;  /* "tcp", "udp", "icmp": constant */
	const char *reason; /* constant text */
};

struct net_log;

struct net_log *net_log_new(void);
void net_log_free(struct net_log *l);

void net_log_add(struct net_log *l, const struct net_log_entry *e);

/* When the same was last added, in ms of the wall clock; 0: never. */
int64_t net_log_last_ms(const struct net_log *l, const struct net_log_entry *e);

/* Queues events for what has changed: {"type":"egress",…} with `count` since the last one. At most
 * one a second for each entry, and NET_LOG_PER_SECOND in all. */
#define NET_LOG_PER_SECOND 100
void net_log_flush(struct net_log *l, struct net_control *c, int64_t now_ms);

/* ms until net_log_flush has something to do, or -1. */
int net_log_wait(const struct net_log *l, int64_t now_ms);

uint64_t net_log_total(const struct net_log *l, enum net_log_verdict verdict);

#endif
