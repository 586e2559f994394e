/* net_open: opens the flows of a locked guest: asks the user, has the name resolved, chooses the
 * result (steps 2 and 3 at the head of net_locked.c). The one writer of net_flow's `aim`. */
#ifndef CCVM_NET_OPEN_H
#define CCVM_NET_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_carry.h"
#include "net/net_flow.h"
#include "net/net_names.h"
#include "net/net_rules.h"

struct net_open_config {
	struct net_rules *rules; /* borrowed, as the next three */
	struct net_flows *flows;
	struct net_names *names;
	struct net_carry *carry;
	int64_t ask_ms;			/* how long a flow waits for the user */
	size_t asking_max;		/* flows that may */
	bool host_loopback, link_local; /* as net_locked_config's, and the functions */
	void *ctx;
	bool (*is_host)(void *ctx, const struct net_address *a);
	void (*resolve)(void *ctx, const char *name);
	void (*on_question)(void *ctx, const char *name, uint16_t port);
};

struct net_open;

struct net_open *net_open_new(const struct net_open_config *config);
void net_open_free(struct net_open *o);

/* The properties of an address to connect to that the rules need. */
struct net_rules_place net_open_place(struct net_open *o, const struct net_address *a);

/* Whether one more flow may wait for the user. */
bool net_open_may_ask(const struct net_open *o);

/* Opens an allowed flow as soon as its address is known. *f may be gone afterwards. */
void net_open_allow(struct net_open *o, struct net_flow *f, int64_t now_ms);
/* The flow waits for the user. Several about one name and port are one question. */
void net_open_ask(struct net_open *o, struct net_flow *f, int64_t now_ms);
/* Another result of the name instead of one that does not answer; false: there is none. */
bool net_open_try_next(struct net_open *o, struct net_flow *f);

/* What net_locked.h says of the functions of these names. */
void net_open_resolved(struct net_open *o, const char *text, const struct net_names_answer *answer,
		       int64_t now_ms);
void net_open_watch(struct net_open *o, bool watched, int64_t now_ms);
void net_open_rules_changed(struct net_open *o, int64_t now_ms);

#endif
