/* net_pass: the connections of a locked guest that go through, from the first packet to the last:
 * admitted, their beginning checked, passed on (steps 2 to 5 at the head of net_locked.c). Executes
 * the verdicts of net_judge and net_tcp. */
#ifndef CCVM_NET_PASS_H
#define CCVM_NET_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/net_give.h"
#include "net/net_here.h"
#include "net/net_open.h"

struct net_pass_config {
	struct net_rules *rules; /* borrowed, all of them */
	struct net_flows *flows;
	struct net_names *names;
	struct net_here *here;
	struct net_carry *carry;
	struct net_open *open;
	struct net_give *give;
};

struct net_pass;

struct net_pass *net_pass_new(const struct net_pass_config *config);
void net_pass_free(struct net_pass *p);

/* TCP or UDP over IPv4 from the guest, not to the resolver. */
void net_pass_tcp(struct net_pass *p, const struct net_frame *f, int64_t now_ms);
void net_pass_udp(struct net_pass *p, const struct net_frame *f, int64_t now_ms);

/* An IPv4 packet of libslirp's. */
void net_pass_from_slirp(struct net_pass *p, const struct net_frame *frame, int64_t now_ms);

/* As net_locked_tick and net_locked_wait. */
void net_pass_tick(struct net_pass *p, int64_t now_ms);
int net_pass_wait(const struct net_pass *p);

#endif
