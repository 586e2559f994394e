/* net_names: one synthetic address (198.18.0.0/15, RFC 2544) for each name the guest has asked for,
 * and what the name resolved to.
 *
 * At most NET_NAMES_MAX names are kept; then the one unused for longest makes room. An address is
 * given out again only after all others were, so a name the guest remembers does not soon turn into
 * another. */
#ifndef CCVM_NET_NAMES_H
#define CCVM_NET_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_address.h"

#define NET_NAMES_MAX	    8192
#define NET_NAMES_RESULTS   8
#define NET_NAMES_SYNTHETIC 198, 18, 0, 0 /* /15 */

/* What the host's resolver says of a name. */
struct net_names_answer {
	uint8_t address[NET_NAMES_RESULTS][4];
	size_t n;
	uint32_t ttl;	     /* seconds */
	const char *failure; /* constant text when n is 0 */
};

enum net_names_status {
	NET_NAMES_UNKNOWN, /* never asked, or the answer has expired */
	NET_NAMES_ASKING,
	NET_NAMES_RESOLVED,
	NET_NAMES_FAILED,
};

/* Written by net_names.c alone. */
struct net_name {
	char *text;	 /* owned */
	uint32_t offset; /* within the synthetic network */
	uint32_t uses;	 /* flows that hold on to it */
	int64_t used_ms;
	enum net_names_status status;
	const char *failure; /* constant text, for FAILED */
	int64_t expires_ms;
	uint8_t results[NET_NAMES_RESULTS][4];
	uint8_t nresults;
	int16_t next; /* of the same hash bucket: index + 1, 0: none */
};

struct net_names;

struct net_names *net_names_new(void);
void net_names_free(struct net_names *n);

/* The name's entry, made when there is none. NULL when all are held on to. Valid until the next
 * call; its index is for good as long as `uses` is not 0. */
struct net_name *net_names_intern(struct net_names *n, const char *text, int64_t now_ms);

/* The name behind an address of the guest's, or NULL. */
struct net_name *net_names_by_address(struct net_names *n, const uint8_t address[4],
				      int64_t now_ms);
struct net_name *net_names_find(struct net_names *n, const char *text);
struct net_name *net_names_at(struct net_names *n, int index);
int net_names_index(const struct net_names *n, const struct net_name *name);

/* A flow holds on to the name, or no longer does. */
void net_names_hold(struct net_name *name);
void net_names_release(struct net_name *name);

/* Its status at this time: an answer that is over is forgotten. */
enum net_names_status net_names_status(struct net_name *name, int64_t now_ms);
void net_names_ask(struct net_name *name);
/* Keeps the answer: for as long as it says, an hour at most; a failure for some seconds. */
void net_names_answer(struct net_name *name, const struct net_names_answer *answer, int64_t now_ms);

void net_names_address(const struct net_name *name, uint8_t address[4]);
bool net_names_is_synthetic(const uint8_t address[4]);

#endif
