#include "net/net_open.h"
#include "net/net_judge.h"
#include "net/net_plan.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct net_open {
	struct net_open_config config;
	bool watched; /* a user is there to ask */
};

struct net_rules_place net_open_place(struct net_open *o, const struct net_address *a)
{
	return (struct net_rules_place){.is_host = o->config.is_host(o->config.ctx, a),
					.host_loopback = o->config.host_loopback,
					.link_local = o->config.link_local};
}

bool net_open_may_ask(const struct net_open *o)
{
	return o->watched && net_flows_asking(o->config.flows) < o->config.asking_max;
}

/* The next result that may be connected to; false: none, and *reason says why. */
static bool open_choose_remote(struct net_open *o, struct net_flow *f, const struct net_name *name,
			       const char **reason)
{
	*reason = net_judge_no_result;
	for (; f->aim.tried < name->nresults; f->aim.tried++) {
		const struct net_address a = net_address_make(name->results[f->aim.tried], 4);

		*reason = net_judge_result(o->config.rules, &a, net_open_place(o, &a));
		if (!*reason) {
			memcpy(f->aim.remote, a.bytes, 4);
			return true;
		}
	}
	return false;
}

/* The first packet goes on to `remote`. */
static void open_send_first(struct net_open *o, struct net_flow *f)
{
	struct net_frame frame;

	net_frame_parse(&frame, f->bytes, f->len);
	net_flows_set_deadline(o->config.flows, f, 0);
	if (f->proto == NET_FRAME_PROTO_TCP) {
		net_flows_set_state(o->config.flows, f, NET_FLOW_OPENING);
		net_carry_send_syn(o->config.carry, f, &frame);
		return;
	}
	net_flows_set_state(o->config.flows, f, NET_FLOW_OPEN);
	net_carry_send_datagram(o->config.carry, f, &frame);
	net_flows_drop_kept(o->config.flows, f);
}

/* The name is resolved, or resolving it failed. */
static void open_go_on(struct net_open *o, struct net_flow *f, const struct net_name *name,
		       int64_t now_ms)
{
	const char *reason = name->failure;

	if (name->status == NET_NAMES_FAILED || !open_choose_remote(o, f, name, &reason)) {
		net_carry_refuse_waiting(o->config.carry, f, reason, now_ms);
		return;
	}
	net_carry_log(o->config.carry, f, NET_LOG_ALLOWED, NULL, "listed");
	open_send_first(o, f);
}

bool net_open_try_next(struct net_open *o, struct net_flow *f)
{
	const struct net_name *name = net_carry_name(o->config.carry, f);
	const char *reason;

	if (!name || name->status != NET_NAMES_RESOLVED)
		return false;
	f->aim.tried++;
	if (!open_choose_remote(o, f, name, &reason))
		return false;
	open_send_first(o, f);
	return true;
}

void net_open_allow(struct net_open *o, struct net_flow *f, int64_t now_ms)
{
	struct net_name *name = net_carry_name(o->config.carry, f);
	enum net_names_status status;

	if (!name) {
		memcpy(f->aim.remote, f->target, 4);
		net_carry_log(o->config.carry, f, NET_LOG_ALLOWED, NULL, "listed");
		open_send_first(o, f);
		return;
	}
	f->aim.sniff = f->proto == NET_FRAME_PROTO_TCP &&
		       (f->port == NET_PLAN_HTTPS || f->port == NET_PLAN_HTTP);
	net_flows_set_deadline(o->config.flows, f, 0);
	net_flows_set_state(o->config.flows, f, NET_FLOW_RESOLVING);
	status = net_names_status(name, now_ms);
	if (status == NET_NAMES_RESOLVED || status == NET_NAMES_FAILED) {
		open_go_on(o, f, name, now_ms);
		return;
	}
	if (status == NET_NAMES_ASKING)
		return;
	net_names_ask(name);
	o->config.resolve(o->config.ctx, name->text);
}

static enum net_rules_verdict open_verdict(struct net_open *o, const struct net_flow *f, bool use)
{
	const struct net_name *name = net_carry_name(o->config.carry, f);
	const struct net_judge_wish w = {.name = name ? name->text : NULL,
					 .to = net_address_make(f->target, 4),
					 .proto = f->proto,
					 .port = f->port};
	const enum net_rules_verdict verdict = net_judge_rules(o->config.rules, &w);

	if (use)
		net_rules_use(o->config.rules, w.name, &w.to, w.port);
	return verdict;
}

static bool open_asks_the_same(const struct net_flow *a, const struct net_flow *b)
{
	return a != b && a->state == NET_FLOW_ASKING && a->port == b->port &&
	       memcmp(a->target, b->target, 4) == 0;
}

void net_open_ask(struct net_open *o, struct net_flow *f, int64_t now_ms)
{
	const struct net_name *name = net_carry_name(o->config.carry, f);
	const struct net_address to = net_address_make(f->target, 4);
	char text[NET_ADDRESS_TEXT_MAX];

	net_flows_set_state(o->config.flows, f, NET_FLOW_ASKING);
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		const struct net_flow *other = net_flows_at(o->config.flows, i);

		if (open_asks_the_same(other, f)) {
			net_flows_set_deadline(o->config.flows, f, other->deadline_ms);
			return;
		}
	}
	net_flows_set_deadline(o->config.flows, f, now_ms + o->config.ask_ms);
	net_address_format(&to, text);
	o->config.on_question(o->config.ctx, name ? name->text : text, f->port);
}

void net_open_resolved(struct net_open *o, const char *text, const struct net_names_answer *answer,
		       int64_t now_ms)
{
	struct net_name *name = net_names_find(o->config.names, text);
	int index;

	if (!name || name->status != NET_NAMES_ASKING)
		return;
	net_names_answer(name, answer, now_ms);
	index = net_names_index(o->config.names, name);
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		struct net_flow *f = net_flows_at(o->config.flows, i);

		if (f->state == NET_FLOW_RESOLVING && f->name == index)
			open_go_on(o, f, name, now_ms);
	}
}

void net_open_watch(struct net_open *o, bool watched, int64_t now_ms)
{
	o->watched = watched;
	for (size_t i = 0; i < NET_FLOW_MAX && !watched && net_flows_asking(o->config.flows); i++) {
		struct net_flow *f = net_flows_at(o->config.flows, i);

		if (f->state == NET_FLOW_ASKING)
			net_carry_refuse_waiting(o->config.carry, f,
						 "not listed, and nobody is there to ask", now_ms);
	}
}

/* A flow that is under way, or waits for its name. Connections allowed once stay. */
static void open_reconsider(struct net_open *o, struct net_flow *f, int64_t now_ms)
{
	if (f->state == NET_FLOW_FREE || f->state == NET_FLOW_ENDED ||
	    open_verdict(o, f, false) != NET_RULES_DENIED)
		return;
	if (f->state == NET_FLOW_RESOLVING)
		net_carry_refuse_waiting(o->config.carry, f,
					 net_rules_verdict_name(NET_RULES_DENIED), now_ms);
	else
		net_carry_cut(o->config.carry, f);
}

/* All that ask the same as `first` get the answer it gets: a decision for once is about the
 * question. */
static void open_answer_question(struct net_open *o, struct net_flow *first, int64_t now_ms)
{
	enum net_rules_verdict verdict = open_verdict(o, first, true);

	if (verdict != NET_RULES_ALLOW && verdict != NET_RULES_DENIED)
		return;
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		struct net_flow *f = net_flows_at(o->config.flows, i);

		if (!open_asks_the_same(f, first))
			continue;
		if (verdict == NET_RULES_ALLOW)
			net_open_allow(o, f, now_ms);
		else
			net_carry_refuse_waiting(o->config.carry, f,
						 net_rules_verdict_name(verdict), now_ms);
	}
	if (verdict == NET_RULES_ALLOW)
		net_open_allow(o, first, now_ms);
	else
		net_carry_refuse_waiting(o->config.carry, first, net_rules_verdict_name(verdict),
					 now_ms);
}

void net_open_rules_changed(struct net_open *o, int64_t now_ms)
{
	for (size_t i = 0; i < NET_FLOW_MAX; i++) {
		struct net_flow *f = net_flows_at(o->config.flows, i);

		if (f->state == NET_FLOW_ASKING)
			open_answer_question(o, f, now_ms);
		else
			open_reconsider(o, f, now_ms);
	}
}

struct net_open *net_open_new(const struct net_open_config *config)
{
	struct net_open *o = mem_alloc(sizeof(*o));

	o->config = *config;
	return o;
}

void net_open_free(struct net_open *o)
{
	free(o);
}
