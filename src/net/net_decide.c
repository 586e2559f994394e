/* Steps 2 and 3 at the head of net_locked.c: whether a flow may go, and where to. */
#include "net/net_decide.h"
#include "net/net_carry.h"
#include "net/net_judge.h"
#include "net/net_plan.h"

#include <string.h>

#define TTL_MAX_S     3600
#define FAILURE_TTL_S 5

/* The next result that may be connected to; false: none, and *reason says why. */
static bool decide_choose_remote(struct net_locked *l, struct net_flow *f, const struct net_name *name,
				 const char **reason)
{
	*reason = net_judge_no_result;
	for (; f->tried < name->nresults; f->tried++) {
		const struct net_address a = net_address_make(name->results[f->tried], 4);

		*reason = net_judge_result(l->config.rules, &a, net_locked_place(l, &a));
		if (!*reason) {
			memcpy(f->remote, a.bytes, 4);
			return true;
		}
	}
	return false;
}

/* The first packet goes on to `remote`. */
static void decide_send_first(struct net_locked *l, struct net_flow *f)
{
	struct net_frame frame;

	net_frame_parse(&frame, f->bytes, f->len);
	net_carry_set_deadline(l, f, 0);
	if (f->proto == NET_FRAME_PROTO_TCP) {
		net_carry_set_state(l, f, NET_FLOW_OPENING);
		net_carry_send_syn(l, f, &frame);
		return;
	}
	net_carry_set_state(l, f, NET_FLOW_OPEN);
	net_carry_send_datagram(l, f, &frame);
	net_flows_drop_kept(l->flows, f);
}

/* The name is resolved, or has failed to. */
static void decide_go_on(struct net_locked *l, struct net_flow *f, const struct net_name *name)
{
	const char *reason = name->failure;

	if (name->status == NET_NAMES_FAILED || !decide_choose_remote(l, f, name, &reason)) {
		net_carry_refuse_waiting(l, f, reason);
		return;
	}
	net_carry_log(l, f, NET_LOG_ALLOWED, NULL, "listed");
	decide_send_first(l, f);
}

bool net_decide_try_next(struct net_locked *l, struct net_flow *f)
{
	const struct net_name *name = net_carry_name(l, f);
	const char *reason;

	if (!name || name->status != NET_NAMES_RESOLVED)
		return false;
	f->tried++;
	if (!decide_choose_remote(l, f, name, &reason))
		return false;
	decide_send_first(l, f);
	return true;
}

static void decide_forget_old_result(struct net_locked *l, struct net_name *name)
{
	if ((name->status == NET_NAMES_RESOLVED || name->status == NET_NAMES_FAILED) &&
	    l->now_ms >= name->expires_ms)
		name->status = NET_NAMES_UNKNOWN;
}

void net_decide_allow(struct net_locked *l, struct net_flow *f)
{
	struct net_name *name = net_carry_name(l, f);

	if (!name) {
		memcpy(f->remote, f->target, 4);
		net_carry_log(l, f, NET_LOG_ALLOWED, NULL, "listed");
		decide_send_first(l, f);
		return;
	}
	f->sniff = f->proto == NET_FRAME_PROTO_TCP && (f->port == NET_PLAN_HTTPS || f->port == NET_PLAN_HTTP);
	decide_forget_old_result(l, name);
	net_carry_set_deadline(l, f, 0);
	net_carry_set_state(l, f, NET_FLOW_RESOLVING);
	if (name->status == NET_NAMES_RESOLVED || name->status == NET_NAMES_FAILED) {
		decide_go_on(l, f, name);
		return;
	}
	if (name->status == NET_NAMES_ASKING)
		return;
	name->status = NET_NAMES_ASKING;
	l->config.resolve(l->config.ctx, name->text);
}

static enum net_rules_verdict decide_verdict(struct net_locked *l, const struct net_flow *f, bool use)
{
	const struct net_name *name = net_carry_name(l, f);
	const struct net_judge_wish w = {.name = name ? name->text : NULL,
					 .to = net_address_make(f->target, 4),
					 .proto = f->proto,
					 .port = f->port};
	const enum net_rules_verdict verdict = net_judge_rules(l->config.rules, &w);

	if (use)
		net_rules_use(l->config.rules, w.name, &w.to, w.port);
	return verdict;
}

static bool decide_asks_the_same(const struct net_flow *a, const struct net_flow *b)
{
	return a != b && a->state == NET_FLOW_ASKING && a->port == b->port &&
	       memcmp(a->target, b->target, 4) == 0;
}

void net_decide_ask(struct net_locked *l, struct net_flow *f)
{
	const struct net_name *name = net_carry_name(l, f);
	const struct net_address to = net_address_make(f->target, 4);
	char text[NET_ADDRESS_TEXT_MAX];

	net_carry_set_state(l, f, NET_FLOW_ASKING);
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		const struct net_flow *other = net_flows_at(l->flows, i);

		if (decide_asks_the_same(other, f)) {
			net_carry_set_deadline(l, f, other->deadline_ms);
			return;
		}
	}
	net_carry_set_deadline(l, f, l->now_ms + NET_LOCKED_ASK_MS);
	net_address_format(&to, text);
	l->config.on_question(l->config.ctx, name ? name->text : text, f->port);
}

void net_decide_resolved(struct net_locked *l, const char *text, const struct net_locked_answer *answer)
{
	struct net_name *name = net_names_find(l->names, text);
	uint32_t ttl = answer->ttl < TTL_MAX_S ? answer->ttl : TTL_MAX_S;
	int index;

	if (!name || name->status != NET_NAMES_ASKING)
		return;
	name->status = answer->n ? NET_NAMES_RESOLVED : NET_NAMES_FAILED;
	name->failure = answer->failure ? answer->failure : "has no IPv4 address";
	name->expires_ms = l->now_ms + (int64_t)(answer->n ? ttl : FAILURE_TTL_S) * 1000;
	name->nresults = (uint8_t)answer->n;
	memcpy(name->results, answer->address, sizeof(name->results));
	index = net_names_index(l->names, name);
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		struct net_flow *f = net_flows_at(l->flows, i);

		if (f->state == NET_FLOW_RESOLVING && f->name == index)
			decide_go_on(l, f, name);
	}
}

void net_decide_watch(struct net_locked *l, bool watched)
{
	l->watched = watched;
	for (size_t i = 0; i < NET_FLOW_MAX && !watched && l->asking; i++) {
		struct net_flow *f = net_flows_at(l->flows, i);

		if (f->state == NET_FLOW_ASKING)
			net_carry_refuse_waiting(l, f, "not listed, and nobody is there to ask");
	}
}

/* A flow that is under way, or waits for its name. What was let through for once stays. */
static void decide_reconsider(struct net_locked *l, struct net_flow *f)
{
	if (f->state == NET_FLOW_FREE || f->state == NET_FLOW_ENDED || decide_verdict(l, f, false) != NET_RULES_DENIED)
		return;
	if (f->state == NET_FLOW_RESOLVING)
		net_carry_refuse_waiting(l, f, net_rules_verdict_name(NET_RULES_DENIED));
	else
		net_carry_cut(l, f);
}

/* All that ask the same as `first` get the answer it gets: a decision for once is about the question. */
static void decide_answer_question(struct net_locked *l, struct net_flow *first)
{
	enum net_rules_verdict verdict = decide_verdict(l, first, true);

	if (verdict != NET_RULES_ALLOW && verdict != NET_RULES_DENIED)
		return;
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		struct net_flow *f = net_flows_at(l->flows, i);

		if (!decide_asks_the_same(f, first))
			continue;
		if (verdict == NET_RULES_ALLOW)
			net_decide_allow(l, f);
		else
			net_carry_refuse_waiting(l, f, net_rules_verdict_name(verdict));
	}
	if (verdict == NET_RULES_ALLOW)
		net_decide_allow(l, first);
	else
		net_carry_refuse_waiting(l, first, net_rules_verdict_name(verdict));
}

void net_decide_rules_changed(struct net_locked *l)
{
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		struct net_flow *f = net_flows_at(l->flows, i);

		if (f->state == NET_FLOW_ASKING)
			decide_answer_question(l, f);
		else
			decide_reconsider(l, f);
	}
}
