#include "init/nftbatch.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

#define REGISTER NFT_REG_1

/* ---- messages and attributes ---- */

static void nft_pad(struct nftbatch *b)
{
	static const char zeros[NLA_ALIGNTO];

	buf_add(&b->bytes, zeros, NLA_ALIGN(buf_len(&b->bytes)) - buf_len(&b->bytes));
}

static void nft_attr(struct nftbatch *b, uint16_t type, const void *value, size_t n)
{
	const struct nlattr head = {.nla_len = (uint16_t)(NLA_HDRLEN + n), .nla_type = type};

	buf_add(&b->bytes, &head, sizeof(head));
	buf_add(&b->bytes, value, n);
	nft_pad(b);
}

static void nft_attr_text(struct nftbatch *b, uint16_t type, const char *text)
{
	nft_attr(b, type, text, strlen(text) + 1);
}

static void nft_attr_u32(struct nftbatch *b, uint16_t type, uint32_t value)
{
	const uint32_t wire = htonl(value);

	nft_attr(b, type, &wire, sizeof(wire));
}

static size_t nft_nest(struct nftbatch *b, uint16_t type)
{
	size_t at = buf_len(&b->bytes);

	nft_attr(b, type | NLA_F_NESTED, NULL, 0);
	return at;
}

static void nft_nest_end(struct nftbatch *b, size_t at)
{
	uint16_t n = (uint16_t)(buf_len(&b->bytes) - at);

	memcpy(b->bytes.bytes + b->bytes.start + at + offsetof(struct nlattr, nla_len), &n,
	       sizeof(n));
}

static void nft_message(struct nftbatch *b, uint16_t type, uint16_t flags, uint8_t family,
			uint16_t resource)
{
	const struct nlmsghdr head = {.nlmsg_type = type,
				      .nlmsg_flags = NLM_F_REQUEST | flags,
				      .nlmsg_seq = b->sequence++};
	const struct nfgenmsg general = {
		.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};

	if (flags & NLM_F_ACK)
		b->acknowledged = head.nlmsg_seq;
	b->message = buf_len(&b->bytes);
	buf_add(&b->bytes, &head, sizeof(head));
	buf_add(&b->bytes, &general, sizeof(general));
}

static void nft_message_end(struct nftbatch *b)
{
	uint32_t n = (uint32_t)(buf_len(&b->bytes) - b->message);

	memcpy(b->bytes.bytes + b->bytes.start + b->message, &n, sizeof(n));
}

static void nft_table_message(struct nftbatch *b, uint16_t type, uint16_t flags)
{
	nft_message(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0);
}

static void nft_whole_table(struct nftbatch *b, uint16_t type, uint16_t flags)
{
	nft_table_message(b, type, flags);
	nft_attr_text(b, NFTA_TABLE_NAME, b->table);
	nft_message_end(b);
}

void nftbatch_begin(struct nftbatch *b, const char *table)
{
	memset(b, 0, sizeof(*b));
	b->table = table;
	nft_message(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	nft_message_end(b);
}

void nftbatch_end(struct nftbatch *b)
{
	nft_message(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	nft_message_end(b);
}

void nftbatch_fini(struct nftbatch *b)
{
	buf_fini(&b->bytes);
}

void nftbatch_add_table(struct nftbatch *b)
{
	/* Made, removed and made again: the middle step fails on a table that is not there. */
	static const uint16_t types[] = {NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE, NFT_MSG_NEWTABLE};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		nft_whole_table(b, types[i], types[i] == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);
}

void nftbatch_remove_table(struct nftbatch *b)
{
	nft_whole_table(b, NFT_MSG_DELTABLE, NLM_F_ACK);
}

void nftbatch_add_chain(struct nftbatch *b, const char *name, int hook)
{
	size_t nest;

	nft_table_message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	nft_attr_text(b, NFTA_CHAIN_TABLE, b->table);
	nft_attr_text(b, NFTA_CHAIN_NAME, name);
	if (hook >= 0) {
		nest = nft_nest(b, NFTA_CHAIN_HOOK);
		nft_attr_u32(b, NFTA_HOOK_HOOKNUM, (uint32_t)hook);
		nft_attr_u32(b, NFTA_HOOK_PRIORITY, 0);
		nft_nest_end(b, nest);
		nft_attr_u32(b, NFTA_CHAIN_POLICY, NF_DROP);
		nft_attr_text(b, NFTA_CHAIN_TYPE, "filter");
	}
	nft_message_end(b);
}

void nftbatch_rule_begin(struct nftbatch *b, const char *chain)
{
	nft_table_message(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK);
	nft_attr_text(b, NFTA_RULE_TABLE, b->table);
	nft_attr_text(b, NFTA_RULE_CHAIN, chain);
	b->expressions = nft_nest(b, NFTA_RULE_EXPRESSIONS);
}

void nftbatch_rule_end(struct nftbatch *b)
{
	nft_nest_end(b, b->expressions);
	nft_message_end(b);
}

/* ---- expressions ---- */

struct nft_open {
	size_t element, data;
};

static struct nft_open nft_expression(struct nftbatch *b, const char *name)
{
	struct nft_open o = {.element = nft_nest(b, NFTA_LIST_ELEM)};

	nft_attr_text(b, NFTA_EXPR_NAME, name);
	o.data = nft_nest(b, NFTA_EXPR_DATA);
	return o;
}

static void nft_expression_end(struct nftbatch *b, struct nft_open o)
{
	nft_nest_end(b, o.data);
	nft_nest_end(b, o.element);
}

static void nft_value(struct nftbatch *b, uint16_t type, const void *value, size_t n)
{
	size_t nest = nft_nest(b, type);

	nft_attr(b, NFTA_DATA_VALUE, value, n);
	nft_nest_end(b, nest);
}

void nftbatch_load_meta(struct nftbatch *b, uint32_t key)
{
	struct nft_open o = nft_expression(b, "meta");

	nft_attr_u32(b, NFTA_META_DREG, REGISTER);
	nft_attr_u32(b, NFTA_META_KEY, key);
	nft_expression_end(b, o);
}

void nftbatch_load_ct_state(struct nftbatch *b)
{
	struct nft_open o = nft_expression(b, "ct");

	nft_attr_u32(b, NFTA_CT_DREG, REGISTER);
	nft_attr_u32(b, NFTA_CT_KEY, NFT_CT_STATE);
	nft_expression_end(b, o);
}

void nftbatch_load_payload(struct nftbatch *b, uint32_t base, uint32_t offset, uint32_t n)
{
	struct nft_open o = nft_expression(b, "payload");

	nft_attr_u32(b, NFTA_PAYLOAD_DREG, REGISTER);
	nft_attr_u32(b, NFTA_PAYLOAD_BASE, base);
	nft_attr_u32(b, NFTA_PAYLOAD_OFFSET, offset);
	nft_attr_u32(b, NFTA_PAYLOAD_LEN, n);
	nft_expression_end(b, o);
}

void nftbatch_mask(struct nftbatch *b, const void *mask, size_t n)
{
	static const uint8_t zeros[16];
	struct nft_open o = nft_expression(b, "bitwise");

	nft_attr_u32(b, NFTA_BITWISE_SREG, REGISTER);
	nft_attr_u32(b, NFTA_BITWISE_DREG, REGISTER);
	nft_attr_u32(b, NFTA_BITWISE_LEN, (uint32_t)n);
	nft_value(b, NFTA_BITWISE_MASK, mask, n);
	nft_value(b, NFTA_BITWISE_XOR, zeros, n);
	nft_expression_end(b, o);
}

static void nft_compare(struct nftbatch *b, uint32_t op, const void *value, size_t n)
{
	struct nft_open o = nft_expression(b, "cmp");

	nft_attr_u32(b, NFTA_CMP_SREG, REGISTER);
	nft_attr_u32(b, NFTA_CMP_OP, op);
	nft_value(b, NFTA_CMP_DATA, value, n);
	nft_expression_end(b, o);
}

void nftbatch_match(struct nftbatch *b, const void *value, size_t n)
{
	nft_compare(b, NFT_CMP_EQ, value, n);
}

void nftbatch_match_not(struct nftbatch *b, const void *value, size_t n)
{
	nft_compare(b, NFT_CMP_NEQ, value, n);
}

void nftbatch_match_u8(struct nftbatch *b, uint8_t value)
{
	nftbatch_match(b, &value, sizeof(value));
}

void nftbatch_match_be16(struct nftbatch *b, uint16_t value)
{
	const uint16_t wire = htons(value);

	nftbatch_match(b, &wire, sizeof(wire));
}

void nftbatch_match_u32(struct nftbatch *b, uint32_t value)
{
	nftbatch_match(b, &value, sizeof(value));
}

void nftbatch_limit(struct nftbatch *b, uint64_t per_second, uint32_t burst)
{
	const uint64_t rate = htobe64(per_second), unit = htobe64(1);
	struct nft_open o = nft_expression(b, "limit");

	nft_attr(b, NFTA_LIMIT_RATE, &rate, sizeof(rate));
	nft_attr(b, NFTA_LIMIT_UNIT, &unit, sizeof(unit));
	nft_attr_u32(b, NFTA_LIMIT_BURST, burst);
	nft_attr_u32(b, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nft_expression_end(b, o);
}

void nftbatch_log(struct nftbatch *b, uint16_t group, uint32_t bytes)
{
	const uint16_t wire = htons(group);
	struct nft_open o = nft_expression(b, "log");

	nft_attr(b, NFTA_LOG_GROUP, &wire, sizeof(wire));
	nft_attr_u32(b, NFTA_LOG_SNAPLEN, bytes);
	nft_expression_end(b, o);
}

void nftbatch_counter(struct nftbatch *b)
{
	nft_expression_end(b, nft_expression(b, "counter"));
}

void nftbatch_reject_reset(struct nftbatch *b)
{
	struct nft_open o = nft_expression(b, "reject");

	nft_attr_u32(b, NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
	nft_expression_end(b, o);
}

void nftbatch_reject_prohibited(struct nftbatch *b)
{
	const uint8_t code = NFT_REJECT_ICMPX_ADMIN_PROHIBITED;
	struct nft_open o = nft_expression(b, "reject");

	nft_attr_u32(b, NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
	nft_attr(b, NFTA_REJECT_ICMP_CODE, &code, sizeof(code));
	nft_expression_end(b, o);
}

static void nft_verdict(struct nftbatch *b, uint32_t code, const char *chain)
{
	struct nft_open o = nft_expression(b, "immediate");
	size_t data, verdict;

	nft_attr_u32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nft_nest(b, NFTA_IMMEDIATE_DATA);
	verdict = nft_nest(b, NFTA_DATA_VERDICT);
	nft_attr_u32(b, NFTA_VERDICT_CODE, code);
	if (chain)
		nft_attr_text(b, NFTA_VERDICT_CHAIN, chain);
	nft_nest_end(b, verdict);
	nft_nest_end(b, data);
	nft_expression_end(b, o);
}

void nftbatch_accept(struct nftbatch *b)
{
	nft_verdict(b, NF_ACCEPT, NULL);
}

void nftbatch_drop(struct nftbatch *b)
{
	nft_verdict(b, NF_DROP, NULL);
}

void nftbatch_jump(struct nftbatch *b, const char *chain)
{
	nft_verdict(b, (uint32_t)NFT_JUMP, chain);
}
