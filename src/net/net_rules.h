/* net_rules: what a locked guest may reach. A list of entries and a list of ports from the
 * configuration, and decisions of the user on top of them while the session runs. Pure but for
 * allocation; used by ccvm-net to decide and by ccvmctl to explain. */
#ifndef CCVM_NET_RULES_H
#define CCVM_NET_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_address.h"

#define NET_RULES_NAME_MAX	253
#define NET_RULES_ENTRIES_MAX	4096
#define NET_RULES_DECISIONS_MAX 1024		    /* of the user; the oldest one goes first */
#define NET_RULES_ALWAYS	"api.anthropic.com" /* on NET_RULES_ALWAYS_PORT, whatever is listed */
#define NET_RULES_ALWAYS_PORT	443

enum net_rules_kind { NET_RULES_NAME, NET_RULES_WILDCARD, NET_RULES_NETWORK };

/* One entry: a name, the names below a domain, or a network. */
struct net_rules_entry {
	enum net_rules_kind kind;
	char name[NET_RULES_NAME_MAX + 1]; /* as written, normalised */
	struct net_address network;
	uint8_t bits;
	uint16_t port; /* 0: the listed ports */
};

/* Once: for the connections that wait for it, or for the next one if it comes soon. Then it
 * expires. */
enum net_rules_uses { NET_RULES_ONCE, NET_RULES_SESSION };
#define NET_RULES_ONCE_MS 30000

struct net_rules_decision {
	struct net_rules_entry entry;
	bool allow;
	enum net_rules_uses uses;
	int64_t until_ms; /* of ONCE */
};

struct net_rules {
	struct net_rules_entry *entries; /* owned */
	size_t n;
	struct net_rules_decision *decisions; /* owned; the newest is last */
	size_t ndecisions;
	size_t nonce; /* decisions for once among them */
	uint8_t ports[65536 / 8];
};

enum net_rules_verdict {
	NET_RULES_ALLOW,
	NET_RULES_DENIED,      /* by a decision of the user */
	NET_RULES_NOT_LISTED,  /* no entry for this name or address */
	NET_RULES_PORT_CLOSED, /* listed, but not on this port */
};

void net_rules_init(struct net_rules *r);
void net_rules_fini(struct net_rules *r);

/* Reads an entry: NAME, *.DOMAIN, ADDRESS or ADDRESS/BITS in their normal form
 * (conf/egress_entry.h), with `:PORT` behind it ([ADDRESS]:PORT for IPv6). False when it is none of
 * these. */
bool net_rules_parse(struct net_rules_entry *e, const char *text);

/* The entry as text that net_rules_parse reads. */
void net_rules_format(const struct net_rules_entry *e, char *out, size_t size);

/* False when there are too many or it is not an entry. */
bool net_rules_add(struct net_rules *r, const char *text);
void net_rules_add_port(struct net_rules *r, uint16_t port);

/* The user's decision: it overrides the list and earlier decisions about the same entry. */
bool net_rules_decide(struct net_rules *r, const char *text, bool allow, enum net_rules_uses uses,
		      int64_t now_ms);

/* Forgets expired one-time decisions; now_ms is of the same clock. Call it before the next
 * functions. */
void net_rules_expire(struct net_rules *r, int64_t now_ms);

/* The verdict for a name (normalised) or a literal address. */
enum net_rules_verdict net_rules_check_name(const struct net_rules *r, const char *name,
					    uint16_t port);
enum net_rules_verdict net_rules_check_address(const struct net_rules *r,
					       const struct net_address *a, uint16_t port);

/* The verdict of one of these was followed: uses up the decision it came from, if that was a
 * one-time one. name: NULL for the address. */
void net_rules_use(struct net_rules *r, const char *name, const struct net_address *a,
		   uint16_t port);

/* What is special about an address, and what the options say of it. */
struct net_rules_place {
	bool is_host;	    /* it is the host's (net_reach) */
	bool host_loopback; /* the host may be reached */
	bool link_local;    /* link-local and metadata addresses may */
};

/* Whether an address that an allowed name resolved to may be connected to: public, or listed by an
 * entry that is a network. Beyond that, loopback and link-local addresses need their option; one of
 * the host's an entry for this address alone. The guest's own network, multicast and reserved
 * addresses never may be. */
bool net_rules_accepts_result(const struct net_rules *r, const struct net_address *a,
			      struct net_rules_place place);

/* Why a literal address that is listed may not be reached all the same: constant text, or NULL. */
const char *net_rules_refuses_listed(const struct net_rules *r, const struct net_address *a,
				     struct net_rules_place place);

/* Whether any entry or decision is an IPv6 network. */
bool net_rules_has_ipv6(const struct net_rules *r);

/* "not listed", "port not listed", "refused by the user", "allowed". */
const char *net_rules_verdict_name(enum net_rules_verdict v);

#endif
