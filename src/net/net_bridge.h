/* net_bridge: the loop between QEMU's socket, libslirp and the session. */
#ifndef CCVM_NET_BRIDGE_H
#define CCVM_NET_BRIDGE_H

#include <stdbool.h>

#include "base/err.h"

struct net_bridge_config {
	int qemu_fd; /* borrowed: connected stream sockets */
	int control_fd;
	bool host_loopback;
	bool link_local; /* link-local and metadata addresses are reached */
	bool ipv6;
	bool locked; /* only what the session's rules allow */
	/* locked: DNS servers instead of the host's (net_resolve_new), or NULL */
	const char *resolver;
	unsigned mtu;
};

struct net_bridge;

/* Sets up libslirp and the resolver: call it before net_confine_enter. NULL on failure. */
struct net_bridge *net_bridge_new(const struct net_bridge_config *config, struct err *e);
void net_bridge_free(struct net_bridge *b);

/* For a process that cannot later read the resolver's configuration (net_slirp_prime_resolver). */
void net_bridge_prime_resolver(struct net_bridge *b);

/* Tells the session that the process is confined and serves: the `ready` event. */
void net_bridge_announce(struct net_bridge *b, int landlock_abi);

/* Serves until QEMU or the session is gone (0), or something fails (-1). Sends a last `stats`
 * event. */
int net_bridge_run(struct net_bridge *b, struct err *e);

#endif
