/* net_filter: which frames reach libslirp, and which reach the guest.
 *
 * libslirp takes more than a guest of ours needs: it has a TFTP and a DHCP server, answers for
 * every address of its network, sends to the host's own 127.0.0.0/8 when a frame says so, and keeps
 * IP fragments without a bound. The filter lets through what an ordinary guest with the fixed
 * address sends, and counts the rest by reason. */
#ifndef CCVM_NET_FILTER_H
#define CCVM_NET_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/net_frame.h"
#include "net/net_limit.h"

enum net_filter_verdict {
	NET_FILTER_PASS,
	NET_FILTER_MALFORMED,	  /* net_frame found a fault */
	NET_FILTER_TOO_LONG,	  /* beyond the MTU */
	NET_FILTER_TYPE,	  /* not ARP, IPv4 or IPv6, or with a VLAN tag */
	NET_FILTER_URGENT,	  /* TCP that may bring urgent data (CVE-2026-9539) */
	NET_FILTER_TCP_FRAGMENT,  /* TCP in fragments: not needed, and it hides flags and ports */
	NET_FILTER_FRAGMENT_RATE, /* more fragments than libslirp may have to keep */
	NET_FILTER_EXTENSION,	  /* IPv6 with extension headers, fragments among them */
	NET_FILTER_PROTOCOL,	  /* not TCP, UDP, ICMP or ICMPv6 */
	NET_FILTER_SOURCE,	  /* from an address that is not the guest's */
	/* loopback, multicast, reserved, or an unused address of our network */
	NET_FILTER_DESTINATION,
	NET_FILTER_CHECKSUM, /* a wrong checksum, where they are looked at */
	/* a port of the gateway or the resolver that has nothing for the guest */
	NET_FILTER_SERVICE,
	NET_FILTER_VERDICTS,
};

struct net_filter {
	size_t frame_max; /* bytes, Ethernet header included */
	bool checksums;	  /* are looked at */
	struct net_limit fragments;
	uint64_t count[NET_FILTER_VERDICTS]; /* frames from the guest by verdict */
	uint64_t count_to_guest_urgent;
};

/* checksums: for a locked guest, where ccvm-net itself acts on what a frame says. libslirp itself
 * drops frames with a wrong one. */
void net_filter_init(struct net_filter *filter, size_t mtu, bool checksums);

/* Judges and counts a frame from the guest. now_ms: any clock that does not go back. */
enum net_filter_verdict net_filter_from_guest(struct net_filter *filter, const struct net_frame *f,
					      int64_t now_ms);

/* The same for a frame to the guest: only urgent TCP is stopped. */
enum net_filter_verdict net_filter_to_guest(struct net_filter *filter, const struct net_frame *f);

/* The verdict's name in events, [a-z_] only. */
const char *net_filter_name(enum net_filter_verdict verdict);

#endif
