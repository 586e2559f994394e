/* areas: base net proto
 * Whose an address is, as the kernel of this machine says; and its answers, also ones that it
 * never gives. */
#include "unit/unit.h"

#include "net/net_reach.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static struct net_address address(const char *text)
{
	struct net_address a;

	assert_true(net_address_parse(&a, text));
	return a;
}

static const struct {
	const char *address;
	bool host_loopback, link_local, refused;
} rows[] = {
	{"127.0.0.1", true, false, false},	   {"127.0.0.1", false, true, true},
	{"127.255.0.9", false, true, true},	   {"::1", false, true, true},
	{"64:ff9b::7f00:1", false, true, true},	   {"2002:7f00:1::5", false, true, true},
	{"169.254.169.254", true, false, true},	   {"169.254.0.1", true, false, true},
	{"169.253.255.255", true, false, false},   {"fe80::1", true, false, true},
	{"64:ff9b::a9fe:a9fe", true, false, true}, {"168.63.129.16", true, false, true},
	{"168.63.129.16", true, true, false},	   {"100.100.100.200", true, false, true},
	{"192.0.0.192", true, false, true},	   {"fd00:ec2::254", true, false, true},
	{"fd20:ce::254", true, false, true},	   {"fd00:42::42", true, false, true},
	{"fd00:ec2::255", true, false, false},	   {"93.184.216.34", true, false, false},
	{"10.0.2.2", false, false, false}, /* the guest's own network: others see to it */
	{"fec0::2", false, false, false},
};

static void test_refusals(void **state)
{
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct net_reach *r = net_reach_new(rows[i].host_loopback, rows[i].link_local, &e);
		const struct net_address a = address(rows[i].address);

		assert_non_null(r);
		for (int64_t now = NET_REACH_FRESH; now < 1; now++) /* asked, and remembered */
			if ((net_reach_refusal(r, &a, now) != NULL) != rows[i].refused)
				fail_msg("%s, row %zu", rows[i].address, i);
		net_reach_free(r);
	}
}

struct answer {
	struct nlmsghdr header;
	union {
		struct rtmsg route;
		int error;
	};
};

static int parse(const struct answer *a, size_t len)
{
	uint8_t *copy = mem_alloc(len ? len : 1);
	int said;

	memcpy(copy, a, len);
	said = net_reach_parse(copy, len, 7);
	free(copy);
	return said;
}

static void test_answers(void **state)
{
	struct answer a = {
		.header = {.nlmsg_len = sizeof(a), .nlmsg_type = RTM_NEWROUTE, .nlmsg_seq = 7}};

	(void)state;
	for (unsigned type = 0; type < 20; type++) {
		a.route.rtm_type = (unsigned char)type;
		assert_int_equal(parse(&a, sizeof(a)),
				 type == RTN_LOCAL || type == RTN_ANYCAST || type == RTN_BROADCAST);
	}
	for (size_t n = 0; n < sizeof(a); n++)
		assert_int_equal(parse(&a, n), -1);
	a.header.nlmsg_seq = 8;
	assert_int_equal(parse(&a, sizeof(a)), -1);
	a.header.nlmsg_seq = 7;
	a.header.nlmsg_len = 3;
	assert_int_equal(parse(&a, sizeof(a)), -1);
	a.header.nlmsg_len = sizeof(a.header) + 4;
	assert_int_equal(parse(&a, sizeof(a)), -1);
	a.header.nlmsg_type = NLMSG_ERROR;
	a.error = -ENETUNREACH;
	assert_int_equal(parse(&a, sizeof(a)), 0);
	a.error = -ENOBUFS; /* it cannot be found out */
	assert_int_equal(parse(&a, sizeof(a)), 1);
	a.header.nlmsg_type = RTM_NEWLINK;
	assert_int_equal(parse(&a, sizeof(a)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusals),
					   cmocka_unit_test(test_answers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
