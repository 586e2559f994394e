/* net_locked: the network of a guest with an allowlist. See the theory of operation at the head of
 * net_locked.c. */
#ifndef CCVM_NET_LOCKED_H
#define CCVM_NET_LOCKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_frame.h"
#include "net/net_log.h"
#include "net/net_names.h"
#include "net/net_rules.h"

#define NET_LOCKED_ASK_MS     30000 /* how long a connection waits for the user */
#define NET_LOCKED_ASKING_MAX 256   /* connections that may */

struct net_locked_config {
	struct net_rules *rules; /* borrowed, all three */
	struct net_log *log;
	void *ctx;
	bool host_loopback; /* 10.0.2.2, 127/8 and the host's other addresses may be listed */
	bool link_local;    /* link-local and metadata addresses may */
	bool ipv6;	    /* pass what is listed; false: none at all */
	size_t mtu;
	/* Frames are borrowed during the call. */
	void (*to_guest)(void *ctx, const uint8_t *frame, size_t len);
	void (*to_slirp)(void *ctx, const uint8_t *frame, size_t len);
	/* Makes libslirp abandon this socket, which is still connecting (net_slirp_abort). */
	void (*abort_connect)(void *ctx, int fd);
	/* Whether an address is the host's own (net_reach_is_host). */
	bool (*is_host)(void *ctx, const struct net_address *a);
	/* Asks the host's resolver for the IPv4 addresses of a name; the answer comes by
	 * net_locked_resolved, later or from within the call. */
	void (*resolve)(void *ctx, const char *name);
	/* Asks the user about a name (or address as text) and port. */
	void (*on_question)(void *ctx, const char *name, uint16_t port);
};

struct net_locked;

struct net_locked *net_locked_new(const struct net_locked_config *config);
void net_locked_free(struct net_locked *l);

/* A frame of the guest's that net_filter let pass; its checksums are right. */
void net_locked_from_guest(struct net_locked *l, const struct net_frame *f, int64_t now_ms);

/* A frame that it stopped: answered, where an answer is due, and logged. */
void net_locked_refuse(struct net_locked *l, const struct net_frame *f, const char *reason,
		       int64_t now_ms);

/* libslirp has made a socket, or closes one (net_slirp_socket_fn): a flow ends with its socket, and
 * stays in the table as long as it. */
void net_locked_on_socket(struct net_locked *l, int fd, bool open);

/* A frame of libslirp's for the guest. May be called from within to_slirp; libslirp itself is never
 * called from here. */
void net_locked_from_slirp(struct net_locked *l, const uint8_t *bytes, size_t len, int64_t now_ms);

void net_locked_resolved(struct net_locked *l, const char *name,
			 const struct net_names_answer *answer, int64_t now_ms);

/* Whether a user is there to ask. If not, waiting connections are refused. */
void net_locked_watch(struct net_locked *l, bool watched, int64_t now_ms);

/* The rules have changed: connections that wait are decided, open ones that are now denied are
 * cut. */
void net_locked_rules_changed(struct net_locked *l, int64_t now_ms);

/* ms until net_locked_tick has to be called, or -1. */
int net_locked_wait(const struct net_locked *l);
/* Also call it after each turn of libslirp. */
void net_locked_tick(struct net_locked *l, int64_t now_ms);

size_t net_locked_flows(const struct net_locked *l);

#endif
