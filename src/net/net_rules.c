#include "net/net_rules.h"
#include "net/net_plan.h"
#include "base/mem.h"
#include "base/number.h"

#include <stdio.h>
#include <string.h>

static const struct net_address rules_guest_network = {4, {NET_PLAN_NETWORK4}};
#define GUEST_NETWORK_BITS 24

void net_rules_init(struct net_rules *r)
{
	memset(r, 0, sizeof(*r));
}

void net_rules_fini(struct net_rules *r)
{
	free(r->entries);
	free(r->decisions);
	memset(r, 0, sizeof(*r));
}

/* Cuts ":PORT" off. A bare IPv6 address has colons of its own and takes a port only in brackets. */
static bool rules_cut_port(char *text, uint16_t *port)
{
	char *colon = strrchr(text, ':');
	int64_t number;

	*port = 0;
	if (text[0] == '[') {
		char *close = strchr(text, ']');

		if (!close ||
		    (close[1] && (close[1] != ':' || !number_parse(close + 2, 1, 65535, &number))))
			return false;
		*port = close[1] ? (uint16_t)number : 0;
		*close = '\0';
		memmove(text, text + 1, strlen(text + 1) + 1);
		return true;
	}
	if (!colon || strchr(text, ':') != colon)
		return true;
	if (!number_parse(colon + 1, 1, 65535, &number))
		return false;
	*colon = '\0';
	*port = (uint16_t)number;
	return true;
}

static bool rules_parse_network(struct net_rules_entry *e, const char *text)
{
	char host[NET_ADDRESS_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	int64_t bits;

	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (!net_address_parse(&e->network, host))
		return false;
	bits = e->network.len * 8;
	if (slash && !number_parse(slash + 1, 0, bits, &bits))
		return false;
	e->bits = (uint8_t)bits;
	e->kind = NET_RULES_NETWORK;
	return true;
}

bool net_rules_parse(struct net_rules_entry *e, const char *text)
{
	char copy[NET_RULES_NAME_MAX + 16];
	size_t n = strlen(text);

	memset(e, 0, sizeof(*e));
	if (n == 0 || n >= sizeof(copy))
		return false;
	memcpy(copy, text, n + 1);
	if (!rules_cut_port(copy, &e->port))
		return false;
	n = strlen(copy);
	if (n == 0 || n > NET_RULES_NAME_MAX)
		return false;
	memcpy(e->name, copy, n + 1);
	if (rules_parse_network(e, copy))
		return true;
	if (strspn(copy, "abcdefghijklmnopqrstuvwxyz0123456789-_.*") != n)
		return false;
	e->kind = strncmp(copy, "*.", 2) == 0 ? NET_RULES_WILDCARD : NET_RULES_NAME;
	return strchr(copy + (e->kind == NET_RULES_WILDCARD ? 2 : 0), '*') == NULL;
}

void net_rules_format(const struct net_rules_entry *e, char *out, size_t size)
{
	const bool brackets = e->port && e->kind == NET_RULES_NETWORK && e->network.len == 16;
	int n = snprintf(out, size, "%s%s%s", brackets ? "[" : "", e->name, brackets ? "]" : "");

	if (e->port && n >= 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, ":%u", e->port);
}

bool net_rules_add(struct net_rules *r, const char *text)
{
	struct net_rules_entry e;

	if (r->n == NET_RULES_ENTRIES_MAX || !net_rules_parse(&e, text))
		return false;
	r->entries = mem_resize(r->entries, r->n + 1, sizeof(*r->entries));
	r->entries[r->n++] = e;
	return true;
}

void net_rules_add_port(struct net_rules *r, uint16_t port)
{
	r->ports[port / 8] |= (uint8_t)(1U << port % 8);
}

static void rules_drop_decision(struct net_rules *r, size_t i)
{
	r->nonce -= r->decisions[i].uses == NET_RULES_ONCE;
	memmove(r->decisions + i, r->decisions + i + 1,
		(r->ndecisions - i - 1) * sizeof(*r->decisions));
	r->ndecisions--;
}

void net_rules_expire(struct net_rules *r, int64_t now_ms)
{
	for (size_t i = r->ndecisions; r->nonce && i-- > 0;)
		if (r->decisions[i].uses == NET_RULES_ONCE && now_ms >= r->decisions[i].until_ms)
			rules_drop_decision(r, i);
}

bool net_rules_decide(struct net_rules *r, const char *text, bool allow, enum net_rules_uses uses,
		      int64_t now_ms)
{
	struct net_rules_decision d = {
		.allow = allow, .uses = uses, .until_ms = now_ms + NET_RULES_ONCE_MS};

	if (!net_rules_parse(&d.entry, text))
		return false;
	for (size_t i = r->ndecisions; i-- > 0;)
		if (r->decisions[i].entry.port == d.entry.port &&
		    strcmp(r->decisions[i].entry.name, d.entry.name) == 0)
			rules_drop_decision(r, i);
	if (r->ndecisions == NET_RULES_DECISIONS_MAX)
		rules_drop_decision(r, 0);
	r->decisions = mem_resize(r->decisions, r->ndecisions + 1, sizeof(*r->decisions));
	r->decisions[r->ndecisions++] = d;
	r->nonce += uses == NET_RULES_ONCE;
	return true;
}

static bool rules_port_is_listed(const struct net_rules *r, uint16_t port)
{
	return r->ports[port / 8] >> port % 8 & 1;
}

static bool rules_matches_name(const struct net_rules_entry *e, const char *name)
{
	size_t n = strlen(name), m;

	if (e->kind == NET_RULES_NAME)
		return strcmp(e->name, name) == 0;
	if (e->kind != NET_RULES_WILDCARD)
		return false;
	/* "*.example.com": every name below it, not the domain itself. */
	m = strlen(e->name + 1);
	return n > m && strcmp(name + n - m, e->name + 1) == 0;
}

/* An address of the guest's own network, the gateway to the host's loopback among them, is not
 * meant by an entry for a larger network that happens to hold it. */
static bool rules_matches_address(const struct net_rules_entry *e, const struct net_address *a)
{
	if (e->kind != NET_RULES_NETWORK || !net_address_is_within(a, &e->network, e->bits))
		return false;
	return e->bits >= GUEST_NETWORK_BITS ||
	       !net_address_is_within(a, &rules_guest_network, GUEST_NETWORK_BITS);
}

struct rules_subject {
	const char *name; /* or */
	const struct net_address *address;
	uint16_t port;
};

static bool rules_matches(const struct net_rules_entry *e, const struct rules_subject *s)
{
	return s->name ? rules_matches_name(e, s->name) : rules_matches_address(e, s->address);
}

static bool rules_has_port(const struct net_rules *r, const struct net_rules_entry *e,
			   uint16_t port)
{
	return e->port ? e->port == port : rules_port_is_listed(r, port);
}

static enum net_rules_verdict rules_check_list(const struct net_rules *r,
					       const struct rules_subject *s)
{
	enum net_rules_verdict verdict = NET_RULES_NOT_LISTED;

	if (s->name && strcmp(s->name, NET_RULES_ALWAYS) == 0) {
		if (s->port == NET_RULES_ALWAYS_PORT || rules_port_is_listed(r, s->port))
			return NET_RULES_ALLOW;
		verdict = NET_RULES_PORT_CLOSED;
	}
	for (size_t i = 0; i < r->n; i++) {
		if (!rules_matches(&r->entries[i], s))
			continue;
		if (rules_has_port(r, &r->entries[i], s->port))
			return NET_RULES_ALLOW;
		verdict = NET_RULES_PORT_CLOSED;
	}
	return verdict;
}

/* The user's decision about it: its index + 1; 0: there is none. */
static size_t rules_decision(const struct net_rules *r, const struct rules_subject *s)
{
	for (size_t i = r->ndecisions; i-- > 0;) {
		const struct net_rules_decision *d = &r->decisions[i];

		/* Without a port: an allowance is for the listed ports, a denial for all. */
		if (rules_matches(&d->entry, s) &&
		    (d->allow ? rules_has_port(r, &d->entry, s->port)
			      : !d->entry.port || d->entry.port == s->port))
			return i + 1;
	}
	return 0;
}

static enum net_rules_verdict rules_check(const struct net_rules *r, const struct rules_subject *s)
{
	const size_t found = rules_decision(r, s);

	if (!found)
		return rules_check_list(r, s);
	return r->decisions[found - 1].allow ? NET_RULES_ALLOW : NET_RULES_DENIED;
}

enum net_rules_verdict net_rules_check_name(const struct net_rules *r, const char *name,
					    uint16_t port)
{
	return rules_check(r, &(struct rules_subject){.name = name, .port = port});
}

enum net_rules_verdict net_rules_check_address(const struct net_rules *r,
					       const struct net_address *a, uint16_t port)
{
	return rules_check(r, &(struct rules_subject){.address = a, .port = port});
}

void net_rules_use(struct net_rules *r, const char *name, const struct net_address *a,
		   uint16_t port)
{
	const size_t found = rules_decision(
		r, &(struct rules_subject){.name = name, .address = a, .port = port});

	if (found && r->decisions[found - 1].uses == NET_RULES_ONCE)
		rules_drop_decision(r, found - 1);
}

/* By an entry that is a network; alone: which is this address and no other. */
static bool rules_lists(const struct net_rules *r, const struct net_address *a, bool alone)
{
	for (size_t i = 0; i < r->n; i++)
		if (rules_matches_address(&r->entries[i], a) &&
		    (!alone || r->entries[i].bits == a->len * 8))
			return true;
	for (size_t i = 0; i < r->ndecisions; i++)
		if (r->decisions[i].allow && rules_matches_address(&r->decisions[i].entry, a) &&
		    (!alone || r->decisions[i].entry.bits == a->len * 8))
			return true;
	return false;
}

const char *net_rules_refuses_listed(const struct net_rules *r, const struct net_address *a,
				     struct net_rules_place place)
{
	if (net_address_is_within(a, &rules_guest_network, GUEST_NETWORK_BITS))
		return NULL; /* the gateway: net_filter and libslirp's own option see to it */
	if (!place.link_local && net_address_is_link_local(a))
		return "a link-local or metadata address, and linkLocal is off";
	if (place.is_host && !place.host_loopback)
		return "an address of the host, and hostLoopback is off";
	if (place.is_host && !rules_lists(r, a, true))
		return "an address of the host, which a larger network does not mean";
	return NULL;
}

bool net_rules_accepts_result(const struct net_rules *r, const struct net_address *a,
			      struct net_rules_place place)
{
	const enum net_address_scope scope = net_address_scope(a);

	if (scope == NET_ADDRESS_MULTICAST || scope == NET_ADDRESS_RESERVED ||
	    scope == NET_ADDRESS_MAPPED ||
	    net_address_is_within(a, &rules_guest_network, GUEST_NETWORK_BITS) ||
	    net_rules_refuses_listed(r, a, place))
		return false;
	return (scope == NET_ADDRESS_PUBLIC && !place.is_host) || rules_lists(r, a, false);
}

bool net_rules_has_ipv6(const struct net_rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->entries[i].kind == NET_RULES_NETWORK && r->entries[i].network.len == 16)
			return true;
	return false;
}

const char *net_rules_verdict_name(enum net_rules_verdict v)
{
	static const char *const names[] = {
		[NET_RULES_ALLOW] = "allowed",
		[NET_RULES_DENIED] = "refused by the user",
		[NET_RULES_NOT_LISTED] = "not listed",
		[NET_RULES_PORT_CLOSED] = "port not listed",
	};

	return names[v];
}
