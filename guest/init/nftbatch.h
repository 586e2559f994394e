/* nftbatch: one transaction of nftables as netlink messages (linux/netfilter/nf_tables.h,
 * nfnetlink.h), written into a buffer. Pure.
 *
 * The guest programs are static, and Debian has no static libmnl for libnftnl to stand on; what is
 * needed of both is this file. Call in the order begin, table, chains, rules, end. A rule is begun,
 * gets its expressions, and is ended; an expression that loads leaves its value in the one register
 * that the following compare looks at. */
#ifndef CCVM_GUEST_NFTBATCH_H
#define CCVM_GUEST_NFTBATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct nftbatch {
	struct buf bytes;
	const char *table; /* borrowed */
	/* of the next message; of the last that asks for an answer */
	uint32_t sequence, acknowledged;
	size_t message, expressions; /* offsets of what is open */
};

void nftbatch_begin(struct nftbatch *b, const char *table);
void nftbatch_add_table(struct nftbatch *b); /* an empty one, in place of any of this name */
void nftbatch_remove_table(struct nftbatch *b);
/* hook: NF_INET_LOCAL_OUT and so on, with policy drop; or -1 for a chain that is jumped to. */
void nftbatch_add_chain(struct nftbatch *b, const char *name, int hook);
void nftbatch_rule_begin(struct nftbatch *b, const char *chain);
void nftbatch_rule_end(struct nftbatch *b);
void nftbatch_end(struct nftbatch *b);
void nftbatch_fini(struct nftbatch *b);

/* ---- expressions ---- */
void nftbatch_load_meta(struct nftbatch *b, uint32_t key);
void nftbatch_load_ct_state(struct nftbatch *b);
void nftbatch_load_payload(struct nftbatch *b, uint32_t base, uint32_t offset, uint32_t n);
/* Keeps the bits of mask, n bytes. */
void nftbatch_mask(struct nftbatch *b, const void *mask, size_t n);
/* The rule goes on when the register's n bytes are (or are not) these. */
void nftbatch_match(struct nftbatch *b, const void *value, size_t n);
void nftbatch_match_not(struct nftbatch *b, const void *value, size_t n);
void nftbatch_match_u8(struct nftbatch *b, uint8_t value);
void nftbatch_match_be16(struct nftbatch *b, uint16_t value);
/* in the machine's order, as meta and ct have it */
void nftbatch_match_u32(struct nftbatch *b, uint32_t value);
void nftbatch_limit(struct nftbatch *b, uint64_t per_second, uint32_t burst);
void nftbatch_log(struct nftbatch *b, uint16_t group, uint32_t bytes);
void nftbatch_counter(struct nftbatch *b);
void nftbatch_reject_reset(struct nftbatch *b);
void nftbatch_reject_prohibited(struct nftbatch *b);
void nftbatch_accept(struct nftbatch *b);
void nftbatch_drop(struct nftbatch *b);
void nftbatch_jump(struct nftbatch *b, const char *chain);

#endif
