/* areas: base net proto
 * What an allowlist means: entries, ports, decisions of the user, addresses that names may
 * resolve to. */
#include "unit/unit.h"

#include <stdio.h>

#include "net/net_rules.h"

static const struct {
	const char *text;
	const char *formatted; /* NULL: refused */
	enum net_rules_kind kind;
} entries[] = {
	{"example.com", "example.com", NET_RULES_NAME},
	{"*.example.com", "*.example.com", NET_RULES_WILDCARD},
	{"example.com:8443", "example.com:8443", NET_RULES_NAME},
	{"192.0.2.7", "192.0.2.7", NET_RULES_NETWORK},
	{"192.0.2.7:22", "192.0.2.7:22", NET_RULES_NETWORK},
	{"10.0.0.0/8", "10.0.0.0/8", NET_RULES_NETWORK},
	{"10.0.0.0/8:80", "10.0.0.0/8:80", NET_RULES_NETWORK},
	{"2001:db8::/32", "2001:db8::/32", NET_RULES_NETWORK},
	{"[2001:db8::1]:443", "[2001:db8::1]:443", NET_RULES_NETWORK},
	{"[2001:db8::1]", "2001:db8::1", NET_RULES_NETWORK},
	{"", NULL, 0},
	{":443", NULL, 0},
	{"a.example:0", NULL, 0},
	{"a.example:65536", NULL, 0},
	{"a.example:4x", NULL, 0},
	{"A.example", NULL, 0},
	{"a*.example", NULL, 0},
	{"*.*.example", NULL, 0},
	{"a b.example", NULL, 0},
	{"\"a\".example", NULL, 0},
	{"10.0.0.0/33", NULL, 0},
	{"[2001:db8::1", NULL, 0},
	{"[2001:db8::1]x", NULL, 0},
};

static void test_entries(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		struct net_rules_entry e;
		char text[300];
		bool ok = net_rules_parse(&e, entries[i].text);

		if (ok != (entries[i].formatted != NULL))
			fail_msg("\"%s\" is %s", entries[i].text, ok ? "taken" : "refused");
		if (!ok)
			continue;
		net_rules_format(&e, text, sizeof(text));
		assert_string_equal(text, entries[i].formatted);
		assert_int_equal(e.kind, entries[i].kind);
	}
}

static const struct {
	const char *target; /* NAME or ADDRESS */
	uint16_t port;
	enum net_rules_verdict want;
} checks[] = {
	{"good.example", 443, NET_RULES_ALLOW},
	{"good.example", 8443, NET_RULES_ALLOW},
	{"good.example", 80, NET_RULES_PORT_CLOSED},
	{"xgood.example", 443, NET_RULES_NOT_LISTED},
	{"good.example.evil", 443, NET_RULES_NOT_LISTED},
	{"a.wild.example", 443, NET_RULES_ALLOW},
	{"a.b.wild.example", 443, NET_RULES_ALLOW},
	{"wild.example", 443, NET_RULES_NOT_LISTED},
	{"awild.example", 443, NET_RULES_NOT_LISTED},
	{"ssh.example", 22, NET_RULES_ALLOW},
	{"ssh.example", 443, NET_RULES_PORT_CLOSED},
	{"api.anthropic.com", 443, NET_RULES_ALLOW},
	{"api.anthropic.com", 8443, NET_RULES_ALLOW},
	{"api.anthropic.com", 80, NET_RULES_PORT_CLOSED},
	{"x.api.anthropic.com", 443, NET_RULES_NOT_LISTED},
	{"10.1.2.3", 443, NET_RULES_ALLOW},
	{"10.2.0.1", 443, NET_RULES_ALLOW},
	{"10.0.2.2", 443,
	 NET_RULES_NOT_LISTED}, /* the guest's own network is not meant by 10.0.0.0/8 */
	{"11.0.0.1", 443, NET_RULES_NOT_LISTED},
	{"2001:db8::9", 443, NET_RULES_ALLOW},
	{"2001:db9::9", 443, NET_RULES_NOT_LISTED},
};

static enum net_rules_verdict check(struct net_rules *r, const char *target, uint16_t port,
				    bool use)
{
	struct net_address a;
	const bool literal = net_address_parse(&a, target);
	const enum net_rules_verdict verdict = literal ? net_rules_check_address(r, &a, port)
						       : net_rules_check_name(r, target, port);

	if (use)
		net_rules_use(r, literal ? NULL : target, &a, port);
	return verdict;
}

static void make(struct net_rules *r)
{
	static const char *const list[] = {"good.example", "*.wild.example", "ssh.example:22",
					   "10.0.0.0/8", "2001:db8::/32"};

	net_rules_init(r);
	net_rules_add_port(r, 443);
	net_rules_add_port(r, 8443);
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		assert_true(net_rules_add(r, list[i]));
}

static void test_checks(void **state)
{
	struct net_rules r;

	(void)state;
	make(&r);
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		enum net_rules_verdict got = check(&r, checks[i].target, checks[i].port, true);

		if (got != checks[i].want)
			fail_msg("%s:%u is %s", checks[i].target, checks[i].port,
				 net_rules_verdict_name(got));
	}
	assert_true(net_rules_has_ipv6(&r));
	net_rules_fini(&r);
}

static void test_nothing_is_listed(void **state)
{
	struct net_rules r;

	(void)state;
	net_rules_init(&r);
	assert_int_equal(check(&r, "good.example", 443, true), NET_RULES_NOT_LISTED);
	assert_int_equal(check(&r, "1.2.3.4", 443, true), NET_RULES_NOT_LISTED);
	assert_int_equal(check(&r, "api.anthropic.com", 443, true), NET_RULES_ALLOW);
	net_rules_fini(&r);
}

static void test_decisions(void **state)
{
	struct net_rules r;

	(void)state;
	make(&r);
	/* The newest decision counts, and overrides the list. */
	assert_true(net_rules_decide(&r, "evil.example", true, NET_RULES_SESSION, 1000));
	assert_int_equal(check(&r, "evil.example", 443, true), NET_RULES_ALLOW);
	/* the listed ports */
	assert_int_equal(check(&r, "evil.example", 80, true), NET_RULES_NOT_LISTED);
	assert_true(net_rules_decide(&r, "evil.example", false, NET_RULES_SESSION, 1000));
	assert_int_equal(check(&r, "evil.example", 443, true), NET_RULES_DENIED);
	assert_true(net_rules_decide(&r, "good.example", false, NET_RULES_SESSION, 1000));
	/* a denial is for all ports */
	assert_int_equal(check(&r, "good.example", 80, true), NET_RULES_DENIED);
	/* For one port, once: looking does not use it up. */
	assert_true(net_rules_decide(&r, "other.example:80", true, NET_RULES_ONCE, 1000));
	assert_int_equal(check(&r, "other.example", 80, false), NET_RULES_ALLOW);
	assert_int_equal(check(&r, "other.example", 443, true), NET_RULES_NOT_LISTED);
	assert_int_equal(check(&r, "other.example", 80, true), NET_RULES_ALLOW);
	assert_int_equal(check(&r, "other.example", 80, true), NET_RULES_NOT_LISTED);
	for (int i = 0; i < NET_RULES_DECISIONS_MAX + 10; i++) {
		char name[64];

		snprintf(name, sizeof(name), "n%d.example", i);
		assert_true(net_rules_decide(&r, name, true, NET_RULES_SESSION, 1000));
	}
	assert_int_equal(r.ndecisions, NET_RULES_DECISIONS_MAX);
	net_rules_fini(&r);
}

static const struct {
	const char *address;
	const char *listed; /* or NULL */
	bool option, want;  /* hostLoopback, or linkLocal */
} results[] = {
	{"93.184.216.34", NULL, false, true},
	{"10.1.2.3", NULL, true, false},
	{"10.1.2.3", "10.1.0.0/16", false, true},
	{"10.1.2.3", "10.2.0.0/16", false, false},
	{"172.16.0.1", NULL, true, false},
	{"172.32.0.1", NULL, false, true},
	{"192.168.0.1", "192.168.0.1", false, true},
	{"127.0.0.1", NULL, true, false},
	{"127.0.0.1", "127.0.0.0/8", true, false},
	{"127.0.0.1", "127.0.0.1", true, true},
	{"127.0.0.1", "127.0.0.1", false, false},
	/* The host's own address, in these tests. */
	{"93.184.216.99", NULL, true, false},
	{"93.184.216.99", "93.184.216.0/24", true, false},
	{"93.184.216.99", "93.184.216.99", true, true},
	{"93.184.216.99", "93.184.216.99", false, false},
	{"169.254.169.254", NULL, true, false},
	{"169.254.169.254", "169.254.169.254", false, false},
	{"169.254.169.254", "169.254.169.254", true, true},
	{"169.254.169.254", "169.254.0.0/16", true, true},
	{"168.63.129.16", NULL, true, false},
	{"168.63.129.16", "168.63.129.16", false, false},
	{"168.63.129.16", "168.63.129.16", true, true},
	{"100.100.100.200", "100.64.0.0/10", false, false},
	{"192.0.0.192", NULL, true, false},
	{"fd00:ec2::254", "fd00::/8", false, false},
	{"fd20:ce::254", "fd00::/8", false, false},
	{"100.64.0.1", NULL, true, false},
	{"100.128.0.1", NULL, false, true},
	{"0.0.0.0", "0.0.0.0/0", true, false},
	{"224.0.0.1", "224.0.0.0/4", true, false},
	{"255.255.255.255", "0.0.0.0/0", true, false},
	{"198.18.0.1", "198.18.0.0/15", true, false},
	{"10.0.2.2", "10.0.2.2", true, false},
	{"10.0.2.2", "10.0.0.0/8", true, false},
	{"::1", NULL, true, false},
	{"::ffff:127.0.0.1", "::/0", true, false},
	{"64:ff9b::7f00:1", "::/0", true, false},
	{"fd00::1", NULL, true, false},
	{"fe80::1", NULL, true, false},
	{"2606:2800::1", NULL, false, true},
};

static void test_results(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		struct net_rules_place place;
		struct net_rules r;
		struct net_address a;

		net_rules_init(&r);
		assert_true(net_address_parse(&a, results[i].address));
		if (results[i].listed)
			assert_true(net_rules_add(&r, results[i].listed));
		place = (struct net_rules_place){
			.is_host = strcmp(results[i].address, "93.184.216.99") == 0 ||
				   net_address_scope(&a) == NET_ADDRESS_LOOPBACK,
			.host_loopback = results[i].option,
			.link_local = results[i].option};
		if (net_rules_accepts_result(&r, &a, place) != results[i].want)
			fail_msg("%s with %s listed", results[i].address,
				 results[i].listed ? results[i].listed : "nothing");
		net_rules_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),		  cmocka_unit_test(test_checks),
		cmocka_unit_test(test_nothing_is_listed), cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
