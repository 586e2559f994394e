/* net_dns: the little of DNS that ccvm-net speaks (RFC 1035, 6891): questions of the guest, answers
 * to them, and, in open mode, which addresses an answer gave to which name. Pure functions over
 * bounded bytes.
 *
 * A name is never followed through a compression pointer: questions may not hold one, and in
 * answers a pointer only ends the name that is stepped over. So no message can make the reader
 * loop. */
#ifndef CCVM_NET_DNS_H
#define CCVM_NET_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_DNS_NAME_MAX    253 /* RFC 1035, 2.3.4, as text without the trailing dot */
#define NET_DNS_MESSAGE_MAX 512
#define NET_DNS_ADDRESSES   16 /* of one answer; the rest is left out */

enum net_dns_type { NET_DNS_TYPE_A = 1, NET_DNS_TYPE_AAAA = 28 };

enum net_dns_rcode {
	NET_DNS_NOERROR = 0,
	NET_DNS_FORMERR = 1,
	NET_DNS_SERVFAIL = 2,
	NET_DNS_NXDOMAIN = 3,
	NET_DNS_NOTIMP = 4,
	NET_DNS_REFUSED = 5,
};

struct net_dns_question {
	uint16_t id;
	uint16_t flags;
	uint16_t type;
	uint16_t class;
	/* lower case, no trailing dot; letters, digits, - and _ only */
	char name[NET_DNS_NAME_MAX + 1];
	size_t end; /* offset behind the question: what an answer repeats; 0 when there is none */
};

/* Reads a query. NET_DNS_NOERROR: *q is whole. Another code: the error to answer with; *q has what
 * was read. -1: no answer is due (no header, or itself an answer). */
int net_dns_parse_query(struct net_dns_question *q, const uint8_t *bytes, size_t len);

/* Writes the answer to the query that q was read from: rcode, and for `address` (may be NULL) one A
 * record with ttl seconds. Returns its length, at most NET_DNS_MESSAGE_MAX. */
size_t net_dns_write_answer(uint8_t out[NET_DNS_MESSAGE_MAX], const struct net_dns_question *q,
			    const uint8_t *query, enum net_dns_rcode rcode, const uint8_t *address,
			    uint32_t ttl);

struct net_dns_addresses {
	char name[NET_DNS_NAME_MAX + 1]; /* that was asked for */
	size_t n;
	uint8_t address[NET_DNS_ADDRESSES][16];
	uint8_t len[NET_DNS_ADDRESSES]; /* 4 or 16 */
};

/* The A and AAAA records of an answer; false when it is not an answer, or has none. */
bool net_dns_parse_answer(struct net_dns_addresses *a, const uint8_t *bytes, size_t len);

#endif
