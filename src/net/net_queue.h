/* net_queue: frames for libslirp that wait until it can be called (net_give.h). Needs no bound of
 * its own: one frame of the guest's makes no more than its flow has kept back, one of libslirp's at
 * most one. */
#ifndef CCVM_NET_QUEUE_H
#define CCVM_NET_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_queue;

struct net_queue *net_queue_new(void);
void net_queue_free(struct net_queue *q);

/* port: that of the flow towards libslirp; 0: it belongs to none. */
void net_queue_add(struct net_queue *q, uint16_t port, const uint8_t *frame, size_t len);

/* The oldest one, which is valid until the next call of this; false: there is none. */
bool net_queue_take(struct net_queue *q, uint16_t *port, const uint8_t **frame, size_t *len);

bool net_queue_is_empty(const struct net_queue *q);

#endif
