/* Theory of operation.
 *
 * Every frame here was written by a guest that tries to escape. What it may do is decided by name,
 * and the name of a connection is known for certain, because the only way to get an address is to
 * ask the resolver below:
 *
 * 1. A question for a name is answered here, with an address of 198.18.0.0/15 that stands for just
 *    this name (net_names). No question, and no byte of one, goes to the host's resolver. Records
 *    other than A have no data, so nothing else is learned and no client is sent to IPv6 or to an
 *    encrypted hello.
 * 2. The first packet to such an address is therefore a wish to connect to a known name and port.
 *    It is checked against the rules (net_rules). A literal address has to be listed as one.
 * 3. A listed name is resolved on the host at that moment; the packet waits. Addresses that a
 *    public name should not have (private, loopback, link-local and so on) do not count unless
 *    listed as networks. Nor do the host's own, link-local and metadata ones without their option
 *    (net_reach).
 * 4. libslirp gets a SYN or datagram that is made here, and connects. Each flow has a port of its
 *    own towards libslirp, so answers are matched by it, whatever ports the guest chose.
 * 5. On port 443 and 80 the client's first message is held until it is complete, and must be for
 *    the same name. libslirp gets the stream in segments that are made here (net_pass.c): bytes
 *    that the guest sends again, or changed, are never read.
 * 6. Everything else is refused at once: a reset, an ICMP message, or on port 80 a sentence.
 *    Nothing hangs.
 *
 * What the guest can make this process hold is bounded: names and flows by their tables, bytes kept
 * back by net_flow, connections that end here by net_mini, new connections and questions by rates
 * (docs/egress.md lists the figures). When a table is full the oldest of the unused gives way, else
 * the newcomer is refused.
 */
#include "net/net_locked.h"
#include "net/net_carry.h"
#include "net/net_flow.h"
#include "net/net_give.h"
#include "net/net_here.h"
#include "net/net_judge.h"
#include "net/net_open.h"
#include "net/net_pass.h"
#include "net/net_queue.h"
#include "net/net_stream.h"
#include "base/mem.h"

#include <stdlib.h>

#define LOOSE_MAX                                                                                  \
	384 /* together with NET_FLOW_MAX below the limit of descriptors (net_confine.c) */

/* Its parts; each knows only the ones above it. */
struct net_locked {
	struct net_locked_config config;
	unsigned depth; /* calls from outside that are under way */
	struct net_names *names;
	struct net_flows *flows;
	struct net_queue *queue;
	struct net_here *here;
	struct net_carry *carry;
	struct net_open *open;
	struct net_give *give;
	struct net_pass *pass;
};

/* Around every call from outside. They may be nested: a resolver can answer from within the
 * question. */
static void locked_enter(struct net_locked *l, int64_t now_ms)
{
	l->depth++;
	net_rules_expire(l->config.rules, now_ms);
}

static void locked_leave(struct net_locked *l)
{
	if (l->depth == 1)
		net_give_all(l->give);
	l->depth--;
}

/* ---- frames ---- */

void net_locked_refuse(struct net_locked *l, const struct net_frame *f, const char *reason,
		       int64_t now_ms)
{
	if (f->src && f->layer != NET_FRAME_ARP)
		net_here_refuse(l->here, f, reason, now_ms);
}

/* libslirp handles allowed IPv6 connections itself; here only their address is known. */
static void locked_ipv6(struct net_locked *l, const struct net_frame *f, int64_t now_ms)
{
	const struct net_address to = net_address_make(f->dst, 16);
	const struct net_judge_verdict v = net_judge_ipv6(l->config.rules, f);
	/* Established connections stay: a segment of no connection has no receiver. */
	const bool begins = f->proto != NET_FRAME_PROTO_TCP || net_judge_is_syn(f);
	const char *refusal = NULL;

	if (v.act == NET_JUDGE_PASS && begins) {
		refusal = net_rules_refuses_listed(l->config.rules, &to,
						   net_open_place(l->open, &to));
		if (!refusal && net_give_loose(l->give) >= LOOSE_MAX)
			refusal = "too many connections";
	}
	if (v.act != NET_JUDGE_PASS || refusal || !l->config.ipv6) {
		net_locked_refuse(l, f, refusal ? refusal : v.reason, now_ms);
		return;
	}
	if (begins)
		net_here_log(l->here, NET_LOG_ALLOWED, NULL, &to, f->proto, f->dst_port, "listed");
	net_queue_add(l->queue, 0, f->bytes, f->len);
}

static void locked_unicast(struct net_locked *l, const struct net_frame *f, enum net_judge_way way,
			   int64_t now_ms)
{
	net_carry_note_ends(l->carry, f);
	if (way == NET_JUDGE_TO_RESOLVER)
		net_here_ask(l->here, f, now_ms);
	else if (way == NET_JUDGE_TCP)
		net_pass_tcp(l->pass, f, now_ms);
	else
		net_pass_udp(l->pass, f, now_ms);
}

static void locked_take(struct net_locked *l, const struct net_frame *f, int64_t now_ms)
{
	const char *reason;
	const enum net_judge_way way = net_judge_frame(f, l->config.ipv6, &reason);

	switch (way) {
	case NET_JUDGE_NOBODY:
		return;
	case NET_JUDGE_UNCARRIED:
		net_here_log_frame(l->here, f, reason, now_ms);
		return;
	case NET_JUDGE_REFUSED:
		net_locked_refuse(l, f, reason, now_ms);
		return;
	case NET_JUDGE_NEIGHBOUR:
		net_queue_add(l->queue, 0, f->bytes, f->len);
		return;
	case NET_JUDGE_TO_RESOLVER:
	case NET_JUDGE_TCP:
	case NET_JUDGE_UDP:
		locked_unicast(l, f, way, now_ms);
		return;
	case NET_JUDGE_IPV6:
		locked_ipv6(l, f, now_ms);
		return;
	}
}

void net_locked_from_guest(struct net_locked *l, const struct net_frame *f, int64_t now_ms)
{
	locked_enter(l, now_ms);
	locked_take(l, f, now_ms);
	locked_leave(l);
}

void net_locked_from_slirp(struct net_locked *l, const uint8_t *bytes, size_t len, int64_t now_ms)
{
	struct net_frame f;

	net_frame_parse(&f, bytes, len);
	if (f.fault != NET_FRAME_OK || len > NET_STREAM_FRAME_MAX)
		return;
	if (f.layer == NET_FRAME_ARP || (f.layer == NET_FRAME_IPV6 && l->config.ipv6))
		l->config.to_guest(l->config.ctx, bytes, len);
	else if (f.layer == NET_FRAME_IPV4)
		net_pass_from_slirp(l->pass, &f, now_ms);
}

/* ---- what changes from outside ---- */

void net_locked_on_socket(struct net_locked *l, int fd, bool open)
{
	net_give_on_socket(l->give, fd, open);
}

void net_locked_resolved(struct net_locked *l, const char *name,
			 const struct net_names_answer *answer, int64_t now_ms)
{
	locked_enter(l, now_ms);
	net_open_resolved(l->open, name, answer, now_ms);
	locked_leave(l);
}

void net_locked_watch(struct net_locked *l, bool watched, int64_t now_ms)
{
	locked_enter(l, now_ms);
	net_open_watch(l->open, watched, now_ms);
	locked_leave(l);
}

void net_locked_rules_changed(struct net_locked *l, int64_t now_ms)
{
	locked_enter(l, now_ms);
	net_open_rules_changed(l->open, now_ms);
	locked_leave(l);
}

void net_locked_tick(struct net_locked *l, int64_t now_ms)
{
	locked_enter(l, now_ms);
	net_pass_tick(l->pass, now_ms);
	locked_leave(l);
}

int net_locked_wait(const struct net_locked *l)
{
	return net_pass_wait(l->pass);
}

/* ---- its parts ---- */

static struct net_carry *locked_make_carry(const struct net_locked *l)
{
	const struct net_carry_config config = {.flows = l->flows,
						.names = l->names,
						.here = l->here,
						.queue = l->queue,
						.mtu = l->config.mtu,
						.ctx = l->config.ctx,
						.to_guest = l->config.to_guest,
						.abort_connect = l->config.abort_connect};

	return net_carry_new(&config);
}

static struct net_open *locked_make_open(const struct net_locked *l)
{
	const struct net_open_config config = {.rules = l->config.rules,
					       .flows = l->flows,
					       .names = l->names,
					       .carry = l->carry,
					       .ask_ms = NET_LOCKED_ASK_MS,
					       .asking_max = NET_LOCKED_ASKING_MAX,
					       .host_loopback = l->config.host_loopback,
					       .link_local = l->config.link_local,
					       .ctx = l->config.ctx,
					       .is_host = l->config.is_host,
					       .resolve = l->config.resolve,
					       .on_question = l->config.on_question};

	return net_open_new(&config);
}

struct net_locked *net_locked_new(const struct net_locked_config *config)
{
	struct net_locked *l = mem_alloc(sizeof(*l));

	l->config = *config;
	l->names = net_names_new();
	l->flows = net_flows_new();
	l->queue = net_queue_new();
	l->here = net_here_new(&(struct net_here_config){.names = l->names,
							 .log = config->log,
							 .ctx = config->ctx,
							 .to_guest = config->to_guest});
	l->carry = locked_make_carry(l);
	l->open = locked_make_open(l);
	l->give = net_give_new(&(struct net_give_config){.flows = l->flows,
							 .queue = l->queue,
							 .carry = l->carry,
							 .open = l->open,
							 .ctx = config->ctx,
							 .to_slirp = config->to_slirp});
	l->pass = net_pass_new(&(struct net_pass_config){.rules = config->rules,
							 .flows = l->flows,
							 .names = l->names,
							 .here = l->here,
							 .carry = l->carry,
							 .open = l->open,
							 .give = l->give});
	return l;
}

void net_locked_free(struct net_locked *l)
{
	if (!l)
		return;
	net_pass_free(l->pass);
	net_give_free(l->give);
	net_open_free(l->open);
	net_carry_free(l->carry);
	net_here_free(l->here);
	net_queue_free(l->queue);
	net_flows_free(l->flows);
	net_names_free(l->names);
	free(l);
}

size_t net_locked_flows(const struct net_locked *l)
{
	return net_flows_count(l->flows);
}
