/* net_resolve: the host's DNS, for names that the guest may reach; the only user of c-ares. Answers
 * come from the servers of /etc/resolv.conf; /etc/hosts and search lists play no part. */
#ifndef CCVM_NET_RESOLVE_H
#define CCVM_NET_RESOLVE_H

#include "base/err.h"
#include "net/net_names.h"
#include "net/net_poll.h"

#define NET_RESOLVE_MAX 64 /* lookups under way; more fail at once */

struct net_resolve;

/* Reads the resolver's configuration and a random seed; call it before the process gives up its
 * files. servers: instead of the configuration's, comma separated, each ADDRESS or ADDRESS:PORT; or
 * NULL. */
struct net_resolve *net_resolve_new(const char *servers,
				    void (*on_answer)(void *ctx, const char *name,
						      const struct net_names_answer *answer),
				    void *ctx, struct err *e);
void net_resolve_free(struct net_resolve *r);

/* Asks for the IPv4 addresses of a name. on_answer is called once, perhaps from within. */
void net_resolve_ask(struct net_resolve *r, const char *name, int64_t now_ms);

/* Adds the sockets to the set; returns the longest wait in ms, or -1. */
int net_resolve_fill(struct net_resolve *r, struct net_poll *set);

/* To be called after poll(2). */
void net_resolve_turn(struct net_resolve *r, const struct net_poll *set);

#endif
