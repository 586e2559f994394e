#include "ctl/egress_check.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/number.h"
#include "conf/conf.h"
#include "conf/egress_entry.h"
#include "ctl/ctl.h"
#include "net/net_reach.h"
#include "proto/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_PORT 443

void egress_check_fini(struct egress_check *c)
{
	net_rules_fini(&c->rules);
}

void egress_check_add(struct egress_check *c, const char *rule, const char *entry, const char *from)
{
	int64_t port;

	if (strcmp(rule, "open") == 0)
		c->open = true;
	else if (strcmp(rule, "no-host-loopback") == 0)
		c->no_loopback = true;
	else if (strcmp(rule, "link-local") == 0)
		c->link_local = true;
	else if (strcmp(rule, "port") == 0)
		net_rules_add_port(&c->rules,
				   number_parse(entry, 1, 65535, &port) ? (uint16_t)port : 0);
	else if (strcmp(from, "session") == 0)
		net_rules_decide(&c->rules, entry, strcmp(rule, "allow") == 0, NET_RULES_SESSION,
				 0);
	else
		net_rules_add(&c->rules, entry);
}

int egress_check_configuration(struct egress_check *c, struct err *e)
{
	struct conf conf;
	int rc = ctl_load_conf(&conf, e);

	c->open = conf.egress_allowlist.n == 0;
	c->no_loopback = !conf.host_loopback;
	c->link_local = conf.link_local;
	for (size_t i = 0; i < conf.egress_ports.n; i++)
		egress_check_add(c, "port", conf.egress_ports.v[i], "configuration");
	for (size_t i = 0; i < conf.egress_allowlist.n; i++)
		egress_check_add(c, "allow", conf.egress_allowlist.v[i], "configuration");
	conf_fini(&conf);
	return rc;
}

/* What the options say of an address, whatever is listed. NULL: nothing against it. */
static const char *check_address(struct egress_check *c, const struct net_address *a)
{
	struct err e;
	struct net_reach *reach = net_reach_new(!c->no_loopback, c->link_local, &e);
	const struct net_rules_place place = {.is_host = reach && net_reach_is_host(reach, a),
					      .host_loopback = !c->no_loopback,
					      .link_local = c->link_local};
	const char *refusal = !reach	? NULL
			      : c->open ? net_reach_refusal(reach, a, NET_REACH_FRESH)
					: net_rules_refuses_listed(&c->rules, a, place);

	net_reach_free(reach);
	return refusal;
}

/* NULL: allowed. */
static const char *check_refusal(struct egress_check *c, const struct net_rules_entry *t,
				 uint16_t port)
{
	const bool address = t->kind == NET_RULES_NETWORK;
	enum net_rules_verdict v;

	if (c->no_loopback && address && strcmp(t->name, NAME_GUEST_GATEWAY) == 0)
		return "hostLoopback is false";
	if (c->open)
		return address ? check_address(c, &t->network) : NULL;
	v = address ? net_rules_check_address(&c->rules, &t->network, port)
		    : net_rules_check_name(&c->rules, t->name, port);
	if (v != NET_RULES_ALLOW)
		return net_rules_verdict_name(v);
	return address ? check_address(c, &t->network) : NULL;
}

static void check_print_json(const struct net_rules_entry *t, uint16_t port, bool allowed,
			     const char *reason)
{
	AUTO_BUF struct buf out = {0};

	json_begin(&out);
	json_add_string(&out, "name", t->name);
	json_add_int(&out, "port", port);
	json_add_bool(&out, "allowed", allowed);
	json_add_string(&out, "reason", reason);
	json_end(&out);
	printf("%s\n", buf_text(&out));
}

int egress_check_print(struct egress_check *c, const char *target, bool json, struct err *e)
{
	AUTO_FREE char *normal = egress_target_normalise(target, e);
	const char *refusal, *reason;
	struct net_rules_entry t;
	uint16_t port;

	if (!normal)
		return err_exit_code(e, ERR_EXIT_POLICY);
	if (!net_rules_parse(&t, normal) || t.kind == NET_RULES_WILDCARD || strchr(t.name, '/'))
		return err_set(e, "invalid host name or address \"%.100s\"", target);
	port = t.port ? t.port : CHECK_PORT;
	refusal = check_refusal(c, &t, port);
	reason = refusal   ? refusal
		 : c->open ? "egress is open"
			   : net_rules_verdict_name(NET_RULES_ALLOW);
	if (json)
		check_print_json(&t, port, !refusal, reason);
	else
		printf("%s:%u: %s%s\n", t.name, port, !refusal && c->open ? "allowed, " : "",
		       reason);
	return refusal ? 1 : 0;
}
