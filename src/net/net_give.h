/* net_give: gives libslirp its frames, and keeps count of its sockets.
 *
 * libslirp answers some frames at once, from within the call, and calls back in the middle of its
 * own work at other times. So it is never called directly: frames for it are queued (net_queue) and
 * delivered when a call from outside is done and neither libslirp nor any function of net_locked is
 * running. Its answers are handled at once. */
#ifndef CCVM_NET_GIVE_H
#define CCVM_NET_GIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_carry.h"
#include "net/net_flow.h"
#include "net/net_open.h"
#include "net/net_queue.h"

struct net_give_config {
	struct net_flows *flows; /* borrowed, as the next three */
	struct net_queue *queue;
	struct net_carry *carry;
	struct net_open *open;
	void *ctx;
	/* The frame is borrowed during the call. */
	void (*to_slirp)(void *ctx, const uint8_t *frame, size_t len);
};

struct net_give;

struct net_give *net_give_new(const struct net_give_config *config);
void net_give_free(struct net_give *g);

/* Delivers the queued frames to libslirp. The caller must hold no flow: any may be gone
 * afterwards. */
void net_give_all(struct net_give *g);

/* As net_locked_on_socket. */
void net_give_on_socket(struct net_give *g, int fd, bool open);

/* libslirp's sockets that belong to no flow: IPv6. */
size_t net_give_loose(const struct net_give *g);

#endif
