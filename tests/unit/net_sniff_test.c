/* areas: base net proto
 * What a stream begins with: the server name of a ClientHello, the host of a request; and the
 * text of a refusal. */
#include "unit/unit.h"

#include "net/net_http.h"
#include "net/net_tls.h"

#include <stdio.h>

static const char *const sniff_name[] = {"more", "found", "none", "bad", "ech"};

/* ---- ClientHello, made piece by piece ---- */

struct hello {
	uint8_t bytes[4096];
	size_t n;
};

static void put(struct hello *h, const void *bytes, size_t n)
{
	memcpy(h->bytes + h->n, bytes, n);
	h->n += n;
}

static void put16(struct hello *h, size_t value)
{
	put(h, (const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put_name_extension(struct hello *h, const char *name, size_t n, uint8_t type)
{
	put16(h, 0);
	put16(h, n + 5);
	put16(h, n + 3);
	put(h, &type, 1);
	put16(h, n);
	put(h, name, n);
}

/* A handshake message with these extensions in a record. */
static void wrap(struct hello *out, const struct hello *extensions, size_t record_max)
{
	struct hello m = {.n = 0};
	uint8_t zeros[34] = {3, 3};
	size_t body;

	put(&m, "\1\0", 2);
	body = 34 + 1 + 2 + 2 + 2 + (extensions ? 2 + extensions->n : 0);
	put16(&m, body);
	put(&m, zeros, 34);
	put(&m, "\0\0\2\x13\1\1\0", 7);
	if (extensions) {
		put16(&m, extensions->n);
		put(&m, extensions->bytes, extensions->n);
	}
	out->n = 0;
	for (size_t at = 0; at < m.n; at += record_max) {
		size_t n = m.n - at < record_max ? m.n - at : record_max;

		put(out, "\x16\3\1", 3);
		put16(out, n);
		put(out, m.bytes + at, n);
	}
}

static void expect(const char *what, const struct hello *h, size_t n, enum net_sniff want,
		   const char *name)
{
	char got_name[NET_TLS_NAME_MAX + 1] = "";
	uint8_t *copy = mem_alloc(n ? n : 1); /* exact, so that a byte too many is seen */
	enum net_sniff got;

	memcpy(copy, h->bytes, n);
	got = net_tls_server_name(copy, n, got_name);
	free(copy);
	if (got != want || (want == NET_SNIFF_FOUND && strcmp(got_name, name) != 0))
		fail_msg("%s, %zu bytes: %s \"%s\" instead of %s", what, n, sniff_name[got],
			 got_name, sniff_name[want]);
}

/* The extension that hides another ClientHello, and those of its drafts; with a name beside it
 * or without, in front or behind. */
static void test_encrypted_hello(void **state)
{
	static const uint16_t types[] = {0xfe0d, 0xfe08, 0xfe0c, 0xffce};
	static const uint16_t others[] = {0xfe0e, 0xfe07, 0xffcd, 0xff01, 0x0a0a};
	struct hello e, h;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types) * 3; i++) {
		e.n = 0;
		if (i % 3 == 1)
			put_name_extension(&e, "good.example", 12, 0);
		put16(&e, types[i / 3]);
		put16(&e, 4);
		put(&e, "\0\0\1\0", 4);
		if (i % 3 == 2)
			put_name_extension(&e, "good.example", 12, 0);
		wrap(&h, &e, 4000);
		expect("encrypted", &h, h.n, NET_SNIFF_ECH, NULL);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		e.n = 0;
		put16(&e, others[i]);
		put16(&e, 0);
		put_name_extension(&e, "good.example", 12, 0);
		wrap(&h, &e, 4000);
		expect("another extension", &h, h.n, NET_SNIFF_FOUND, "good.example");
	}
}

static void test_hello(void **state)
{
	struct hello h, e = {.n = 0};

	(void)state;
	put16(&e, 43);
	put16(&e, 3);
	put(&e, "\2\3\4", 3);
	put_name_extension(&e, "Good.Example", 12, 0);
	for (size_t record = 1; record <= 4096; record *= 3) {
		wrap(&h, &e, record);
		expect("whole", &h, h.n, NET_SNIFF_FOUND, "good.example");
		for (size_t n = 0; n < h.n; n++)
			expect("cut", &h, n, NET_SNIFF_MORE, NULL);
		memset(h.bytes + h.n, 0xee, 10);
		expect("with more behind it", &h, h.n + 10, NET_SNIFF_FOUND, "good.example");
	}
}

static void test_hello_strange(void **state)
{
	struct hello h, e = {.n = 0};

	(void)state;
	wrap(&h, NULL, 4096);
	expect("no extensions", &h, h.n, NET_SNIFF_NONE, NULL);
	wrap(&h, &e, 4096);
	expect("empty extensions", &h, h.n, NET_SNIFF_NONE, NULL);
	put_name_extension(&e, "a.example", 9, 0);
	put_name_extension(&e, "b.example", 9, 0);
	wrap(&h, &e, 4096);
	expect("two names", &h, h.n, NET_SNIFF_BAD, NULL);
	e.n = 0;
	put_name_extension(&e, "a.exa\0mple", 10, 0);
	wrap(&h, &e, 4096);
	expect("NUL in the name", &h, h.n, NET_SNIFF_BAD, NULL);
	e.n = 0;
	put_name_extension(&e, "a.example", 9, 1);
	wrap(&h, &e, 4096);
	expect("another type of name", &h, h.n, NET_SNIFF_BAD, NULL);
	e.n = 0;
	put_name_extension(&e, "", 0, 0);
	wrap(&h, &e, 4096);
	expect("empty name", &h, h.n, NET_SNIFF_BAD, NULL);
	e.n = 0;
	put_name_extension(&e, "a.example", 9, 0);
	e.bytes[8]++;
	wrap(&h, &e, 4096);
	expect("name beyond its list", &h, h.n, NET_SNIFF_BAD, NULL);
	e.bytes[8]--;
	wrap(&h, &e, 4096);
	h.bytes[5] = 2;
	expect("a ServerHello", &h, h.n, NET_SNIFF_BAD, NULL);
	h.bytes[5] = 1;
	h.bytes[0] = 0x17;
	expect("application data", &h, h.n, NET_SNIFF_BAD, NULL);
	h.bytes[0] = 0x16;
	h.bytes[1] = 2;
	expect("version 2", &h, h.n, NET_SNIFF_BAD, NULL);
	h.bytes[1] = 3;
	h.bytes[6] = 1; /* 64 KiB and more */
	expect("a huge message", &h, h.n, NET_SNIFF_BAD, NULL);
	memcpy(h.bytes, "\x16\3\1\0\4\1\0\0\0", 9);
	expect("an empty message", &h, 9, NET_SNIFF_BAD, NULL);
	memcpy(h.bytes, "\x16\3\1\0\0", 5);
	expect("an empty record", &h, 5, NET_SNIFF_BAD, NULL);
}

/* ---- HTTP ---- */

static const struct {
	const char *text;
	enum net_sniff want;
	const char *name;
} requests[] = {
	{"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n", NET_SNIFF_FOUND, "good.example"},
	{"POST /x?y HTTP/1.0\r\nA: b\r\nHOST:Good.Example.:80 \r\nC:\r\n\r\nbody", NET_SNIFF_FOUND,
	 "good.example"},
	{"GET http://good.example:80/x HTTP/1.1\r\nHost: good.example\r\n\r\n", NET_SNIFF_FOUND,
	 "good.example"},
	{"OPTIONS * HTTP/1.1\r\nHost: a.b\r\n\r\n", NET_SNIFF_FOUND, "a.b"},
	{"", NET_SNIFF_MORE, NULL},
	{"GET / HTTP/1.1\r\nHost: good.example\r\n\r", NET_SNIFF_MORE, NULL},
	{"GET / HTTP/1.1\r\n\r\n", NET_SNIFF_NONE, NULL},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET / HTTP/1.1\r\nHost: a.b\r\nHost: a.b\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET / HTTP/1.1\r\nHost : a.b\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET / HTTP/1.1\r\nA: b\r\n Host: c.d\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET / HTTP/1.1\nHost: a.b\n\n", NET_SNIFF_BAD, NULL},
	{"GET / HTTP/1.1\r\nHost: a.b\rX\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET / HTTP/1.1\r\nHost: user@a.b\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET / HTTP/1.1\r\nHost: a.b, c.d\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET / HTTP/1.1\r\nHost: a.b:8x\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET http://a.b@c.d/ HTTP/1.1\r\nHost: a.b\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET http://c.d/ HTTP/1.1\r\nHost: a.b\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET https://a.b/ HTTP/1.1\r\nHost: a.b\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"CONNECT a.b:443 HTTP/1.1\r\nHost: a.b\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET  / HTTP/1.1\r\nHost: a.b\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET / HTTP/2.0\r\nHost: a.b\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"GET /\r\nHost: a.b\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NET_SNIFF_BAD, NULL},
	{"\x16\x03\x01", NET_SNIFF_BAD, NULL},
	{"SSH-2.0-x\r\n", NET_SNIFF_BAD, NULL},
};

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		char name[NET_TLS_NAME_MAX + 1] = "";
		size_t n = strlen(requests[i].text);
		uint8_t *copy = mem_alloc(n ? n : 1);
		enum net_sniff got;

		memcpy(copy, requests[i].text, n);
		got = net_http_host(copy, n, name);
		if (got != requests[i].want ||
		    (requests[i].name && strcmp(name, requests[i].name) != 0))
			fail_msg("%s\n  is %s \"%s\"", requests[i].text, sniff_name[got], name);
		/* A shorter one is never something else than what the whole is. */
		for (size_t k = 0; k < n && requests[i].want == NET_SNIFF_FOUND &&
				   !strstr(requests[i].text, "body");
		     k++)
			assert_int_equal(net_http_host(copy, k, name), NET_SNIFF_MORE);
		free(copy);
	}
}

static void test_refusal(void **state)
{
	char out[NET_HTTP_REFUSAL_MAX], name[300];
	size_t n = net_http_refusal(out, "evil.example", 80, "not listed");
	const char *body = strstr(out, "\r\n\r\n") + 4;
	char length[64];

	(void)state;
	assert_int_equal(n, strlen(out));
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body));
	assert_non_null(strstr(out, length));
	assert_non_null(strstr(body, "evil.example, port 80: not listed"));
	assert_non_null(strstr(body, "ask the user"));
	memset(name, 'a', 299);
	name[299] = '\0';
	assert_true(net_http_refusal(out, name, 65535, name) < NET_HTTP_REFUSAL_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),	      cmocka_unit_test(test_encrypted_hello),
		cmocka_unit_test(test_hello_strange), cmocka_unit_test(test_requests),
		cmocka_unit_test(test_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
