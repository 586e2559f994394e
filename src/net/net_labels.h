/* net_labels: in open mode, the names that go with addresses, learned from the DNS answers the
 * guest gets. For display only: no decision depends on them. */
#ifndef CCVM_NET_LABELS_H
#define CCVM_NET_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "net/net_address.h"

#define NET_LABELS_MAX 1024 /* addresses; the oldest one makes room */

struct net_labels;

struct net_labels *net_labels_new(void);
void net_labels_free(struct net_labels *l);

/* Learns from a DNS answer. */
void net_labels_learn(struct net_labels *l, const uint8_t *message, size_t len);

/* The name that had this address last, or NULL. Valid until the next call of net_labels_learn. */
const char *net_labels_find(const struct net_labels *l, const struct net_address *a);

#endif
