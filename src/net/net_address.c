#include "net/net_address.h"

#include <arpa/inet.h>
#include <string.h>

struct net_address net_address_make(const uint8_t *bytes, size_t len)
{
	struct net_address a = {.len = (uint8_t)len};

	memcpy(a.bytes, bytes, len);
	return a;
}

bool net_address_parse(struct net_address *a, const char *text)
{
	bool six = strchr(text, ':') != NULL;

	*a = (struct net_address){.len = six ? 16 : 4};
	return inet_pton(six ? AF_INET6 : AF_INET, text, a->bytes) == 1;
}

void net_address_format(const struct net_address *a, char text[NET_ADDRESS_TEXT_MAX])
{
	if (!a->len ||
	    !inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->bytes, text, NET_ADDRESS_TEXT_MAX))
		text[0] = '\0';
}

bool net_address_is_equal(const struct net_address *a, const struct net_address *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

bool net_address_is_within(const struct net_address *a, const struct net_address *network,
			   unsigned bits)
{
	unsigned whole = bits / 8;

	if (a->len != network->len || bits > a->len * 8U ||
	    memcmp(a->bytes, network->bytes, whole) != 0)
		return false;
	return bits % 8 == 0 || (a->bytes[whole] ^ network->bytes[whole]) >> (8 - bits % 8) == 0;
}

struct address_range {
	struct net_address network;
	unsigned bits;
	enum net_address_scope scope;
};

#define FOUR(a, b, c, d)                                                                           \
	{                                                                                          \
		4,                                                                                 \
		{                                                                                  \
			a, b, c, d                                                                 \
		}                                                                                  \
	}

/* The first match counts. The metadata services are Alibaba's, Azure's, Oracle's, Amazon's,
 * Google's and Scaleway's. */
static const struct address_range address_ranges[] = {
	{FOUR(100, 100, 100, 200), 32, NET_ADDRESS_METADATA},
	{FOUR(168, 63, 129, 16), 32, NET_ADDRESS_METADATA},
	{FOUR(192, 0, 0, 192), 32, NET_ADDRESS_METADATA},
	{{16, {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54}}, 128, NET_ADDRESS_METADATA},
	{{16, {0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54}}, 128, NET_ADDRESS_METADATA},
	{{16, {0xfd, 0x00, 0x00, 0x42, [15] = 0x42}}, 128, NET_ADDRESS_METADATA},
	{FOUR(0, 0, 0, 0), 8, NET_ADDRESS_RESERVED},
	{FOUR(10, 0, 0, 0), 8, NET_ADDRESS_PRIVATE},
	{FOUR(100, 64, 0, 0), 10, NET_ADDRESS_SHARED},
	{FOUR(127, 0, 0, 0), 8, NET_ADDRESS_LOOPBACK},
	{FOUR(169, 254, 0, 0), 16, NET_ADDRESS_LINK_LOCAL},
	{FOUR(172, 16, 0, 0), 12, NET_ADDRESS_PRIVATE},
	{FOUR(192, 0, 0, 0), 24, NET_ADDRESS_RESERVED},
	{FOUR(192, 168, 0, 0), 16, NET_ADDRESS_PRIVATE},
	{FOUR(198, 18, 0, 0), 15, NET_ADDRESS_RESERVED},
	{FOUR(224, 0, 0, 0), 4, NET_ADDRESS_MULTICAST},
	{FOUR(240, 0, 0, 0), 4, NET_ADDRESS_RESERVED},
	{{16, {[15] = 1}}, 128, NET_ADDRESS_LOOPBACK},
	{{16, {0}}, 96, NET_ADDRESS_MAPPED},
	{{16, {[10] = 0xff, 0xff}}, 96, NET_ADDRESS_MAPPED},
	{{16, {0x00, 0x64, 0xff, 0x9b}}, 32, NET_ADDRESS_MAPPED},
	{{16, {0x20, 0x02}}, 16, NET_ADDRESS_MAPPED},
	{{16, {0xfc}}, 7, NET_ADDRESS_PRIVATE},
	{{16, {0xfe, 0xc0}}, 10, NET_ADDRESS_PRIVATE},
	{{16, {0xfe, 0x80}}, 10, NET_ADDRESS_LINK_LOCAL},
	{{16, {0xff}}, 8, NET_ADDRESS_MULTICAST},
};

enum net_address_scope net_address_scope(const struct net_address *a)
{
	for (size_t i = 0; i < sizeof(address_ranges) / sizeof(address_ranges[0]); i++)
		if (net_address_is_within(a, &address_ranges[i].network, address_ranges[i].bits))
			return address_ranges[i].scope;
	return NET_ADDRESS_PUBLIC;
}

bool net_address_unwrap(const struct net_address *a, struct net_address *inner)
{
	static const struct net_address nat64 = {16, {0x00, 0x64, 0xff, 0x9b}},
					six_to_four = {16, {0x20, 0x02}};

	if (net_address_is_within(a, &nat64, 96))
		*inner = net_address_make(a->bytes + 12, 4);
	else if (net_address_is_within(a, &six_to_four, 16))
		*inner = net_address_make(a->bytes + 2, 4);
	else
		return false;
	return true;
}

bool net_address_is_link_local(const struct net_address *a)
{
	const enum net_address_scope scope = net_address_scope(a);
	struct net_address inner;

	return scope == NET_ADDRESS_LINK_LOCAL || scope == NET_ADDRESS_METADATA ||
	       (net_address_unwrap(a, &inner) && net_address_is_link_local(&inner));
}

const char *net_address_scope_name(enum net_address_scope scope)
{
	static const char *const names[] = {
		[NET_ADDRESS_PUBLIC] = "public",	 [NET_ADDRESS_LOOPBACK] = "loopback",
		[NET_ADDRESS_PRIVATE] = "private",	 [NET_ADDRESS_LINK_LOCAL] = "link-local",
		[NET_ADDRESS_SHARED] = "carrier-shared", [NET_ADDRESS_MULTICAST] = "multicast",
		[NET_ADDRESS_RESERVED] = "reserved",	 [NET_ADDRESS_MAPPED] = "translated IPv4",
	};

	return names[scope];
}
