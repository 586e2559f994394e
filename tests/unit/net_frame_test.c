/* areas: base net proto
 * The frame parser and the filter, on frames written as hex. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "net/net_filter.h"
#include "net/net_frame.h"
#include "proto/netctl.h"

#include <stdio.h>
#include <string.h>

#define ETHER(type) "525500000202 525400123456 " type " "
/* IPv4 header: total length, fragment field, protocol; from the guest to 10.0.2.2. */
#define IP4(len, frag, proto)	      "4500" len "0001" frag "40" proto "0000 0a00020f 0a000202 "
#define IP4_TO(len, frag, proto, dst) "4500" len "0001" frag "40" proto "0000 0a00020f " dst " "
#define TCP(flags)		      "c350 0050 00000001 00000000 50" flags " ffff 0000 0000 "
#define UDP(port, len)		      "c350" port len "0000 "
#define IP6(len, next)                                                                             \
	"60000000" len next "40 fec00000000000000000000000000001 "                                 \
	"fec00000000000000000000000000002 "

struct frame_case {
	const char *name;
	const char *hex;
	struct net_frame want; /* the fields compared in check_frame */
	bool urgent;
	enum net_filter_verdict verdict;
};

static size_t from_hex(const char *hex, uint8_t *out, size_t max)
{
	size_t n = 0;

	for (; *hex; hex++) {
		unsigned byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		assert_true(n < max);
		out[n++] = (uint8_t)byte;
		hex++;
	}
	return n;
}

/* clang-format off */
static const struct frame_case cases[] = {
	{"empty", "", {.fault = NET_FRAME_TRUNCATED}, false, NET_FILTER_MALFORMED},
	{"13 bytes", "525500000202 525400123456 08", {.fault = NET_FRAME_TRUNCATED}, false, NET_FILTER_MALFORMED},
	{"unknown type", ETHER("88f8") "00", {.ethertype = 0x88f8, .ip_at = 14, .ip_end = 15}, false, NET_FILTER_TYPE},
	{"ARP request", ETHER("0806") "0001 0800 0604 0001 525400123456 0a00020f 000000000000 0a000202",
	 {.layer = NET_FRAME_ARP, .ethertype = 0x0806, .ip_at = 14, .ip_end = 42, .addr_len = 4, .arp_op = 1}, false,
	 NET_FILTER_PASS},
	{"ARP of another address", ETHER("0806") "0001 0800 0604 0001 525400123456 0a000210 000000000000 0a000202",
	 {.layer = NET_FRAME_ARP, .ethertype = 0x0806, .ip_at = 14, .ip_end = 42, .addr_len = 4, .arp_op = 1}, false,
	 NET_FILTER_SOURCE},
	{"ARP, short", ETHER("0806") "0001 0800 0604 0001 525400123456 0a00020f 000000000000 0a0002",
	 {.layer = NET_FRAME_ARP, .ethertype = 0x0806, .ip_at = 14, .ip_end = 41, .arp_op = 1, .fault = NET_FRAME_TRUNCATED},
	 false, NET_FILTER_MALFORMED},
	{"ARP, long hardware addresses", ETHER("0806") "0001 0800 1004 0001 525400123456 0a00020f 000000000000 0a000202",
	 {.layer = NET_FRAME_ARP, .ethertype = 0x0806, .ip_at = 14, .ip_end = 42, .arp_op = 1,
	  .fault = NET_FRAME_BAD_ADDRESS_SIZE}, false, NET_FILTER_MALFORMED},
	{"TCP SYN", ETHER("0800") IP4("0028", "4000", "06") TCP("02"),
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 54, .addr_len = 4, .proto = 6,
	  .has_transport = true, .transport_at = 34, .src_port = 50000, .dst_port = 80, .tcp_flags = 2, .payload_at = 54},
	 false, NET_FILTER_PASS},
	{"TCP with padding behind it", ETHER("0800") IP4("0028", "4000", "06") TCP("10") "000000000000",
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 54, .addr_len = 4, .proto = 6,
	  .has_transport = true, .transport_at = 34, .src_port = 50000, .dst_port = 80, .tcp_flags = 0x10, .payload_at = 54},
	 false, NET_FILTER_PASS},
	{"TCP URG", ETHER("0800") IP4("0029", "4000", "06") TCP("38") "41",
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 55, .addr_len = 4, .proto = 6,
	  .has_transport = true, .transport_at = 34, .src_port = 50000, .dst_port = 80, .tcp_flags = 0x38, .payload_at = 54,
	  .payload_len = 1}, true, NET_FILTER_URGENT},
	{"TCP URG behind IP options",
	 ETHER("0800") "4600002c 00014000 40060000 0a00020f 0a000202 94040000" TCP("30"),
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 58, .addr_len = 4, .proto = 6, .has_extras = true,
	  .has_transport = true, .transport_at = 38, .src_port = 50000, .dst_port = 80, .tcp_flags = 0x30, .payload_at = 58},
	 true, NET_FILTER_URGENT},
	{"TCP URG behind two VLAN tags", "525500000202 525400123456 88a8 0001 8100 0002 0800" IP4("0028", "4000", "06") TCP("20"),
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .vlan_tags = 2, .ip_at = 22, .ip_end = 62, .addr_len = 4, .proto = 6,
	  .has_transport = true, .transport_at = 42, .src_port = 50000, .dst_port = 80, .tcp_flags = 0x20, .payload_at = 62},
	 true, NET_FILTER_URGENT},
	{"three VLAN tags", "525500000202 525400123456 8100 0001 8100 0002 8100 0003 0800",
	 {.ethertype = 0x8100, .vlan_tags = 2, .fault = NET_FRAME_TOO_DEEP}, false, NET_FILTER_MALFORMED},
	{"VLAN tag on UDP", "525500000202 525400123456 8100 0001 0800" IP4("001c", "4000", "11") UDP("0035", "0008"),
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .vlan_tags = 1, .ip_at = 18, .ip_end = 46, .addr_len = 4, .proto = 17,
	  .has_transport = true, .transport_at = 38, .src_port = 50000, .dst_port = 53, .payload_at = 46}, false, NET_FILTER_TYPE},
	/* RFC 1858: the first fragment ends in front of the flags. */
	{"tiny first fragment", ETHER("0800") IP4("001c", "2000", "06") "c350 0050 00000001",
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 42, .addr_len = 4, .proto = 6, .is_fragment = true,
	  .more_fragments = true, .transport_at = 34, .src_port = 50000, .dst_port = 80, .payload_at = 34, .payload_len = 8,
	  .fault = NET_FRAME_TRUNCATED}, true, NET_FILTER_URGENT},
	/* RFC 3128: the second one brings them. */
	{"fragment at offset 8", ETHER("0800") IP4("0020", "0001", "06") "00000000 5020 ffff 0000 0000",
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 46, .addr_len = 4, .proto = 6, .is_fragment = true,
	  .fragment_offset = 8, .transport_at = 34, .payload_at = 34, .payload_len = 12}, true, NET_FILTER_URGENT},
	{"fragment at offset 16", ETHER("0800") IP4("0018", "0002", "06") "00000000",
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 38, .addr_len = 4, .proto = 6, .is_fragment = true,
	  .fragment_offset = 16, .transport_at = 34, .payload_at = 34, .payload_len = 4}, true, NET_FILTER_URGENT},
	{"whole header in a first fragment", ETHER("0800") IP4("0028", "2000", "06") TCP("10"),
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 54, .addr_len = 4, .proto = 6, .is_fragment = true,
	  .more_fragments = true, .has_transport = true, .transport_at = 34, .src_port = 50000, .dst_port = 80,
	  .tcp_flags = 0x10, .payload_at = 54}, false, NET_FILTER_TCP_FRAGMENT},
	{"TCP fragment far behind", ETHER("0800") IP4("0018", "0003", "06") "00000000",
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 38, .addr_len = 4, .proto = 6, .is_fragment = true,
	  .fragment_offset = 24, .transport_at = 34, .payload_at = 34, .payload_len = 4}, false, NET_FILTER_TCP_FRAGMENT},
	{"UDP fragment", ETHER("0800") IP4("0024", "2000", "11") UDP("1000", "0100") "0000000000000000",
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 50, .addr_len = 4, .proto = 17, .is_fragment = true,
	  .more_fragments = true, .has_transport = true, .transport_at = 34, .src_port = 50000, .dst_port = 4096,
	  .payload_at = 42, .payload_len = 8}, false, NET_FILTER_PASS},
	{"IPv4 length beyond the frame", ETHER("0800") IP4("0029", "4000", "06") TCP("02"),
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 54, .addr_len = 4, .proto = 6,
	  .fault = NET_FRAME_BAD_LENGTH}, false, NET_FILTER_MALFORMED},
	{"IPv4 header length 4", ETHER("0800") "41000028 00014000 40060000 0a00020f 0a000202" TCP("02"),
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 54, .addr_len = 4, .proto = 6,
	  .fault = NET_FRAME_BAD_LENGTH}, false, NET_FILTER_MALFORMED},
	{"version 6 under an IPv4 type", ETHER("0800") "65000028 00014000 40060000 0a00020f 0a000202" TCP("02"),
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 54, .addr_len = 4, .proto = 6,
	  .fault = NET_FRAME_BAD_VERSION}, false, NET_FILTER_MALFORMED},
	{"TCP header length 16", ETHER("0800") IP4("0028", "4000", "06") "c350 0050 00000001 00000000 4002 ffff 0000 0000",
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 54, .addr_len = 4, .proto = 6, .transport_at = 34,
	  .src_port = 50000, .dst_port = 80, .tcp_flags = 2, .payload_at = 34, .payload_len = 20,
	  .fault = NET_FRAME_BAD_LENGTH}, false, NET_FILTER_MALFORMED},
	{"UDP length below its header", ETHER("0800") IP4("001c", "4000", "11") UDP("0035", "0007"),
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 42, .addr_len = 4, .proto = 17, .transport_at = 34,
	  .src_port = 50000, .dst_port = 53, .payload_at = 34, .payload_len = 8, .fault = NET_FRAME_BAD_LENGTH}, false,
	 NET_FILTER_MALFORMED},
	{"ping", ETHER("0800") IP4("001c", "4000", "01") "0800 0000 0001 0001",
	 {.layer = NET_FRAME_IPV4, .ethertype = 0x0800, .ip_at = 14, .ip_end = 42, .addr_len = 4, .proto = 1,
	  .has_transport = true, .transport_at = 34, .icmp_type = 8, .payload_at = 42}, false, NET_FILTER_PASS},
	{"IPv6 TCP URG", ETHER("86dd") IP6("0014", "06") TCP("20"),
	 {.layer = NET_FRAME_IPV6, .ethertype = 0x86dd, .ip_at = 14, .ip_end = 74, .addr_len = 16, .proto = 6,
	  .has_transport = true, .transport_at = 54, .src_port = 50000, .dst_port = 80, .tcp_flags = 0x20, .payload_at = 74},
	 true, NET_FILTER_URGENT},
	{"IPv6 TCP URG behind three extension headers",
	 ETHER("86dd") IP6("002c", "00") "3c00 0502 0000 0100" "3300 0104 0000 0000" "0600 0000 0000 0000" TCP("20"),
	 {.layer = NET_FRAME_IPV6, .ethertype = 0x86dd, .ip_at = 14, .ip_end = 98, .addr_len = 16, .proto = 6, .has_extras = true,
	  .has_transport = true, .transport_at = 78, .src_port = 50000, .dst_port = 80, .tcp_flags = 0x20, .payload_at = 98},
	 true, NET_FILTER_URGENT},
	{"IPv6 fragment of TCP at offset 8", ETHER("86dd") IP6("0010", "2c") "0600 0008 00000001" "00000000 5020ffff",
	 {.layer = NET_FRAME_IPV6, .ethertype = 0x86dd, .ip_at = 14, .ip_end = 70, .addr_len = 16, .proto = 6, .has_extras = true,
	  .is_fragment = true, .fragment_offset = 8, .transport_at = 62, .payload_at = 62, .payload_len = 8}, true,
	 NET_FILTER_URGENT},
	{"IPv6 UDP fragment", ETHER("86dd") IP6("0018", "2c") "1100 0001 00000001" UDP("1000", "0100") "0000000000000000",
	 {.layer = NET_FRAME_IPV6, .ethertype = 0x86dd, .ip_at = 14, .ip_end = 78, .addr_len = 16, .proto = 17, .has_extras = true,
	  .is_fragment = true, .more_fragments = true, .has_transport = true, .transport_at = 62, .src_port = 50000,
	  .dst_port = 4096, .payload_at = 70, .payload_len = 8}, false, NET_FILTER_EXTENSION},
	{"IPv6 extension header beyond the packet", ETHER("86dd") IP6("0008", "00") "0601 0000 0000 0000",
	 {.layer = NET_FRAME_IPV6, .ethertype = 0x86dd, .ip_at = 14, .ip_end = 62, .addr_len = 16, .proto = 6, .has_extras = true,
	  .fault = NET_FRAME_TRUNCATED}, false, NET_FILTER_MALFORMED},
	{"IPv6 payload length 0", ETHER("86dd") IP6("0000", "06"),
	 {.layer = NET_FRAME_IPV6, .ethertype = 0x86dd, .ip_at = 14, .ip_end = 54, .addr_len = 16, .proto = 6, .transport_at = 54,
	  .payload_at = 54, .fault = NET_FRAME_TRUNCATED}, false, NET_FILTER_MALFORMED},
	{"IPv6 ping", ETHER("86dd") IP6("0008", "3a") "8000 0000 0001 0001",
	 {.layer = NET_FRAME_IPV6, .ethertype = 0x86dd, .ip_at = 14, .ip_end = 62, .addr_len = 16, .proto = 58,
	  .has_transport = true, .transport_at = 54, .icmp_type = 128, .payload_at = 62}, false, NET_FILTER_PASS},
};

#define FIELDS(X)                                                                                                      \
	X(fault) X(layer) X(ethertype) X(vlan_tags) X(ip_at) X(ip_end) X(addr_len) X(has_extras) X(is_fragment)        \
	X(more_fragments) X(fragment_offset) X(proto) X(arp_op) X(has_transport) X(transport_at) X(src_port)           \
	X(dst_port) X(tcp_flags) X(icmp_type) X(icmp_code) X(payload_at) X(payload_len)

/* clang-format on */

static void check_frame(const struct frame_case *c, const struct net_frame *got)
{
#define COMPARE(field)                                                                             \
	if (got->field != c->want.field)                                                           \
		fail_msg("%s: " #field " is %ld, not %ld", c->name, (long)got->field,              \
			 (long)c->want.field);
	FIELDS(COMPARE)
#undef COMPARE
}

/* Each frame is parsed from a block of exactly its size, so that ASan sees a read beyond it. */
static struct net_frame parse_hex(const char *hex, uint8_t **block)
{
	uint8_t bytes[2048];
	size_t n = from_hex(hex, bytes, sizeof(bytes));
	struct net_frame f;

	*block = malloc(n ? n : 1);
	assert_non_null(*block);
	memcpy(*block, bytes, n);
	net_frame_parse(&f, *block, n);
	return f;
}

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE uint8_t *block = NULL;
		struct net_frame f = parse_hex(cases[i].hex, &block);

		check_frame(&cases[i], &f);
		if (net_frame_is_urgent(&f) != cases[i].urgent)
			fail_msg("%s: urgent is %d", cases[i].name, !cases[i].urgent);
	}
}

static void test_filter(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE uint8_t *block = NULL;
		struct net_frame f = parse_hex(cases[i].hex, &block);
		struct net_filter filter;
		enum net_filter_verdict got;

		net_filter_init(&filter, 1500, false);
		got = net_filter_from_guest(&filter, &f, 0);
		if (got != cases[i].verdict)
			fail_msg("%s: %s, not %s", cases[i].name, net_filter_name(got),
				 net_filter_name(cases[i].verdict));
		assert_int_equal(filter.count[got], 1);
		assert_int_equal(net_filter_to_guest(&filter, &f),
				 cases[i].urgent ? NET_FILTER_URGENT : NET_FILTER_PASS);
	}
}

/* Every shorter beginning of every frame: never a crash, never a field outside. */
static void test_truncations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t bytes[2048];
		size_t n = from_hex(cases[i].hex, bytes, sizeof(bytes));

		for (size_t cut = 0; cut < n; cut++) {
			AUTO_FREE uint8_t *block = malloc(cut ? cut : 1);
			struct net_frame f;

			memcpy(block, bytes, cut);
			net_frame_parse(&f, block, cut);
			assert_true(f.ip_end <= cut);
			assert_true(f.payload_at + f.payload_len <= f.ip_end);
		}
	}
}

static void test_destinations(void **state)
{
	static const struct {
		const char *dst;
		const char *proto_and_rest; /* 28-byte packet: protocol, then 8 bytes */
		enum net_filter_verdict want;
	} rows[] = {
		{"7f000001", "11" UDP("0050", "0008"), NET_FILTER_DESTINATION},
		{"00000000", "11" UDP("0050", "0008"), NET_FILTER_DESTINATION},
		{"e00000fb", "11" UDP("14e9", "0008"), NET_FILTER_DESTINATION},
		{"ffffffff", "11" UDP("0043", "0008"), NET_FILTER_DESTINATION},
		{"0a0002ff", "11" UDP("0050", "0008"), NET_FILTER_DESTINATION},
		{"0a000204", "11" UDP("0050", "0008"), NET_FILTER_DESTINATION},
		{"0a000203", "11" UDP("0035", "0008"), NET_FILTER_PASS},
		{"0a000203", "11" UDP("0050", "0008"), NET_FILTER_SERVICE},
		{"0a000203", "01 0800 0000 0001 0001", NET_FILTER_PASS},
		{"0a000202", "11" UDP("0045", "0008"), NET_FILTER_SERVICE},
		{"0a000202", "11" UDP("0043", "0008"), NET_FILTER_SERVICE},
		{"0a000202", "11" UDP("0050", "0008"), NET_FILTER_PASS},
		{"08080808", "11" UDP("0045", "0008"), NET_FILTER_PASS},
		{"08080808", "2f 0000000000000000", NET_FILTER_PROTOCOL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE uint8_t *block = NULL;
		AUTO_FREE char *hex = mem_format(
			ETHER("0800") "4500001c 00014000 40%.2s0000 0a00020f %s %s",
			rows[i].proto_and_rest, rows[i].dst, rows[i].proto_and_rest + 2);
		struct net_frame f = parse_hex(hex, &block);
		struct net_filter filter;
		enum net_filter_verdict got;

		net_filter_init(&filter, 1500, false);
		got = net_filter_from_guest(&filter, &f, 0);
		if (got != rows[i].want)
			fail_msg("%s %s: %s, not %s", rows[i].dst, rows[i].proto_and_rest,
				 net_filter_name(got), net_filter_name(rows[i].want));
	}
}

static void test_destinations6(void **state)
{
	static const struct {
		const char *dst;
		enum net_filter_verdict tcp;
		enum net_filter_verdict icmp;
	} rows[] = {
		{"fec00000000000000000000000000002", NET_FILTER_PASS, NET_FILTER_PASS},
		{"fec00000000000000000000000000003", NET_FILTER_SERVICE, NET_FILTER_PASS},
		{"fec00000000000000000000000000009", NET_FILTER_DESTINATION,
		 NET_FILTER_DESTINATION},
		{"fe800000000000000000000000000002", NET_FILTER_DESTINATION, NET_FILTER_PASS},
		{"ff020000000000000000000000000002", NET_FILTER_DESTINATION, NET_FILTER_PASS},
		{"00000000000000000000000000000001", NET_FILTER_DESTINATION,
		 NET_FILTER_DESTINATION},
		{"00000000000000000000000000000000", NET_FILTER_DESTINATION,
		 NET_FILTER_DESTINATION},
		{"00000000000000000000ffff7f000001", NET_FILTER_DESTINATION,
		 NET_FILTER_DESTINATION},
		{"0064ff9b000000000000000001020304", NET_FILTER_PASS, NET_FILTER_PASS},
		{"2a000000000000000000000000000001", NET_FILTER_PASS, NET_FILTER_PASS},
		{"fd000000000000000000000000000001", NET_FILTER_PASS, NET_FILTER_PASS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int icmp = 0; icmp < 2; icmp++) {
			AUTO_FREE uint8_t *block = NULL;
			AUTO_FREE char *hex = mem_format(
				ETHER("86dd") "60000000 0014 %s 40 "
					      "fec00000000000000000000000000001 %s %s",
				icmp ? "3a" : "06", rows[i].dst, TCP("02"));
			struct net_frame f = parse_hex(hex, &block);
			struct net_filter filter;
			enum net_filter_verdict want = icmp ? rows[i].icmp : rows[i].tcp;
			enum net_filter_verdict got;

			net_filter_init(&filter, 1500, false);
			got = net_filter_from_guest(&filter, &f, 0);
			if (got != want)
				fail_msg("%s: %s, not %s", rows[i].dst, net_filter_name(got),
					 net_filter_name(want));
		}
	}
}

static void test_fragment_rate(void **state)
{
	AUTO_FREE uint8_t *block = NULL;
	struct net_frame f = parse_hex(ETHER("0800") IP4("0024", "2000", "11")
					       UDP("1000", "0100") "0000000000000000",
				       &block);
	struct net_filter filter;
	int passed = 0;

	(void)state;
	net_filter_init(&filter, 1500, false);
	for (int i = 0; i < 1000; i++)
		passed += net_filter_from_guest(&filter, &f, 5000) == NET_FILTER_PASS;
	assert_int_equal(passed, 256);
	passed = 0;
	for (int i = 0; i < 1000; i++)
		passed += net_filter_from_guest(&filter, &f, 6000) == NET_FILTER_PASS;
	assert_int_equal(passed, 64);
	/* A clock that goes back adds no tokens. */
	assert_int_equal(net_filter_from_guest(&filter, &f, 0), NET_FILTER_FRAGMENT_RATE);
}

static void test_too_long(void **state)
{
	uint8_t bytes[1600] = {0};
	size_t n = from_hex(ETHER("0800") IP4("0028", "4000", "06") TCP("10"), bytes,
			    sizeof(bytes));
	struct net_filter filter;
	struct net_frame f;

	(void)state;
	assert_int_equal(n, 54);
	net_filter_init(&filter, 1500, false);
	net_frame_parse(&f, bytes, 1514);
	assert_int_equal(net_filter_from_guest(&filter, &f, 0), NET_FILTER_PASS);
	net_frame_parse(&f, bytes, 1515);
	assert_int_equal(net_filter_from_guest(&filter, &f, 0), NET_FILTER_TOO_LONG);
}

/* Each verdict is counted under its own name. */
static void test_names(void **state)
{
	(void)state;
	assert_int_equal(netctl_refused_shape.n, NET_FILTER_VERDICTS - 1);
	assert_int_equal(sizeof(struct netctl_refused), netctl_refused_shape.n * sizeof(int64_t));
	for (size_t i = 0; i < netctl_refused_shape.n; i++)
		assert_string_equal(netctl_refused_shape.field[i].name,
				    net_filter_name((enum net_filter_verdict)(i + 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	      cmocka_unit_test(test_filter),
		cmocka_unit_test(test_truncations),   cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_destinations6), cmocka_unit_test(test_fragment_rate),
		cmocka_unit_test(test_too_long),      cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
