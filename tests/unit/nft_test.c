/* areas: base
 * files: guest/init/nftbatch.c guest/report/nflog.c
 * The firewall's netlink messages as bytes, and what is read of the packets it logs. */
#include "unit/unit.h"

#include "init/nftbatch.h"
#include "report/nflog.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <stdio.h>

/* Walks attributes to their ends; nested ones (bit 15) too. Returns how many there are. */
static int walk(const uint8_t *p, size_t n)
{
	int count = 0;

	for (size_t at = 0; at < n;) {
		struct nlattr a;

		assert_true(n - at >= sizeof(a));
		memcpy(&a, p + at, sizeof(a));
		assert_true(a.nla_len >= sizeof(a) && a.nla_len <= n - at);
		if (a.nla_type & NLA_F_NESTED)
			count += walk(p + at + sizeof(a), a.nla_len - sizeof(a));
		count++;
		at += NLA_ALIGN(a.nla_len);
	}
	return count;
}

static void test_batch(void **state)
{
	static const uint16_t types[] = {NFNL_MSG_BATCH_BEGIN, NFT_MSG_NEWTABLE,  NFT_MSG_DELTABLE,
					 NFT_MSG_NEWTABLE,     NFT_MSG_NEWCHAIN,  NFT_MSG_NEWRULE,
					 NFT_MSG_DELTABLE,     NFNL_MSG_BATCH_END};
	struct nftbatch b;
	size_t at = 0, i = 0, answered = 0;

	(void)state;
	nftbatch_begin(&b, "t");
	nftbatch_add_table(&b);
	nftbatch_add_chain(&b, "out", 3);
	nftbatch_rule_begin(&b, "out");
	nftbatch_load_payload(&b, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	nftbatch_mask(&b, "\xff\xfe\0\0", 4);
	nftbatch_match(&b, "\xc6\x12\0\0", 4);
	nftbatch_limit(&b, 20, 40);
	nftbatch_log(&b, 9, 64);
	nftbatch_counter(&b);
	nftbatch_reject_prohibited(&b);
	nftbatch_jump(&b, "ports");
	nftbatch_rule_end(&b);
	assert_int_equal(b.acknowledged, 5);
	nftbatch_remove_table(&b);
	nftbatch_end(&b);
	while (at < buf_len(&b.bytes)) {
		struct nlmsghdr h;

		memcpy(&h, buf_data(&b.bytes) + at, sizeof(h));
		assert_true(i < ARRAY_LEN(types));
		assert_int_equal(h.nlmsg_seq, i);
		if (h.nlmsg_flags & NLM_F_ACK)
			answered = i;
		assert_int_equal(h.nlmsg_type & 0xff, types[i] & 0xff);
		assert_true(h.nlmsg_len >= 20 && h.nlmsg_len % 4 == 0 &&
			    h.nlmsg_len <= buf_len(&b.bytes) - at);
		if (types[i] == NFT_MSG_NEWRULE)
			assert_true(walk(buf_data(&b.bytes) + at + 20, h.nlmsg_len - 20) > 30);
		else
			walk(buf_data(&b.bytes) + at + 20, h.nlmsg_len - 20);
		at += h.nlmsg_len;
		i++;
	}
	assert_int_equal(i, ARRAY_LEN(types));
	assert_int_equal(b.acknowledged, answered);
	assert_int_equal(answered, 6);
	nftbatch_fini(&b);
}

static const struct {
	const char *bytes;
	size_t n;
	const char *seen; /* address proto port, or NULL */
} packets[] = {
	{"\x45\0\0\x28\0\0\0\0\x40\6\0\0\x0a\0\2\x0f\1\2\3\4\x10\0\1\xbb", 24, "1.2.3.4 tcp 443"},
	{"\x46\0\0\x28\0\0\0\0\x40\x11\0\0\x0a\0\2\x0f\1\2\3\4\0\0\0\0\x10\0\0\x35", 28,
	 "1.2.3.4 udp 53"},
	{"\x45\0\0\x28\0\0\0\0\x40\1\0\0\x0a\0\2\x0f\1\2\3\4\x10\0\1\xbb", 24, "1.2.3.4 icmp 0"},
	{"\x45\0\0\x28\0\0\0\0\x40\6\0\0\x0a\0\2\x0f\1\2\3\4\x10\0\1", 23, "1.2.3.4 tcp 0"},
	{"\x41\0\0\x28\0\0\0\0\x40\6\0\0\x0a\0\2\x0f\1\2\3\4\x10\0\1\xbb", 24, "1.2.3.4 tcp 0"},
	{"\x60\0\0\0\0\x14\6\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0"
	 "\0\2\x10\0\1\xbb",
	 44, "2001:db8::2 tcp 443"},
	{"\x45\0\0\x28\0\0\0\0\x40\6\0\0\x0a\0\2\x0f\1\2\3", 19, NULL},
	{"\x60", 1, NULL},
	{"\x75\0\0\x28\0\0\0\0\x40\6\0\0\x0a\0\2\x0f\1\2\3\4", 20, NULL},
	{"", 0, NULL},
};

static void test_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		struct nflog_packet p;
		char text[100] = "";

		if (nflog_parse_packet((const uint8_t *)packets[i].bytes, packets[i].n, &p))
			snprintf(text, sizeof(text), "%s %s %u", p.address, p.proto, p.port);
		assert_string_equal(text, packets[i].seen ? packets[i].seen : "");
	}
}

static void on_packet(void *ctx, const struct nflog_packet *p)
{
	*(int *)ctx += strcmp(p->address, "1.2.3.4") == 0 ? 1 : 100;
}

static void test_messages(void **state)
{
	uint8_t bytes[256] = {0};
	struct nlmsghdr h = {.nlmsg_len = 20 + 8 + 4 + 24,
			     .nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET};
	struct nlattr prefix = {.nla_len = 6, .nla_type = NFULA_PREFIX},
		      payload = {.nla_len = 28, .nla_type = NFULA_PAYLOAD};
	int seen = 0;

	(void)state;
	for (size_t at = 0; at < 112; at += 56) {
		memcpy(bytes + at, &h, sizeof(h));
		memcpy(bytes + at + 20, &prefix, sizeof(prefix));
		memcpy(bytes + at + 28, &payload, sizeof(payload));
		memcpy(bytes + at + 32, packets[0].bytes, 24);
	}
	nflog_each(bytes, 112, on_packet, &seen);
	assert_int_equal(seen, 2);
	for (size_t cut = 0; cut < 112; cut++) {
		uint8_t *copy = mem_alloc(cut ? cut : 1);

		memcpy(copy, bytes, cut);
		nflog_each(copy, cut, on_packet, &seen);
		free(copy);
	}
	seen = 0;
	bytes[28] = 3; /* an attribute shorter than its head */
	nflog_each(bytes, 56, on_packet, &seen);
	assert_int_equal(seen, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
