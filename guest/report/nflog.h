/* nflog: what the guest's own firewall refused, read from the kernel's log group
 * (linux/netfilter/nfnetlink_log.h). */
#ifndef CCVM_GUEST_NFLOG_H
#define CCVM_GUEST_NFLOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct nflog_packet {
	char address[46];  /* that it was for, as text */
	const char *proto; /* "tcp", "udp", "icmp" or "other" */
	uint16_t port;	   /* 0: none */
};

/* A non-blocking netlink socket on the group. */
int nflog_open(uint16_t group, struct err *e);

/* Reads the IP header (and ports) of a logged packet; false when it is none. Pure. */
int nflog_parse_packet(const uint8_t *bytes, size_t len, struct nflog_packet *p);

/* Calls on_packet for each packet in a datagram of netlink messages. Pure. */
void nflog_each(const void *bytes, size_t len,
		void (*on_packet)(void *ctx, const struct nflog_packet *p), void *ctx);

#endif
