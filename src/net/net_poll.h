/* net_poll: the set of descriptors one turn of the loop waits for (poll(2)), made anew each
 * turn. */
#ifndef CCVM_NET_POLL_H
#define CCVM_NET_POLL_H

#include <poll.h>
#include <stddef.h>

struct net_poll {
	struct pollfd *fds; /* owned */
	size_t n;
	size_t size;
};

void net_poll_fini(struct net_poll *p);
void net_poll_clear(struct net_poll *p);

/* Returns the index to ask net_poll_revents for. */
int net_poll_add(struct net_poll *p, int fd, short events);
short net_poll_revents(const struct net_poll *p, int index);

#endif
