/* net_slirp: the only user of libslirp. */
#ifndef CCVM_NET_SLIRP_H
#define CCVM_NET_SLIRP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_poll.h"

/* A frame for the guest; borrowed during the call. Called from within net_slirp_input and
 * net_slirp_turn. */
typedef void net_slirp_frame_fn(void *ctx, const void *frame, size_t len);

/* libslirp has made a socket, or closes one. Called from within net_slirp_input and net_slirp_turn;
 * a socket is made within the net_slirp_input of the packet it is for. */
typedef void net_slirp_socket_fn(void *ctx, int fd, bool open);

struct net_slirp_config {
	bool host_loopback; /* the gateway reaches the host's loopback */
	bool ipv6;
	size_t mtu;
	net_slirp_frame_fn *on_frame;
	net_slirp_socket_fn *on_socket;
	void *ctx;
};

struct net_slirp;

/* Reads /dev/urandom; call it before the process gives up its files. */
struct net_slirp *net_slirp_new(const struct net_slirp_config *config);
void net_slirp_free(struct net_slirp *s);

/* Makes libslirp read the resolver's address now and keep it, for a process that cannot open the
 * file later. Sends the resolver two empty datagrams, which it ignores. */
void net_slirp_prime_resolver(struct net_slirp *s);

/* True when this machine has a route to the IPv6 internet. Sends nothing. */
bool net_slirp_host_has_ipv6(void);

/* A frame from the guest that has passed net_filter. */
void net_slirp_input(struct net_slirp *s, const void *frame, size_t len);

/* Stops a socket of libslirp's that is still connecting: until it has, libslirp ignores resets. The
 * connection fails, and libslirp notices in one of its next turns. */
void net_slirp_abort(int fd);

/* Adds libslirp's sockets to the set and returns the longest wait in ms, or -1 when nothing has to
 * happen. may_read false: the sockets are not read this turn, because the guest's queue is full. */
int net_slirp_fill(struct net_slirp *s, struct net_poll *set, bool may_read);

/* Lets libslirp work after poll(2). poll_failed: the set says nothing. */
void net_slirp_turn(struct net_slirp *s, const struct net_poll *set, bool poll_failed);

/* ms of libslirp's clock, which does not go back. */

#endif
