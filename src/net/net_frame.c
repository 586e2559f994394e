#include "net/net_frame.h"
#include "net/net_reader.h"

#include <string.h>

#define TAGS_MAX       2 /* 802.1ad nests twice */
#define EXTENSIONS_MAX 8 /* RFC 8200 section 4.1 lists seven, each at most once but one */
#define TCP_HEADER_MIN 20

enum extension {
	EXTENSION_HOP_BY_HOP = 0,
	EXTENSION_ROUTING = 43,
	EXTENSION_FRAGMENT = 44,
	EXTENSION_AUTHENTICATION = 51,
	EXTENSION_DESTINATION = 60,
	EXTENSION_MOBILITY = 135,
	EXTENSION_HIP = 139,
	EXTENSION_SHIM6 = 140,
};

static void frame_fail(struct net_frame *f, enum net_frame_fault fault)
{
	if (f->fault == NET_FRAME_OK)
		f->fault = fault;
}

static void frame_parse_tcp(struct net_frame *f, struct net_reader *r)
{
	size_t header;

	f->src_port = net_reader_u16(r);
	f->dst_port = net_reader_u16(r);
	f->tcp_seq = net_reader_u32(r);
	f->tcp_ack = net_reader_u32(r);
	header = (size_t)(net_reader_u8(r) >> 4) * 4;
	f->tcp_flags = net_reader_u8(r);
	f->tcp_window = net_reader_u16(r);
	net_reader_skip(r, 4); /* checksum, urgent pointer */
	if (r->failed)
		return;
	if (header < TCP_HEADER_MIN)
		frame_fail(f, NET_FRAME_BAD_LENGTH);
	else
		net_reader_skip(r, header - TCP_HEADER_MIN);
}

static void frame_parse_udp(struct net_frame *f, struct net_reader *r)
{
	size_t length;

	f->src_port = net_reader_u16(r);
	f->dst_port = net_reader_u16(r);
	length = net_reader_u16(r);
	net_reader_skip(r, 2);
	if (r->failed)
		return;
	/* A first fragment carries the length of the whole datagram. */
	if (length < 8 || (!f->is_fragment && length - 8 > net_reader_left(r)))
		frame_fail(f, NET_FRAME_BAD_LENGTH);
	else if (!f->is_fragment)
		net_reader_limit(r, length - 8);
}

static void frame_parse_icmp(struct net_frame *f, struct net_reader *r)
{
	f->icmp_type = net_reader_u8(r);
	f->icmp_code = net_reader_u8(r);
	net_reader_skip(r, 6); /* checksum; every message of both versions has four bytes more */
}

/* The header above IP, when this frame has its beginning. */
static void frame_parse_transport(struct net_frame *f, struct net_reader *r)
{
	f->transport_at = r->at;
	f->payload_at = r->at;
	f->payload_len = net_reader_left(r);
	if (f->fragment_offset)
		return;
	switch (f->proto) {
	case NET_FRAME_PROTO_TCP:
		frame_parse_tcp(f, r);
		break;
	case NET_FRAME_PROTO_UDP:
		frame_parse_udp(f, r);
		break;
	case NET_FRAME_PROTO_ICMP:
	case NET_FRAME_PROTO_ICMPV6:
		frame_parse_icmp(f, r);
		break;
	default:
		return;
	}
	if (r->failed)
		frame_fail(f, NET_FRAME_TRUNCATED);
	if (f->fault != NET_FRAME_OK)
		return;
	f->has_transport = true;
	f->payload_at = r->at;
	f->payload_len = net_reader_left(r);
}

static void frame_parse_ipv4(struct net_frame *f, struct net_reader *r)
{
	struct net_reader packet = *r;
	uint8_t version_length = net_reader_u8(r);
	size_t header = (size_t)(version_length & 0x0f) * 4;
	size_t total;
	uint16_t fragment;

	net_reader_skip(r, 1);
	total = net_reader_u16(r);
	net_reader_skip(r, 2); /* identification */
	fragment = net_reader_u16(r);
	net_reader_skip(r, 1); /* time to live */
	f->proto = net_reader_u8(r);
	net_reader_skip(r, 2); /* checksum */
	f->src = net_reader_take(r, 4);
	f->dst = net_reader_take(r, 4);
	if (r->failed) {
		f->src = f->dst = NULL;
		frame_fail(f, NET_FRAME_TRUNCATED);
		return;
	}
	f->addr_len = 4;
	if (version_length >> 4 != 4) {
		frame_fail(f, NET_FRAME_BAD_VERSION);
		return;
	}
	if (header < 20 || total < header || total > net_reader_left(&packet)) {
		frame_fail(f, NET_FRAME_BAD_LENGTH);
		return;
	}
	net_reader_limit(&packet, total);
	net_reader_skip(&packet, header);
	f->ip_end = packet.end;
	f->has_extras = header > 20;
	f->more_fragments = fragment & 0x2000;
	f->fragment_offset = (uint32_t)(fragment & 0x1fff) * 8;
	f->is_fragment = f->more_fragments || f->fragment_offset;
	frame_parse_transport(f, &packet);
}

/* Steps over one extension header. Returns false when `next` is not one, or when the fragment
 * header says that the rest is in another frame. */
static bool frame_skip_extension(struct net_frame *f, struct net_reader *r, uint8_t *next)
{
	uint8_t type = *next;
	uint16_t fragment;
	size_t length;

	switch (type) {
	case EXTENSION_HOP_BY_HOP:
	case EXTENSION_ROUTING:
	case EXTENSION_DESTINATION:
	case EXTENSION_AUTHENTICATION:
	case EXTENSION_MOBILITY:
	case EXTENSION_HIP:
	case EXTENSION_SHIM6:
		*next = net_reader_u8(r);
		length = net_reader_u8(r);
		/* In units of 8 without the first; RFC 4302 counts units of 4 without the first
		 * two. */
		length = type == EXTENSION_AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8;
		if (length < 8)
			r->failed = true;
		else
			net_reader_skip(r, length - 2);
		break;
	case EXTENSION_FRAGMENT:
		*next = net_reader_u8(r);
		net_reader_skip(r, 1);
		fragment = net_reader_u16(r);
		net_reader_skip(r, 4);
		/* also the atomic fragment of RFC 6946, which nothing needs */
		f->is_fragment = true;
		f->more_fragments = fragment & 1;
		f->fragment_offset = fragment & 0xfff8;
		break;
	default:
		return false;
	}
	f->has_extras = true;
	return !r->failed && !f->fragment_offset;
}

static void frame_parse_ipv6(struct net_frame *f, struct net_reader *r)
{
	uint8_t version = net_reader_u8(r) >> 4;
	uint8_t next;
	size_t length;
	int depth = 0;

	net_reader_skip(r, 3); /* traffic class, flow label */
	length = net_reader_u16(r);
	next = net_reader_u8(r);
	net_reader_skip(r, 1); /* hop limit */
	f->src = net_reader_take(r, 16);
	f->dst = net_reader_take(r, 16);
	if (r->failed) {
		f->src = f->dst = NULL;
		frame_fail(f, NET_FRAME_TRUNCATED);
		return;
	}
	f->addr_len = 16;
	if (version != 6) {
		frame_fail(f, NET_FRAME_BAD_VERSION);
		return;
	}
	if (length > net_reader_left(r)) {
		frame_fail(f, NET_FRAME_BAD_LENGTH);
		return;
	}
	net_reader_limit(r, length);
	f->ip_end = r->end;
	while (frame_skip_extension(f, r, &next))
		if (++depth > EXTENSIONS_MAX) {
			frame_fail(f, NET_FRAME_TOO_DEEP);
			return;
		}
	f->proto = next;
	if (r->failed)
		frame_fail(f, NET_FRAME_TRUNCATED);
	else
		frame_parse_transport(f, r);
}

static void frame_parse_arp(struct net_frame *f, struct net_reader *r)
{
	uint16_t hardware = net_reader_u16(r);
	uint16_t protocol = net_reader_u16(r);
	uint16_t sizes = net_reader_u16(r);

	f->arp_op = net_reader_u16(r);
	if (!r->failed &&
	    (hardware != 1 || protocol != NET_FRAME_ETHERTYPE_IPV4 || sizes != 0x0604)) {
		frame_fail(f, NET_FRAME_BAD_ADDRESS_SIZE);
		return;
	}
	net_reader_skip(r, 6);
	f->src = net_reader_take(r, 4);
	net_reader_skip(r, 6);
	f->dst = net_reader_take(r, 4);
	if (r->failed) {
		f->src = f->dst = NULL;
		frame_fail(f, NET_FRAME_TRUNCATED);
		return;
	}
	f->addr_len = 4;
	f->ip_end = r->at;
}

void net_frame_parse(struct net_frame *f, const void *bytes, size_t len)
{
	struct net_reader r = net_reader_init(bytes, len);

	memset(f, 0, sizeof(*f));
	f->bytes = bytes;
	f->len = len;
	net_reader_skip(&r, 12);
	f->ethertype = net_reader_u16(&r);
	while (f->ethertype == NET_FRAME_ETHERTYPE_VLAN ||
	       f->ethertype == NET_FRAME_ETHERTYPE_QINQ) {
		if (f->vlan_tags == TAGS_MAX) {
			frame_fail(f, NET_FRAME_TOO_DEEP);
			return;
		}
		f->vlan_tags++;
		net_reader_skip(&r, 2);
		f->ethertype = net_reader_u16(&r);
	}
	if (r.failed) {
		frame_fail(f, NET_FRAME_TRUNCATED);
		return;
	}
	f->ip_at = r.at;
	f->ip_end = r.end;
	switch (f->ethertype) {
	case NET_FRAME_ETHERTYPE_ARP:
		f->layer = NET_FRAME_ARP;
		frame_parse_arp(f, &r);
		break;
	case NET_FRAME_ETHERTYPE_IPV4:
		f->layer = NET_FRAME_IPV4;
		frame_parse_ipv4(f, &r);
		break;
	case NET_FRAME_ETHERTYPE_IPV6:
		f->layer = NET_FRAME_IPV6;
		frame_parse_ipv6(f, &r);
		break;
	default:
		break;
	}
}

bool net_frame_is_urgent(const struct net_frame *f)
{
	if ((f->layer != NET_FRAME_IPV4 && f->layer != NET_FRAME_IPV6) ||
	    f->proto != NET_FRAME_PROTO_TCP)
		return false;
	if (f->tcp_flags & NET_FRAME_TCP_URG)
		return true;
	/* Byte 13 of the TCP header holds the flags. A first fragment too short to show it, or a
	 * later one that starts in front of the header's end, could put URG in place after this
	 * check. */
	return f->is_fragment && !f->has_transport && f->fragment_offset < TCP_HEADER_MIN;
}

const char *net_frame_fault_name(enum net_frame_fault fault)
{
	static const char *const name[] = {
		[NET_FRAME_OK] = "none",
		[NET_FRAME_TRUNCATED] = "truncated",
		[NET_FRAME_BAD_VERSION] = "bad version",
		[NET_FRAME_BAD_LENGTH] = "bad length",
		[NET_FRAME_BAD_ADDRESS_SIZE] = "bad address size",
		[NET_FRAME_TOO_DEEP] = "too deep",
	};

	return name[fault];
}
