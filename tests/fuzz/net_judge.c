/* areas: base net proto
 * The verdicts on a guest's bytes, each from any input. The first byte says which verdict, the
 * second holds what the rest of the world would say. A verdict is the same the second time, changes
 * no rule, has its reason, and lets through nothing but what is listed: checked here against the
 * list itself. */
#include "fuzz/fuzz.h"

#include "net/net_http.h"
#include "net/net_judge.h"
#include "net/net_names.h"
#include "net/net_plan.h"

#include <stdlib.h>
#include <string.h>

/* Bits of the second byte. */
#define IS_HOST	      1
#define HOST_LOOPBACK 2
#define LINK_LOCAL    4
#define MAY_ASK	      8
#define NAMED	      16
#define UDP	      32
#define ENDED	      64
#define DECIDED	      128

static const char *const names[] = {"good.example", "evil.example", "api.anthropic.com",
				    "denied.example"};
static const uint16_t ports[] = {443, 80, 22, 53};
static const uint8_t gateway[4] = {NET_PLAN_GATEWAY4}, resolver[4] = {NET_PLAN_RESOLVER4};

static struct net_rules rules;

static void make_rules(bool decided)
{
	net_rules_init(&rules);
	net_rules_add(&rules, "good.example");
	net_rules_add(&rules, "10.0.0.0/8");
	net_rules_add(&rules, "93.184.216.34");
	net_rules_add(&rules, "2001:db8::/32");
	net_rules_add_port(&rules, 443);
	net_rules_add_port(&rules, 80);
	if (!decided)
		return;
	net_rules_decide(&rules, "denied.example", false, NET_RULES_SESSION, 1);
	net_rules_decide(&rules, "evil.example", true, NET_RULES_ONCE, 1);
}

static struct net_rules_place place_of(uint8_t world)
{
	return (struct net_rules_place){.is_host = world & IS_HOST,
					.host_loopback = world & HOST_LOOPBACK,
					.link_local = world & LINK_LOCAL};
}

static void check_ipv6(const struct net_frame *f)
{
	const struct net_judge_verdict v = net_judge_ipv6(&rules, f);
	static const uint8_t listed[4] = {0x20, 0x01, 0x0d, 0xb8};

	MUST(v.reason && (v.act == NET_JUDGE_PASS || v.act == NET_JUDGE_REFUSE));
	if (v.act == NET_JUDGE_REFUSE)
		return;
	MUST(f->has_transport && memcmp(f->dst, listed, 4) == 0 &&
	     (f->dst_port == 443 || f->dst_port == 80));
	MUST(f->proto != NET_FRAME_PROTO_UDP || f->dst_port == 80);
}

static void check_segment(const struct net_frame *f, const uint32_t *isn)
{
	const enum net_judge_segment what = net_judge_segment(f, isn);

	MUST((what == NET_JUDGE_SEGMENT_DROP) == (net_judge_is_syn(f) && f->payload_len > 0));
	if (what == NET_JUDGE_SEGMENT_FIRST || what == NET_JUDGE_SEGMENT_AGAIN)
		MUST(net_judge_is_syn(f) && !f->payload_len &&
		     (isn != NULL) == (what == NET_JUDGE_SEGMENT_AGAIN));
	MUST(what != NET_JUDGE_SEGMENT_NEXT || isn);
	MUST(what != NET_JUDGE_SEGMENT_STRAY || !isn);
}

static void check_frame(uint8_t world, const uint8_t *bytes, size_t len)
{
	const char *reason = NULL;
	const uint32_t isn = 7;
	struct net_frame f;
	enum net_judge_way way;

	net_frame_parse(&f, bytes, len);
	if (f.fault != NET_FRAME_OK)
		return; /* net_filter drops it */
	way = net_judge_frame(&f, world & MAY_ASK, &reason);
	if (way == NET_JUDGE_UNCARRIED || way == NET_JUDGE_REFUSED)
		MUST(reason);
	if (way == NET_JUDGE_NEIGHBOUR && f.layer == NET_FRAME_ARP)
		MUST(memcmp(f.dst, gateway, 4) == 0 || memcmp(f.dst, resolver, 4) == 0);
	else if (way == NET_JUDGE_NEIGHBOUR)
		MUST(f.proto == NET_FRAME_PROTO_ICMPV6 && world & MAY_ASK);
	if (way == NET_JUDGE_IPV6)
		check_ipv6(&f);
	if (way != NET_JUDGE_TCP && way != NET_JUDGE_UDP && way != NET_JUDGE_TO_RESOLVER)
		return;
	MUST(f.layer == NET_FRAME_IPV4 && f.has_transport && !f.is_fragment && !f.has_extras);
	MUST((memcmp(f.dst, resolver, 4) == 0) == (way == NET_JUDGE_TO_RESOLVER));
	MUST(way != NET_JUDGE_UDP || f.proto == NET_FRAME_PROTO_UDP);
	if (way == NET_JUDGE_TCP) {
		check_segment(&f, NULL);
		check_segment(&f, &isn);
	}
}

static void check_question(const uint8_t *bytes, size_t len)
{
	struct net_dns_question q;
	enum net_dns_rcode rcode = NET_DNS_NOERROR;

	if (net_judge_question(&q, &rcode, bytes, len) != NET_JUDGE_QUESTION_NAME)
		return;
	MUST(rcode == NET_DNS_NOERROR && q.type == NET_DNS_TYPE_A && q.name[0] && q.end <= len);
	MUST(strspn(q.name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(q.name));
}

static void check_passed(const struct net_judge_wish *w, bool decided)
{
	const bool once = decided && w->name && strcmp(w->name, "evil.example") == 0;

	MUST(w->port == 443 || w->port == 80);
	MUST(w->proto != NET_FRAME_PROTO_UDP || w->port != 443);
	if (w->name) {
		MUST(once || strcmp(w->name, "good.example") == 0 ||
		     strcmp(w->name, "api.anthropic.com") == 0);
		return;
	}
	MUST(w->to.bytes[0] == 10 || w->to.bytes[0] == 93);
	MUST(!net_names_is_synthetic(w->to.bytes) && memcmp(w->to.bytes, gateway, 4) != 0);
	MUST(!w->place.is_host || w->place.host_loopback);
}

static void check_wish(uint8_t world, const uint8_t *bytes, size_t len)
{
	struct net_judge_wish w = {.proto = world & UDP ? NET_FRAME_PROTO_UDP : NET_FRAME_PROTO_TCP,
				   .place = place_of(world),
				   .may_ask = world & MAY_ASK};
	struct net_judge_verdict v, again;
	const char *reason;

	if (len < 5)
		return;
	w.to = net_address_make(bytes, 4);
	w.port = ports[bytes[4] % 4];
	w.name = world & NAMED ? names[bytes[4] / 4 % 4] : NULL;
	v = net_judge_first(&rules, &w);
	again = net_judge_first(&rules, &w);
	MUST(v.act == again.act && v.reason == again.reason && v.by_rules == again.by_rules);
	MUST(v.reason && v.act != NET_JUDGE_WAIT);
	if (v.act == NET_JUDGE_ASK)
		MUST(w.may_ask && w.proto == NET_FRAME_PROTO_TCP &&
		     net_judge_rules(&rules, &w) != NET_RULES_DENIED);
	if (v.act == NET_JUDGE_PASS)
		check_passed(&w, world & DECIDED);
	reason = net_judge_result(&rules, &w.to, w.place);
	MUST(!reason == net_rules_accepts_result(&rules, &w.to, w.place));
}

static void check_beginning(uint8_t world, const uint8_t *bytes, size_t len)
{
	const uint16_t port = world & UDP ? NET_PLAN_HTTP : NET_PLAN_HTTPS;
	char said[NET_TLS_NAME_MAX + 1], name[NET_TLS_NAME_MAX + 1];
	const struct net_judge_verdict v = net_judge_beginning(port, "good.example", bytes, len,
							       world & ENDED, said);
	const struct net_judge_verdict half = net_judge_beginning(port, "good.example", bytes,
								  len / 2, false, name);

	/* More bytes never take back a verdict. */
	MUST(half.act == NET_JUDGE_WAIT || half.act == v.act);
	MUST(v.act != NET_JUDGE_ASK && (v.act != NET_JUDGE_REFUSE || v.reason));
	MUST(v.act != NET_JUDGE_WAIT || !(world & ENDED));
	if (v.act != NET_JUDGE_PASS)
		return;
	MUST((port == NET_PLAN_HTTP ? net_http_host(bytes, len, name)
				    : net_tls_server_name(bytes, len, name)) == NET_SNIFF_FOUND);
	MUST(strcmp(name, "good.example") == 0 && strcmp(said, name) == 0);
	MUST(net_judge_beginning(port, NULL, bytes, len, false, said).act == NET_JUDGE_REFUSE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t entries, decisions;
	uint8_t *copy;

	if (size < 2)
		return 0;
	make_rules(data[1] & DECIDED);
	entries = rules.n;
	decisions = rules.ndecisions;
	copy = malloc(size > 2 ? size - 2 : 1); /* exact: ASan sees a read past the end */
	MUST(copy);
	memcpy(copy, data + 2, size - 2);
	if (data[0] % 4 == 0)
		check_frame(data[1], copy, size - 2);
	else if (data[0] % 4 == 1)
		check_question(copy, size - 2);
	else if (data[0] % 4 == 2)
		check_wish(data[1], copy, size - 2);
	else
		check_beginning(data[1], copy, size - 2);
	MUST(rules.n == entries && rules.ndecisions == decisions);
	free(copy);
	net_rules_fini(&rules);
	return 0;
}
