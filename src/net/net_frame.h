/* net_frame: parses an Ethernet frame without trusting it.
 *
 * A pure function over bytes: it allocates nothing, keeps nothing, and reads only through
 * net_reader. It follows IEEE 802.3 (Ethernet II), 802.1Q (tags), RFC 826 (ARP), 791 (IPv4), 8200
 * (IPv6), 9293 (TCP), 768 (UDP), 792 and 4443 (ICMP). Checksums are not verified: the caller that
 * acts on the frame does that. */
#ifndef CCVM_NET_FRAME_H
#define CCVM_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_FRAME_ETHER_LEN 14

enum net_frame_ethertype {
	NET_FRAME_ETHERTYPE_IPV4 = 0x0800,
	NET_FRAME_ETHERTYPE_ARP = 0x0806,
	NET_FRAME_ETHERTYPE_VLAN = 0x8100,
	NET_FRAME_ETHERTYPE_IPV6 = 0x86dd,
	NET_FRAME_ETHERTYPE_QINQ = 0x88a8,
};

/* IP protocol numbers a reader of this header needs (IANA protocol numbers). */
enum net_frame_proto {
	NET_FRAME_PROTO_ICMP = 1,
	NET_FRAME_PROTO_TCP = 6,
	NET_FRAME_PROTO_UDP = 17,
	NET_FRAME_PROTO_ICMPV6 = 58,
};

enum net_frame_tcp_flag {
	NET_FRAME_TCP_FIN = 0x01,
	NET_FRAME_TCP_SYN = 0x02,
	NET_FRAME_TCP_RST = 0x04,
	NET_FRAME_TCP_PSH = 0x08,
	NET_FRAME_TCP_ACK = 0x10,
	NET_FRAME_TCP_URG = 0x20,
};

enum net_frame_layer {
	NET_FRAME_OTHER, /* neither of the next three */
	NET_FRAME_ARP,
	NET_FRAME_IPV4,
	NET_FRAME_IPV6,
};

/* Why parsing stopped. The fields read before the fault are valid. */
enum net_frame_fault {
	NET_FRAME_OK,
	NET_FRAME_TRUNCATED,	    /* a header does not fit into what is there */
	NET_FRAME_BAD_VERSION,	    /* IP version and Ethernet type disagree */
	NET_FRAME_BAD_LENGTH,	    /* a length field contradicts the frame or itself */
	NET_FRAME_BAD_ADDRESS_SIZE, /* ARP for something else than IPv4 over Ethernet */
	NET_FRAME_TOO_DEEP,	    /* more tags or extension headers than anyone needs */
};

struct net_frame {
	const uint8_t *bytes; /* borrowed: valid as long as the caller's */
	size_t len;

	enum net_frame_fault fault;
	enum net_frame_layer layer;
	uint16_t ethertype; /* behind the tags */
	uint8_t vlan_tags;

	/* IPv4 and IPv6 (and the addresses of ARP: sender and target) */
	size_t ip_at;	    /* offset of the IP or ARP header */
	size_t ip_end;	    /* where the packet ends; Ethernet padding may follow */
	const uint8_t *src; /* 4 or 16 bytes inside the frame; NULL when not read */
	const uint8_t *dst;
	uint8_t addr_len; /* 4 or 16, or 0 */
	bool has_extras;  /* IPv4 options, or IPv6 extension headers */
	bool is_fragment; /* one of several */
	bool more_fragments;
	uint32_t fragment_offset; /* in bytes */
	uint8_t proto;		  /* behind the extension headers */
	uint16_t arp_op;

	/* The header above IP. Of fragments only the first can have one. */
	bool has_transport; /* its header is there, whole */
	size_t transport_at;
	uint16_t src_port; /* TCP and UDP */
	uint16_t dst_port;
	uint32_t tcp_seq;
	uint32_t tcp_ack;
	uint16_t tcp_window;
	uint8_t tcp_flags; /* enum net_frame_tcp_flag */
	uint8_t icmp_type; /* ICMP and ICMPv6 */
	uint8_t icmp_code;
	size_t payload_at; /* payload_at + payload_len <= ip_end */
	size_t payload_len;
};

/* Reads a frame of len bytes. Always fills in *f; equal bytes give an equal result. */
void net_frame_parse(struct net_frame *f, const void *bytes, size_t len);

/* True when this is TCP and may bring urgent data: the URG flag is set, or the frame is a fragment
 * that shows no flags but could supply them to a reassembler (RFC 1858, RFC 3128). */
bool net_frame_is_urgent(const struct net_frame *f);

/* A short constant name of the fault, for counters and logs. */
const char *net_frame_fault_name(enum net_frame_fault fault);

#endif
