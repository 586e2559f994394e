/* net_reach: classifies an address: the host's own, one that depends on the link (link-local, and
 * the metadata services of clouds), or any other. The first two are closed to a guest unless an
 * option opens them.
 *
 * Only the kernel knows which addresses are the host's, and they may change at any moment. So no
 * list is kept: for each new connection the kernel is asked where a packet to the address would go
 * (rtnetlink(7), RTM_GETROUTE), which takes all it knows into account: addresses of interfaces, of
 * other families, networks that are local as a whole, anycast and broadcast. */
#ifndef CCVM_NET_REACH_H
#define CCVM_NET_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/net_address.h"

struct net_reach;

/* Opens a socket: to be called before the process gives up making one. */
struct net_reach *net_reach_new(bool host_loopback, bool link_local, struct err *e);
void net_reach_free(struct net_reach *r);

/* Whether packets to the address come to this host itself. Also true when that cannot be
 * determined. */
bool net_reach_is_host(struct net_reach *r, const struct net_address *a);

/* Why the options close this address to a guest: constant text, or NULL when they do not. now_ms:
 * results of the last NET_REACH_CACHE_MS are reused; NET_REACH_FRESH: none is. Addresses of the
 * guest's own network are not looked at. */
#define NET_REACH_CACHE_MS 1000
#define NET_REACH_FRESH	   (-1)
const char *net_reach_refusal(struct net_reach *r, const struct net_address *a, int64_t now_ms);

/* What the kernel's answer says, of len bytes, to the question with this number: 1: the address is
 * the host's · 0: it is not · -1: this is no such answer. Pure. */
int net_reach_parse(const void *bytes, size_t len, uint32_t number);

#endif
