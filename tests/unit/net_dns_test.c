/* areas: base net proto
 * DNS messages: questions of a guest, answers to it, answers it got. */
#include "unit/unit.h"

#include <stdio.h>

#include "net/net_dns.h"
#include "net/net_names.h"

#define HEAD	      "\x12\x34\1\0\0\1\0\0\0\0\0\0"
#define END	      "\0\0\1\0\1"
#define MESSAGE(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct {
	const char *what;
	const uint8_t *bytes;
	size_t n;
	int want;
	const char *name;
} queries[] = {
	{"a name", MESSAGE(HEAD "\4good\7example" END), NET_DNS_NOERROR, "good.example"},
	{"upper case", MESSAGE(HEAD "\4GOOD\7Example" END), NET_DNS_NOERROR, "good.example"},
	{"with EDNS", MESSAGE("\x12\x34\1\0\0\1\0\0\0\0\0\1\1a" END "\0\0\x29\x10\0\0\0\0\0\0\0"),
	 NET_DNS_NOERROR, "a"},
	{"AAAA", MESSAGE(HEAD "\1a\0\0\x1c\0\1"), NET_DNS_NOERROR, "a"},
	{"the root", MESSAGE(HEAD END), NET_DNS_NXDOMAIN, ""},
	{"NUL in a label", MESSAGE(HEAD "\3a\0b" END), NET_DNS_NXDOMAIN, "a?b"},
	{"a dot in a label", MESSAGE(HEAD "\3a.b" END), NET_DNS_NXDOMAIN, "a?b"},
	{"compression", MESSAGE(HEAD "\xc0\x0c\0\1\0\1"), NET_DNS_FORMERR, NULL},
	{"a loop behind a label", MESSAGE(HEAD "\1a\xc0\x0c\0\1\0\1"), NET_DNS_FORMERR, NULL},
	{"label of 64",
	 MESSAGE(HEAD "\x40"
		      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" END),
	 NET_DNS_FORMERR, NULL},
	{"cut name", MESSAGE(HEAD "\4goo"), NET_DNS_FORMERR, NULL},
	{"cut type", MESSAGE(HEAD "\1a\0\0"), NET_DNS_FORMERR, NULL},
	{"no question", MESSAGE("\x12\x34\1\0\0\0\0\0\0\0\0\0"), NET_DNS_FORMERR, NULL},
	{"two questions", MESSAGE("\x12\x34\1\0\0\2\0\0\0\0\0\0\1a" END "\1b" END), NET_DNS_FORMERR,
	 NULL},
	{"class CH", MESSAGE(HEAD "\1a\0\0\1\0\3"), NET_DNS_REFUSED, "a"},
	{"an update", MESSAGE("\x12\x34\x28\0\0\1\0\0\0\0\0\0\1a" END), NET_DNS_NOTIMP, NULL},
	{"an answer", MESSAGE("\x12\x34\x81\0\0\1\0\0\0\0\0\0\1a" END), -1, NULL},
	{"cut header", MESSAGE("\x12\x34\1\0\0\1\0\0\0\0\0"), -1, NULL},
	{"nothing", MESSAGE(""), -1, NULL},
};

static void test_queries(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		uint8_t *copy = mem_alloc(queries[i].n ? queries[i].n : 1),
			out[NET_DNS_MESSAGE_MAX];
		struct net_dns_question q;
		int got;

		memcpy(copy, queries[i].bytes, queries[i].n);
		got = net_dns_parse_query(&q, copy, queries[i].n);
		if (got != queries[i].want ||
		    (queries[i].name && strcmp(q.name, queries[i].name) != 0))
			fail_msg("%s: %d \"%s\"", queries[i].what, got, q.name);
		if (got >= 0) {
			size_t n = net_dns_write_answer(out, &q, copy, (enum net_dns_rcode)got,
							NULL, 0);

			assert_true(n >= 12 && n <= sizeof(out));
			assert_memory_equal(out, "\x12\x34", 2);
			assert_int_equal(out[3] & 15, got);
		}
		free(copy);
	}
}

static void test_longest_name(void **state)
{
	uint8_t query[512] = HEAD;
	struct net_dns_question q;
	size_t n = 12;

	(void)state;
	for (int i = 0; i < 3; i++, n += 64) {
		query[n] = 63;
		memset(query + n + 1, 'a', 63);
	}
	query[n] = 61;
	memset(query + n + 1, 'b', 61);
	memcpy(query + n + 62, END, 5);
	assert_int_equal(net_dns_parse_query(&q, query, n + 67), NET_DNS_NOERROR);
	assert_int_equal(strlen(q.name), NET_DNS_NAME_MAX);
	query[n] = 62;
	memset(query + n + 1, 'b', 62);
	memcpy(query + n + 63, END, 5);
	assert_int_equal(net_dns_parse_query(&q, query, n + 68), NET_DNS_FORMERR);
}

static void test_answers(void **state)
{
	static const char query[] = HEAD "\4good\7example" END;
	uint8_t out[NET_DNS_MESSAGE_MAX];
	const uint8_t address[4] = {198, 18, 0, 1};
	struct net_dns_question q;
	struct net_dns_addresses a;
	size_t n;

	(void)state;
	assert_int_equal(net_dns_parse_query(&q, (const uint8_t *)query, sizeof(query) - 1),
			 NET_DNS_NOERROR);
	n = net_dns_write_answer(out, &q, (const uint8_t *)query, NET_DNS_NOERROR, address, 60);
	assert_int_equal(n, sizeof(query) - 1 + 16);
	assert_memory_equal(out, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
	assert_memory_equal(out + n - 16, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc6\x12\0\1", 16);
	/* And it reads its own. */
	assert_true(net_dns_parse_answer(&a, out, n));
	assert_int_equal(a.n, 1);
	assert_string_equal(a.name, "good.example");
	assert_memory_equal(a.address[0], address, 4);
	for (size_t cut = 0; cut < n; cut++)
		assert_false(net_dns_parse_answer(&a, out, cut));
	/* A pointer that points at itself is stepped over, as any. */
	out[n - 15] = (uint8_t)(n - 16);
	assert_true(net_dns_parse_answer(&a, out, n));
}

static void test_names(void **state)
{
	struct net_names *n = net_names_new();
	uint8_t first[4], again[4], other[4];
	struct net_name *name;
	char text[64];

	(void)state;
	name = net_names_intern(n, "a.example", 1);
	net_names_address(name, first);
	net_names_address(net_names_intern(n, "b.example", 2), other);
	net_names_address(net_names_intern(n, "a.example", 3), again);
	assert_memory_equal(first, again, 4);
	assert_memory_not_equal(first, other, 4);
	assert_string_equal(net_names_by_address(n, first, 4)->text, "a.example");
	assert_null(net_names_by_address(n, (const uint8_t[]){198, 19, 0, 1}, 4));
	assert_null(net_names_by_address(n, (const uint8_t[]){198, 20, 0, 1}, 4));
	/* More than there is room for: what is held on to stays, and no address comes back soon. */
	net_names_find(n, "a.example")->uses = 1;
	for (int i = 0; i < 3 * NET_NAMES_MAX; i++) {
		snprintf(text, sizeof(text), "n%d.example", i);
		net_names_address(net_names_intern(n, text, 10 + i), again);
		assert_true(memcmp(again, first, 4) != 0 && memcmp(again, other, 4) != 0);
		assert_true(net_names_is_synthetic(again));
	}
	assert_string_equal(net_names_by_address(n, first, 5)->text, "a.example");
	assert_null(net_names_find(n, "b.example"));
	assert_null(net_names_by_address(n, other, 5));
	net_names_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_longest_name),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
