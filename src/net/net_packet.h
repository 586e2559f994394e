/* net_packet: makes and changes packets for the guest and for libslirp: addresses and ports with
 * their checksums (RFC 1624), whole segments and datagrams, refusals. IPv4, and IPv6 for refusals.
 * Pure. */
#ifndef CCVM_NET_PACKET_H
#define CCVM_NET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_frame.h"

#define NET_PACKET_HEADERS_MAX 64 /* Ethernet, IPv4, TCP with our options */
#define NET_PACKET_TCP_HEADERS                                                                     \
	40 /* IPv4 and TCP without options: what a segment takes of the MTU */
#define NET_PACKET_REFUSAL_MAX 640

/* The two ends of a packet to be made. */
struct net_packet_ends {
	uint8_t from_mac[6], to_mac[6];
	uint8_t from[4], to[4];
	uint16_t from_port, to_port;
};

struct net_packet_tcp {
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	uint16_t mss; /* option for a SYN; 0: none */
	const void *data;
	size_t len;
};

/* The Internet checksum of bytes, continued from `sum` (0 to begin). Folded, not complemented. */
uint32_t net_packet_sum(const void *bytes, size_t len, uint32_t sum);

/* Whether the checksums are right: of IPv4's header, and of TCP, UDP or ICMP where the packet is
 * not a fragment. UDP over IPv4 may be without. f has no fault. */
bool net_packet_is_intact(const struct net_frame *f);

/* The largest segment that a SYN's sender takes (RFC 9293 3.7.1), or 0. */
uint16_t net_packet_get_mss(const struct net_frame *syn);

/* Replace the source or destination of a parsed, unfragmented IPv4 frame with a whole TCP or UDP
 * header in place; bytes is the frame f was read from. The checksums are carried on, so a wrong one
 * stays wrong. */
void net_packet_set_source(uint8_t *bytes, const struct net_frame *f, const uint8_t address[4],
			   uint16_t port);
void net_packet_set_target(uint8_t *bytes, const struct net_frame *f, const uint8_t address[4],
			   uint16_t port);

/* The same for the acknowledgement of TCP. */
void net_packet_set_ack(uint8_t *bytes, const struct net_frame *f, uint32_t ack);

/* Write whole frames; `out` has room for NET_PACKET_HEADERS_MAX more than the data. Return the
 * length. */
size_t net_packet_make_tcp(uint8_t *out, const struct net_packet_ends *ends,
			   const struct net_packet_tcp *t);
size_t net_packet_make_udp(uint8_t *out, const struct net_packet_ends *ends, const void *data,
			   size_t len);

/* The ends of an answer to this IPv4 frame. */
struct net_packet_ends net_packet_answer_ends(const struct net_frame *f);

/* The answer that makes the sender stop waiting: a reset for TCP, "administratively prohibited" for
 * the rest (RFC 1812 5.2.7.1, RFC 4443 3.1). 0 when none is due: to a reset, an ICMP error, a
 * group, a broken frame.
 */
size_t net_packet_make_refusal(uint8_t out[NET_PACKET_REFUSAL_MAX], const struct net_frame *f);

#endif
