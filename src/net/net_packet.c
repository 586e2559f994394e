#include "net/net_packet.h"
#include "net/net_reader.h"

#include <string.h>

#define IP4_LEN	   20
#define IP6_LEN	   40
#define TCP_LEN	   20
#define UDP_LEN	   8
#define ICMP_LEN   8
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define QUOTE_MAX                                                                                  \
	512 /* of the refused packet in an ICMP error; RFC 1812 asks for at most 576 in all */

static void packet_put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void packet_put32(uint8_t *at, uint32_t value)
{
	packet_put16(at, value >> 16);
	packet_put16(at + 2, value & 0xffff);
}

static unsigned packet_get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint32_t packet_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The sum does not care in which order the bytes of a word are added (RFC 1071 2B), so words are
 * taken as the machine has them, four bytes at a time. */
uint32_t net_packet_sum(const void *bytes, size_t len, uint32_t sum)
{
	const uint8_t *p = bytes;
	uint64_t total = 0;
	uint8_t rest[4] = {0};
	uint16_t folded;
	uint32_t word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		total += word;
	}
	if (len)
		memcpy(rest, p, len);
	memcpy(&word, rest, sizeof(word));
	total += word;
	total = (total & 0xffffffff) + (total >> 32);
	total = (total & 0xffff) + (total >> 16);
	total = (total & 0xffff) + (total >> 16);
	folded = (uint16_t)((total & 0xffff) + (total >> 16));
	memcpy(rest, &folded, sizeof(folded));
	return packet_fold(packet_fold(sum) + packet_get16(rest));
}

/* RFC 1624, equation 3, for one changed run of an even length. */
static void packet_carry_on(uint8_t *checksum, const uint8_t *old, const uint8_t *new, size_t len)
{
	uint32_t sum = ~packet_get16(checksum) & 0xffff;

	for (size_t i = 0; i < len; i += 2)
		sum += (~packet_get16(old + i) & 0xffff) + packet_get16(new + i);
	packet_put16(checksum, ~packet_fold(sum) & 0xffff);
}

static uint8_t *packet_l4_checksum(uint8_t *bytes, const struct net_frame *f)
{
	uint8_t *at = bytes + f->transport_at + (f->proto == NET_FRAME_PROTO_TCP ? 16 : 6);

	/* UDP without a checksum stays without. */
	return f->proto == NET_FRAME_PROTO_UDP && packet_get16(at) == 0 ? NULL : at;
}

static void packet_set_end(uint8_t *bytes, const struct net_frame *f, size_t address_at,
			   size_t port_at, const uint8_t address[4], uint16_t port)
{
	uint8_t *checksum = packet_l4_checksum(bytes, f);
	uint8_t new_port[2];

	packet_put16(new_port, port);
	packet_carry_on(bytes + f->ip_at + 10, bytes + address_at, address, 4);
	if (checksum) {
		packet_carry_on(checksum, bytes + address_at, address, 4);
		packet_carry_on(checksum, bytes + port_at, new_port, 2);
		if (f->proto == NET_FRAME_PROTO_UDP && packet_get16(checksum) == 0)
			packet_put16(checksum, 0xffff);
	}
	memcpy(bytes + address_at, address, 4);
	memcpy(bytes + port_at, new_port, 2);
}

void net_packet_set_source(uint8_t *bytes, const struct net_frame *f, const uint8_t address[4],
			   uint16_t port)
{
	packet_set_end(bytes, f, f->ip_at + 12, f->transport_at, address, port);
}

void net_packet_set_target(uint8_t *bytes, const struct net_frame *f, const uint8_t address[4],
			   uint16_t port)
{
	packet_set_end(bytes, f, f->ip_at + 16, f->transport_at + 2, address, port);
}

void net_packet_set_ack(uint8_t *bytes, const struct net_frame *f, uint32_t ack)
{
	uint8_t *at = bytes + f->transport_at + 8;
	uint8_t new_ack[4];

	packet_put32(new_ack, ack);
	packet_carry_on(bytes + f->transport_at + 16, at, new_ack, sizeof(new_ack));
	memcpy(at, new_ack, sizeof(new_ack));
}

static void packet_put_ether(uint8_t *out, const uint8_t from[6], const uint8_t to[6],
			     unsigned type)
{
	memcpy(out, to, 6);
	memcpy(out + 6, from, 6);
	packet_put16(out + 12, type);
}

static void packet_put_ip4(uint8_t *ip, const uint8_t from[4], const uint8_t to[4], uint8_t proto,
			   size_t len)
{
	memset(ip, 0, IP4_LEN);
	ip[0] = 0x45;
	packet_put16(ip + 2, (unsigned)(IP4_LEN + len));
	packet_put16(ip + 6, 0x4000); /* do not fragment */
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, from, 4);
	memcpy(ip + 16, to, 4);
	packet_put16(ip + 10, ~net_packet_sum(ip, IP4_LEN, 0) & 0xffff);
}

/* The pseudo header's part of a checksum; addresses are 4 or 16 bytes each, one behind the
 * other. */
static uint32_t packet_pseudo(const uint8_t *addresses, size_t n, uint8_t proto, size_t len)
{
	return net_packet_sum(addresses, n, (uint32_t)proto + (uint32_t)len);
}

bool net_packet_is_intact(const struct net_frame *f)
{
	const size_t len = f->ip_end - f->transport_at;
	const bool six = f->layer == NET_FRAME_IPV6;
	uint32_t sum = 0;

	if (f->layer != NET_FRAME_IPV4 && !six)
		return true;
	if (!six && net_packet_sum(f->bytes + f->ip_at, f->transport_at - f->ip_at, 0) != 0xffff)
		return false;
	if (f->is_fragment || !f->has_transport)
		return true;
	if (f->proto == NET_FRAME_PROTO_UDP && packet_get16(f->bytes + f->transport_at + 6) == 0)
		return !six;
	if (f->proto != NET_FRAME_PROTO_ICMP)
		sum = packet_pseudo(f->src, f->addr_len * 2U, f->proto, len);
	return net_packet_sum(f->bytes + f->transport_at, len, sum) == 0xffff;
}

uint16_t net_packet_get_mss(const struct net_frame *syn)
{
	struct net_reader r = net_reader_init(syn->bytes, syn->payload_at);

	net_reader_skip(&r, syn->transport_at + TCP_LEN);
	while (net_reader_left(&r) && !r.failed) {
		const uint8_t kind = net_reader_u8(&r);
		const uint8_t len = kind > OPTION_NOP ? net_reader_u8(&r) : 2;

		if (kind == OPTION_END || len < 2)
			return 0;
		if (kind == OPTION_MSS && len == 4)
			return net_reader_u16(&r);
		net_reader_skip(&r, len - 2U);
	}
	return 0;
}

static void packet_put_tcp(uint8_t *at, uint16_t from_port, uint16_t to_port,
			   const struct net_packet_tcp *t)
{
	memset(at, 0, TCP_LEN);
	packet_put16(at, from_port);
	packet_put16(at + 2, to_port);
	packet_put32(at + 4, t->seq);
	packet_put32(at + 8, t->ack);
	at[12] = (uint8_t)((TCP_LEN + (t->mss ? 4 : 0)) / 4 << 4);
	at[13] = t->flags;
	packet_put16(at + 14, t->window);
	if (t->mss)
		packet_put32(at + TCP_LEN, 0x02040000U | t->mss);
}

size_t net_packet_make_tcp(uint8_t *out, const struct net_packet_ends *ends,
			   const struct net_packet_tcp *t)
{
	uint8_t *ip = out + NET_FRAME_ETHER_LEN, *tcp = ip + IP4_LEN;
	size_t header = TCP_LEN + (t->mss ? 4 : 0);
	size_t len = header + t->len;

	packet_put_ether(out, ends->from_mac, ends->to_mac, NET_FRAME_ETHERTYPE_IPV4);
	packet_put_ip4(ip, ends->from, ends->to, NET_FRAME_PROTO_TCP, len);
	packet_put_tcp(tcp, ends->from_port, ends->to_port, t);
	if (t->len)
		memcpy(tcp + header, t->data, t->len);
	packet_put16(
		tcp + 16,
		~net_packet_sum(tcp, len, packet_pseudo(ip + 12, 8, NET_FRAME_PROTO_TCP, len)) &
			0xffff);
	return NET_FRAME_ETHER_LEN + IP4_LEN + len;
}

size_t net_packet_make_udp(uint8_t *out, const struct net_packet_ends *ends, const void *data,
			   size_t size)
{
	uint8_t *ip = out + NET_FRAME_ETHER_LEN, *udp = ip + IP4_LEN;
	size_t len = UDP_LEN + size;
	unsigned sum;

	packet_put_ether(out, ends->from_mac, ends->to_mac, NET_FRAME_ETHERTYPE_IPV4);
	packet_put_ip4(ip, ends->from, ends->to, NET_FRAME_PROTO_UDP, len);
	packet_put16(udp, ends->from_port);
	packet_put16(udp + 2, ends->to_port);
	packet_put16(udp + 4, (unsigned)len);
	packet_put16(udp + 6, 0);
	memcpy(udp + UDP_LEN, data, size);
	sum = ~net_packet_sum(udp, len, packet_pseudo(ip + 12, 8, NET_FRAME_PROTO_UDP, len)) &
	      0xffff;
	packet_put16(udp + 6, sum ? sum : 0xffff);
	return NET_FRAME_ETHER_LEN + IP4_LEN + len;
}

struct net_packet_ends net_packet_answer_ends(const struct net_frame *f)
{
	struct net_packet_ends e = {.from_port = f->dst_port, .to_port = f->src_port};

	memcpy(e.from_mac, f->bytes, 6);
	memcpy(e.to_mac, f->bytes + 6, 6);
	memcpy(e.from, f->dst, 4);
	memcpy(e.to, f->src, 4);
	return e;
}

/* RFC 9293, 3.5.2: as a closed port answers. */
static struct net_packet_tcp packet_reset(const struct net_frame *f)
{
	uint32_t covers = (uint32_t)f->payload_len + (f->tcp_flags & NET_FRAME_TCP_SYN ? 1 : 0) +
			  (f->tcp_flags & NET_FRAME_TCP_FIN ? 1 : 0);

	if (f->tcp_flags & NET_FRAME_TCP_ACK)
		return (struct net_packet_tcp){.seq = f->tcp_ack, .flags = NET_FRAME_TCP_RST};
	return (struct net_packet_tcp){.ack = f->tcp_seq + covers,
				       .flags = NET_FRAME_TCP_RST | NET_FRAME_TCP_ACK};
}

static size_t packet_icmp4(uint8_t *out, const struct net_frame *f)
{
	uint8_t *ip = out + NET_FRAME_ETHER_LEN, *icmp = ip + IP4_LEN;
	size_t quote = f->ip_end - f->ip_at;

	if (quote > QUOTE_MAX)
		quote = QUOTE_MAX;
	packet_put_ether(out, f->bytes, f->bytes + 6, NET_FRAME_ETHERTYPE_IPV4);
	packet_put_ip4(ip, f->dst, f->src, NET_FRAME_PROTO_ICMP, ICMP_LEN + quote);
	memset(icmp, 0, ICMP_LEN);
	icmp[0] = 3;  /* destination unreachable */
	icmp[1] = 13; /* communication administratively prohibited */
	memcpy(icmp + ICMP_LEN, f->bytes + f->ip_at, quote);
	packet_put16(icmp + 2, ~net_packet_sum(icmp, ICMP_LEN + quote, 0) & 0xffff);
	return NET_FRAME_ETHER_LEN + IP4_LEN + ICMP_LEN + quote;
}

/* Puts an IPv6 header in front of len bytes that are there already, and their checksum. */
static size_t packet_wrap6(uint8_t *out, const struct net_frame *f, uint8_t proto,
			   size_t checksum_at, size_t len)
{
	uint8_t *ip = out + NET_FRAME_ETHER_LEN, *body = ip + IP6_LEN;

	packet_put_ether(out, f->bytes, f->bytes + 6, NET_FRAME_ETHERTYPE_IPV6);
	memset(ip, 0, IP6_LEN);
	ip[0] = 0x60;
	packet_put16(ip + 4, (unsigned)len);
	ip[6] = proto;
	ip[7] = 64;
	memcpy(ip + 8, f->dst, 16);
	memcpy(ip + 24, f->src, 16);
	packet_put16(body + checksum_at,
		     ~net_packet_sum(body, len, packet_pseudo(ip + 8, 32, proto, len)) & 0xffff);
	return NET_FRAME_ETHER_LEN + IP6_LEN + len;
}

static size_t packet_icmp6(uint8_t *out, const struct net_frame *f)
{
	uint8_t *icmp = out + NET_FRAME_ETHER_LEN + IP6_LEN;
	size_t quote = f->ip_end - f->ip_at;

	if (quote > QUOTE_MAX)
		quote = QUOTE_MAX;
	memset(icmp, 0, ICMP_LEN);
	icmp[0] = 1;
	icmp[1] = 1; /* communication with destination administratively prohibited */
	memcpy(icmp + ICMP_LEN, f->bytes + f->ip_at, quote);
	return packet_wrap6(out, f, NET_FRAME_PROTO_ICMPV6, 2, ICMP_LEN + quote);
}

static int packet_is_icmp_error(const struct net_frame *f)
{
	if (f->proto == NET_FRAME_PROTO_ICMPV6)
		return f->icmp_type < 128;
	return f->proto == NET_FRAME_PROTO_ICMP && f->icmp_type != 8 && f->icmp_type != 13;
}

size_t net_packet_make_refusal(uint8_t out[NET_PACKET_REFUSAL_MAX], const struct net_frame *f)
{
	const int six = f->layer == NET_FRAME_IPV6;
	struct net_packet_tcp reset;
	struct net_packet_ends ends;

	if (f->fault != NET_FRAME_OK || !f->src || f->is_fragment ||
	    (f->layer != NET_FRAME_IPV4 && !six) || (six ? f->dst[0] == 0xff : f->dst[0] >= 224) ||
	    packet_is_icmp_error(f))
		return 0;
	if (f->proto != NET_FRAME_PROTO_TCP)
		return six ? packet_icmp6(out, f) : packet_icmp4(out, f);
	if (!f->has_transport || f->tcp_flags & NET_FRAME_TCP_RST)
		return 0;
	reset = packet_reset(f);
	if (six) {
		packet_put_tcp(out + NET_FRAME_ETHER_LEN + IP6_LEN, f->dst_port, f->src_port,
			       &reset);
		return packet_wrap6(out, f, NET_FRAME_PROTO_TCP, 16, TCP_LEN);
	}
	ends = net_packet_answer_ends(f);
	return net_packet_make_tcp(out, &ends, &reset);
}
