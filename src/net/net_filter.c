#include "net/net_filter.h"
#include "net/net_packet.h"
#include "net/net_plan.h"

#include <string.h>

/* libslirp keeps a fragment for up to 30 s. With a frame's 1.6 KiB buffer this bounds what a guest
 * can make it hold to about 3.5 MiB, and leaves large UDP datagrams and pings at an ordinary pace
 * alone. */
#define FRAGMENTS_PER_SECOND 64
#define FRAGMENTS_BURST	     256

#define PORT_DNS	53
#define PORT_BOOTP	67
#define PORT_BOOTP_BACK 68
#define PORT_TFTP	69
#define PORT_DHCPV6	547

static const uint8_t filter_guest4[4] = {NET_PLAN_GUEST4};
static const uint8_t filter_network4[4] = {NET_PLAN_NETWORK4};
static const uint8_t filter_gateway4[4] = {NET_PLAN_GATEWAY4};
static const uint8_t filter_resolver4[4] = {NET_PLAN_RESOLVER4};
static const uint8_t filter_prefix6[8] = {NET_PLAN_PREFIX6};
static const uint8_t filter_gateway6[16] = {NET_PLAN_GATEWAY6};
static const uint8_t filter_resolver6[16] = {NET_PLAN_RESOLVER6};
static const uint8_t filter_link_gateway6[16] = {
	0xfe, 0x80, [15] = 2}; /* where libslirp's router speaks from */
static const uint8_t filter_nat64[12] = {0x00, 0x64, 0xff, 0x9b}; /* RFC 6052 */

void net_filter_init(struct net_filter *filter, size_t mtu, bool checksums)
{
	*filter = (struct net_filter){
		.frame_max = NET_FRAME_ETHER_LEN + mtu,
		.checksums = checksums,
		.fragments = {.per_second = FRAGMENTS_PER_SECOND, .burst = FRAGMENTS_BURST},
	};
}

static bool filter_is_port(const struct net_frame *f, uint16_t port)
{
	return f->has_transport && f->dst_port == port;
}

static bool filter_has_ports(const struct net_frame *f)
{
	return f->proto == NET_FRAME_PROTO_TCP || f->proto == NET_FRAME_PROTO_UDP;
}

/* The resolver stands for the host's, on whatever port is asked: only DNS may pass, or port 80 of
 * 10.0.2.3 would be port 80 of the host where that runs its own resolver. A later fragment has no
 * ports, and is useless without the first one. */
static enum net_filter_verdict filter_resolver(const struct net_frame *f)
{
	if (filter_has_ports(f) && f->has_transport && !filter_is_port(f, PORT_DNS))
		return NET_FILTER_SERVICE;
	return NET_FILTER_PASS;
}

/* libslirp's own servers at the gateway parse what they are sent, and no guest of ours needs
 * them. */
static enum net_filter_verdict filter_gateway(const struct net_frame *f)
{
	static const uint16_t closed[] = {PORT_BOOTP, PORT_BOOTP_BACK, PORT_TFTP, PORT_DHCPV6};

	for (size_t i = 0;
	     f->proto == NET_FRAME_PROTO_UDP && i < sizeof(closed) / sizeof(closed[0]); i++)
		if (filter_is_port(f, closed[i]))
			return NET_FILTER_SERVICE;
	return NET_FILTER_PASS;
}

static enum net_filter_verdict filter_ipv4(struct net_filter *filter, const struct net_frame *f,
					   int64_t now_ms)
{
	if (!filter_has_ports(f) && f->proto != NET_FRAME_PROTO_ICMP)
		return NET_FILTER_PROTOCOL;
	if (memcmp(f->src, filter_guest4, 4) != 0)
		return NET_FILTER_SOURCE;
	/* "This network", the host's loopback, multicast, reserved and broadcast: libslirp would
	 * hand them to the host's stack as they are. */
	if (f->dst[0] == 0 || f->dst[0] == 127 || f->dst[0] >= 224)
		return NET_FILTER_DESTINATION;
	if (f->is_fragment && !net_limit_take(&filter->fragments, now_ms))
		return NET_FILTER_FRAGMENT_RATE;
	if (memcmp(f->dst, filter_network4, 3) != 0)
		return NET_FILTER_PASS;
	if (memcmp(f->dst, filter_gateway4, 4) == 0)
		return filter_gateway(f);
	if (memcmp(f->dst, filter_resolver4, 4) == 0)
		return filter_resolver(f);
	/* libslirp would connect to the host's loopback for any other address of the network
	 * too. */
	return NET_FILTER_DESTINATION;
}

static bool filter_is_source6(const uint8_t *a)
{
	static const uint8_t unspecified[16];

	return memcmp(a, filter_prefix6, sizeof(filter_prefix6)) == 0 ||
	       (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || memcmp(a, unspecified, 16) == 0;
}

/* Addresses that are routed: global unicast, unique local (the host's own networks), and translated
 * IPv4. */
static bool filter_is_routed6(const uint8_t *a)
{
	return (a[0] & 0xe0) == 0x20 || (a[0] & 0xfe) == 0xfc ||
	       memcmp(a, filter_nat64, sizeof(filter_nat64)) == 0;
}

static enum net_filter_verdict filter_ipv6(const struct net_frame *f)
{
	if (f->has_extras)
		return NET_FILTER_EXTENSION;
	if (!filter_has_ports(f) && f->proto != NET_FRAME_PROTO_ICMPV6)
		return NET_FILTER_PROTOCOL;
	if (!filter_is_source6(f->src))
		return NET_FILTER_SOURCE;
	if (memcmp(f->dst, filter_gateway6, 16) == 0)
		return filter_gateway(f);
	if (memcmp(f->dst, filter_resolver6, 16) == 0)
		return filter_resolver(f);
	if (filter_is_routed6(f->dst))
		return NET_FILTER_PASS;
	/* Neighbour discovery: to a group or to the router. */
	if (f->proto == NET_FRAME_PROTO_ICMPV6 &&
	    (f->dst[0] == 0xff || memcmp(f->dst, filter_link_gateway6, 16) == 0))
		return NET_FILTER_PASS;
	return NET_FILTER_DESTINATION;
}

/* libslirp learns a neighbour from any ARP frame; the guest has one address, and asks from 0.0.0.0
 * when it probes (RFC 5227). */
static enum net_filter_verdict filter_arp(const struct net_frame *f)
{
	static const uint8_t none[4];

	if (memcmp(f->src, filter_guest4, 4) != 0 && memcmp(f->src, none, 4) != 0)
		return NET_FILTER_SOURCE;
	return NET_FILTER_PASS;
}

static enum net_filter_verdict filter_judge(struct net_filter *filter, const struct net_frame *f,
					    int64_t now_ms)
{
	if (net_frame_is_urgent(f))
		return NET_FILTER_URGENT;
	if (f->fault != NET_FRAME_OK)
		return NET_FILTER_MALFORMED;
	if (f->len > filter->frame_max)
		return NET_FILTER_TOO_LONG;
	if (f->vlan_tags)
		return NET_FILTER_TYPE;
	if (f->is_fragment && f->proto == NET_FRAME_PROTO_TCP)
		return NET_FILTER_TCP_FRAGMENT;
	switch (f->layer) {
	case NET_FRAME_ARP:
		return filter_arp(f);
	case NET_FRAME_IPV4:
		return filter_ipv4(filter, f, now_ms);
	case NET_FRAME_IPV6:
		return filter_ipv6(f);
	case NET_FRAME_OTHER:
		break;
	}
	return NET_FILTER_TYPE;
}

enum net_filter_verdict net_filter_from_guest(struct net_filter *filter, const struct net_frame *f,
					      int64_t now_ms)
{
	enum net_filter_verdict verdict = filter_judge(filter, f, now_ms);

	/* What libslirp would drop must not make a flow here, nor change one. */
	if (verdict == NET_FILTER_PASS && filter->checksums && !net_packet_is_intact(f))
		verdict = NET_FILTER_CHECKSUM;
	filter->count[verdict]++;
	return verdict;
}

enum net_filter_verdict net_filter_to_guest(struct net_filter *filter, const struct net_frame *f)
{
	if (!net_frame_is_urgent(f))
		return NET_FILTER_PASS;
	filter->count_to_guest_urgent++;
	return NET_FILTER_URGENT;
}

const char *net_filter_name(enum net_filter_verdict verdict)
{
	static const char *const name[NET_FILTER_VERDICTS] = {
		[NET_FILTER_PASS] = "pass",
		[NET_FILTER_MALFORMED] = "malformed",
		[NET_FILTER_TOO_LONG] = "too_long",
		[NET_FILTER_TYPE] = "type",
		[NET_FILTER_URGENT] = "urgent",
		[NET_FILTER_TCP_FRAGMENT] = "tcp_fragment",
		[NET_FILTER_FRAGMENT_RATE] = "fragment_rate",
		[NET_FILTER_EXTENSION] = "extension",
		[NET_FILTER_PROTOCOL] = "protocol",
		[NET_FILTER_SOURCE] = "source",
		[NET_FILTER_DESTINATION] = "destination",
		[NET_FILTER_CHECKSUM] = "checksum",
		[NET_FILTER_SERVICE] = "service",
	};

	return name[verdict];
}
