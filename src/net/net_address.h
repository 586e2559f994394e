/* net_address: an IPv4 or IPv6 address as a value, and what kind of network it belongs to. Pure. */
#ifndef CCVM_NET_ADDRESS_H
#define CCVM_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_ADDRESS_TEXT_MAX 46 /* INET6_ADDRSTRLEN */

struct net_address {
	uint8_t len; /* 4 or 16; 0: none */
	uint8_t bytes[16];
};

/* Who is behind an address, as the IANA registries of special-purpose addresses have it (RFC
 * 6890). */
enum net_address_scope {
	NET_ADDRESS_PUBLIC,
	NET_ADDRESS_LOOPBACK,	/* 127/8, ::1 */
	NET_ADDRESS_PRIVATE,	/* RFC 1918, fc00::/7, fec0::/10 */
	NET_ADDRESS_LINK_LOCAL, /* 169.254/16 with most clouds' metadata services, fe80::/10 */
	NET_ADDRESS_METADATA,	/* the metadata services of clouds that have them elsewhere */
	NET_ADDRESS_SHARED,	/* 100.64/10, RFC 6598 */
	NET_ADDRESS_MULTICAST,
	/* "this" network, 192.0.0/24, benchmarks (our synthetic names), 240/4 */
	NET_ADDRESS_RESERVED,
	/* IPv6 that stands for IPv4: ::ffff:0:0/96, ::/96, 64:ff9b::/96, 2002::/16 */
	NET_ADDRESS_MAPPED,
};

struct net_address net_address_make(const uint8_t *bytes, size_t len);
bool net_address_parse(struct net_address *a, const char *text);
void net_address_format(const struct net_address *a, char text[NET_ADDRESS_TEXT_MAX]);
bool net_address_is_equal(const struct net_address *a, const struct net_address *b);

/* Whether the first `bits` bits agree. False for different families. */
bool net_address_is_within(const struct net_address *a, const struct net_address *network,
			   unsigned bits);

enum net_address_scope net_address_scope(const struct net_address *a);

/* An IPv6 address that is translated to IPv4 on its way (RFC 6052's well-known prefix, RFC 3056);
 * false if it is not. */
bool net_address_unwrap(const struct net_address *a, struct net_address *inner);

/* Link-local or a metadata service, or translated to one. */
bool net_address_is_link_local(const struct net_address *a);

/* "private", "loopback" and so on, for reasons. */
const char *net_address_scope_name(enum net_address_scope scope);

#endif
