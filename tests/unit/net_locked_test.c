/* areas: base net proto
 * The locked network without sockets: frames in, frames out. tests/host/test_egress.py does the
 * same against a whole ccvm-net; here is what is hard to bring about there. */
#include "unit/unit.h"

#include "net/net_dns.h"
#include "net/net_flow.h"
#include "net/net_locked.h"
#include "net/net_mini.h"
#include "net/net_packet.h"

#include <stdio.h>

struct world {
	struct net_rules rules;
	struct net_log *log;
	struct net_locked *locked;
	uint8_t to_guest[70000], to_slirp[70000]; /* the last frames */
	size_t to_guest_len, to_slirp_len;
	size_t nguest, nslirp, nresolve, nquestions;
	char resolving[300];
	int64_t now_ms;
	int fd_of[65536]; /* libslirp's socket for a port; 0: none */
	bool connects;	  /* and ignores resets */
	bool is_open[NET_FLOW_FD_END];
	size_t nsockets, naborted;
	uint8_t host[4]; /* the host's address */
};

static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56},
		     gateway_mac[6] = {0x52, 0x55, 10, 0, 2, 2};
static const uint8_t guest[4] = {10, 0, 2, 15}, resolver[4] = {10, 0, 2, 3},
		     good[4] = {93, 184, 216, 34};

/* Every frame that is made must be one, with checksums that are right. */
static void check_frame(const uint8_t *bytes, size_t len)
{
	struct net_frame f;
	uint32_t pseudo;

	net_frame_parse(&f, bytes, len);
	assert_int_equal(f.fault, NET_FRAME_OK);
	if (f.layer != NET_FRAME_IPV4)
		return;
	assert_int_equal(net_packet_sum(bytes + f.ip_at, f.transport_at - f.ip_at, 0), 0xffff);
	if (f.proto == NET_FRAME_PROTO_ICMP) {
		assert_int_equal(
			net_packet_sum(bytes + f.transport_at, f.ip_end - f.transport_at, 0),
			0xffff);
		return;
	}
	pseudo = net_packet_sum(f.src, 8,
				(uint32_t)f.proto + (uint32_t)(f.ip_end - f.transport_at));
	assert_int_equal(net_packet_sum(bytes + f.transport_at, f.ip_end - f.transport_at, pseudo),
			 0xffff);
}

static void on_guest(void *ctx, const uint8_t *frame, size_t len)
{
	struct world *w = ctx;

	check_frame(frame, len);
	memcpy(w->to_guest, frame, len);
	w->to_guest_len = len;
	w->nguest++;
}

/* A socket for each SYN and each new port of a datagram, until a reset. */
static void do_sockets(struct world *w, const struct net_frame *f)
{
	int *fd = &w->fd_of[f->src_port];
	const bool reset = f->proto == NET_FRAME_PROTO_TCP && f->tcp_flags & NET_FRAME_TCP_RST;
	const int old = *fd;

	if (reset && old && !w->connects) {
		*fd = 0;
		w->is_open[old] = false;
		w->nsockets--;
		net_locked_on_socket(w->locked, old, false);
	} else if (!reset && !old) {
		for (*fd = 3; w->is_open[*fd];)
			++*fd;
		w->is_open[*fd] = true;
		w->nsockets++;
		net_locked_on_socket(w->locked, *fd, true);
	}
}

static void on_slirp(void *ctx, const uint8_t *frame, size_t len)
{
	struct world *w = ctx;
	struct net_frame f;

	check_frame(frame, len);
	net_frame_parse(&f, frame, len);
	do_sockets(w, &f);
	memcpy(w->to_slirp, frame, len);
	w->to_slirp_len = len;
	w->nslirp++;
}

static void on_resolve(void *ctx, const char *name)
{
	struct world *w = ctx;

	strcpy(w->resolving, name);
	w->nresolve++;
}

static void on_abort_connect(void *ctx, int fd)
{
	struct world *w = ctx;

	assert_true(w->is_open[fd]);
	w->naborted++;
}

static bool on_is_host(void *ctx, const struct net_address *a)
{
	return memcmp(a->bytes, ((struct world *)ctx)->host, 4) == 0;
}

static void on_question(void *ctx, const char *name, uint16_t port)
{
	(void)name;
	(void)port;
	((struct world *)ctx)->nquestions++;
}

static struct world *world_new(void)
{
	struct world *w = mem_alloc(sizeof(*w));
	const struct net_locked_config config = {.rules = &w->rules,
						 .mtu = 1500,
						 .ctx = w,
						 .to_guest = on_guest,
						 .to_slirp = on_slirp,
						 .resolve = on_resolve,
						 .on_question = on_question,
						 .abort_connect = on_abort_connect,
						 .is_host = on_is_host,
						 .log = w->log = net_log_new()};

	net_rules_init(&w->rules);
	net_rules_add(&w->rules, "good.example");
	net_rules_add(&w->rules, "93.184.216.34");
	net_rules_add_port(&w->rules, 443);
	net_rules_add_port(&w->rules, 22);
	net_rules_add_port(&w->rules, 53);
	w->locked = net_locked_new(&config);
	w->now_ms = 1000;
	return w;
}

static void world_free(struct world *w)
{
	net_locked_free(w->locked);
	net_log_free(w->log);
	net_rules_fini(&w->rules);
	free(w);
}

static void send_frame(struct world *w, const uint8_t *bytes, size_t len)
{
	struct net_frame f;

	net_frame_parse(&f, bytes, len);
	assert_int_equal(f.fault, NET_FRAME_OK);
	net_locked_from_guest(w->locked, &f, w->now_ms);
}

static struct net_packet_ends ends_to(const uint8_t to[4], uint16_t from_port, uint16_t to_port)
{
	struct net_packet_ends e = {.from_port = from_port, .to_port = to_port};

	memcpy(e.from_mac, guest_mac, 6);
	memcpy(e.to_mac, gateway_mac, 6);
	memcpy(e.from, guest, 4);
	memcpy(e.to, to, 4);
	return e;
}

static void send_tcp(struct world *w, const uint8_t to[4], uint16_t from_port, uint16_t to_port,
		     const struct net_packet_tcp *t)
{
	const struct net_packet_ends e = ends_to(to, from_port, to_port);
	uint8_t frame[3000];

	send_frame(w, frame, net_packet_make_tcp(frame, &e, t));
}

static void send_syn(struct world *w, const uint8_t to[4], uint16_t from_port, uint16_t to_port)
{
	send_tcp(w, to, from_port, to_port,
		 &(struct net_packet_tcp){.seq = 100, .flags = NET_FRAME_TCP_SYN, .window = 1000});
}

static void lookup(struct world *w, const char *name, uint8_t address[4])
{
	const struct net_packet_ends e = ends_to(resolver, 5353, 53);
	uint8_t query[300] = "\1\2\1\0\0\1\0\0\0\0\0", frame[400];
	size_t n = 12;

	for (const char *p = name; *p;) {
		size_t k = strcspn(p, ".");

		query[n++] = (uint8_t)k;
		memcpy(query + n, p, k);
		n += k;
		p += k + (p[k] == '.');
	}
	memcpy(query + n, "\0\0\1\0\1", 5);
	send_frame(w, frame, net_packet_make_udp(frame, &e, query, n + 5));
	memcpy(address, w->to_guest + w->to_guest_len - 4, 4);
}

static void resolved(struct world *w, const char *name, const uint8_t address[4])
{
	struct net_names_answer a = {
		.n = address ? 1 : 0, .ttl = 10, .failure = address ? NULL : "it failed"};

	if (address)
		memcpy(a.address[0], address, 4);
	net_locked_resolved(w->locked, name, &a, w->now_ms);
}

static struct net_frame last_to_slirp(const struct world *w)
{
	struct net_frame f;

	net_frame_parse(&f, w->to_slirp, w->to_slirp_len);
	return f;
}

static struct net_frame last_to_guest(const struct world *w)
{
	struct net_frame f;

	net_frame_parse(&f, w->to_guest, w->to_guest_len);
	return f;
}

/* libslirp's answer to the last frame it was given. */
static void answer_from_slirp(struct world *w, const struct net_packet_tcp *t)
{
	const struct net_frame f = last_to_slirp(w);
	const struct net_packet_ends e = net_packet_answer_ends(&f);
	uint8_t frame[3000];

	net_locked_from_slirp(w->locked, frame, net_packet_make_tcp(frame, &e, t), w->now_ms);
}

static void test_rewriting(void **state)
{
	struct world *w = world_new();
	uint8_t address[4];
	struct net_frame f;

	(void)state;
	lookup(w, "good.example", address);
	send_syn(w, address, 40000, 22);
	assert_int_equal(w->nslirp, 0);
	assert_string_equal(w->resolving, "good.example");
	resolved(w, "good.example", good);
	assert_int_equal(w->nslirp, 1);
	f = last_to_slirp(w);
	assert_memory_equal(f.dst, good, 4);
	assert_memory_equal(f.src, guest, 4);
	assert_int_equal(f.dst_port, 22);
	answer_from_slirp(w,
			  &(struct net_packet_tcp){.seq = 500,
						   .ack = last_to_slirp(w).tcp_seq + 1,
						   .window = 8000,
						   .flags = NET_FRAME_TCP_SYN | NET_FRAME_TCP_ACK});
	f = last_to_guest(w);
	assert_memory_equal(f.src, address, 4);
	assert_int_equal(f.src_port, 22);
	assert_int_equal(f.dst_port, 40000);
	/* An odd length, too. */
	send_tcp(w, address, 40000, 22,
		 &(struct net_packet_tcp){.seq = 101,
					  .ack = 501,
					  .flags = NET_FRAME_TCP_ACK,
					  .data = "abc",
					  .len = 3});
	f = last_to_slirp(w);
	assert_memory_equal(f.bytes + f.payload_at, "abc", 3);
	/* The same ports of the guest to the literal address are another flow, although both end
	 * at one address. */
	send_syn(w, good, 40000, 22);
	assert_int_not_equal(last_to_slirp(w).src_port, f.src_port);
	assert_int_equal(net_locked_flows(w->locked), 2);
	world_free(w);
}

static void test_what_libslirp_may_not_say(void **state)
{
	struct world *w = world_new();
	struct net_packet_ends e;
	struct net_frame f;
	uint8_t frame[200];
	size_t before;

	(void)state;
	send_syn(w, good, 40000, 22);
	f = last_to_slirp(w);
	e = net_packet_answer_ends(&f);
	before = w->nguest;
	e.from_port = 23; /* from another port, then another address, then to another flow */
	net_locked_from_slirp(
		w->locked, frame,
		net_packet_make_tcp(frame, &e,
				    &(struct net_packet_tcp){.flags = NET_FRAME_TCP_ACK}),
		1);
	e.from_port = 22;
	e.from[3]++;
	net_locked_from_slirp(
		w->locked, frame,
		net_packet_make_tcp(frame, &e,
				    &(struct net_packet_tcp){.flags = NET_FRAME_TCP_ACK}),
		1);
	e.from[3]--;
	e.to_port++;
	net_locked_from_slirp(
		w->locked, frame,
		net_packet_make_tcp(frame, &e,
				    &(struct net_packet_tcp){.flags = NET_FRAME_TCP_ACK}),
		1);
	net_locked_from_slirp(w->locked, frame, net_packet_make_udp(frame, &e, "x", 1), 1);
	assert_int_equal(w->nguest, before);
	world_free(w);
}

static void test_failure_and_its_end(void **state)
{
	struct world *w = world_new();
	uint8_t address[4];

	(void)state;
	lookup(w, "good.example", address);
	send_syn(w, address, 40000, 22);
	resolved(w, "good.example", NULL);
	assert_true(last_to_guest(w).tcp_flags & NET_FRAME_TCP_RST);
	send_syn(w, address, 40001, 22);
	assert_int_equal(w->nresolve, 1); /* remembered for a moment */
	w->now_ms += 6000;
	send_syn(w, address, 40002, 22);
	assert_int_equal(w->nresolve, 2);
	/* Unexpected and late answers do no harm. */
	resolved(w, "never.example", good);
	resolved(w, "good.example", good);
	resolved(w, "good.example", NULL);
	assert_int_equal(net_locked_flows(w->locked), 1);
	world_free(w);
}

static void test_full_table(void **state)
{
	struct world *w = world_new();

	(void)state;
	for (unsigned i = 0; i < NET_FLOW_MAX; i++) {
		w->now_ms += 2;
		send_syn(w, good, (uint16_t)(2000 + i), 22);
	}
	assert_int_equal(net_locked_flows(w->locked), NET_FLOW_MAX);
	send_syn(w, good, 60000, 22);
	assert_true(last_to_guest(w).tcp_flags & NET_FRAME_TCP_RST);
	/* One that was silent for a minute makes room, and both its ends are notified. */
	w->now_ms += 60001;
	send_syn(w, good, 60001, 22);
	assert_int_equal(last_to_slirp(w).tcp_flags, NET_FRAME_TCP_SYN);
	assert_int_equal(last_to_guest(w).dst_port, 2000);
	assert_int_equal(net_locked_flows(w->locked), NET_FLOW_MAX);
	world_free(w);
}

static void test_rates(void **state)
{
	struct world *w = world_new();
	uint8_t address[4];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		send_syn(w, good, (uint16_t)(2000 + i), 22);
		send_tcp(w, good, (uint16_t)(2000 + i), 22,
			 &(struct net_packet_tcp){.seq = 101, .flags = NET_FRAME_TCP_RST});
	}
	assert_true(net_log_total(w->log, NET_LOG_ALLOWED) == 2000);
	w->nguest = 0;
	for (unsigned i = 0; i < 5000; i++)
		lookup(w, "good.example", address);
	assert_int_equal(w->nguest, 1000);
	world_free(w);
}

static void test_questions_time_out(void **state)
{
	struct world *w = world_new();
	uint8_t address[4];

	(void)state;
	lookup(w, "evil.example", address);
	net_locked_watch(w->locked, true, w->now_ms);
	for (uint16_t i = 0; i < 300; i++)
		send_syn(w, address, (uint16_t)(3000 + i), 22);
	assert_int_equal(w->nquestions, 1);
	assert_int_equal(net_locked_flows(w->locked), NET_LOCKED_ASKING_MAX);
	assert_true(net_locked_wait(w->locked) > 0);
	w->now_ms += NET_LOCKED_ASK_MS - 1;
	net_locked_tick(w->locked, w->now_ms);
	assert_int_equal(net_locked_flows(w->locked), NET_LOCKED_ASKING_MAX);
	w->now_ms += 300;
	w->nguest = 0;
	net_locked_tick(w->locked, w->now_ms);
	assert_int_equal(net_locked_flows(w->locked), 0);
	assert_int_equal(w->nguest, NET_LOCKED_ASKING_MAX);
	assert_int_equal(net_locked_wait(w->locked), -1);
	world_free(w);
}

static void decide(struct world *w, const char *entry, bool allow, enum net_rules_uses uses)
{
	assert_true(net_rules_decide(&w->rules, entry, allow, uses, w->now_ms));
	net_locked_rules_changed(w->locked, w->now_ms);
}

static void give_up(struct world *w, const uint8_t to[4], uint16_t from_port, uint16_t to_port)
{
	send_tcp(w, to, from_port, to_port,
		 &(struct net_packet_tcp){.seq = 101, .flags = NET_FRAME_TCP_RST});
}

/* The ways a question can end before its answer. */
static void withdraw(struct world *w, size_t how, const uint8_t to[4])
{
	if (how == 0) {
		give_up(w, to, 40000, 22);
	} else if (how == 1) {
		w->now_ms += NET_LOCKED_ASK_MS + 300;
		net_locked_tick(w->locked, w->now_ms);
	} else {
		net_locked_watch(w->locked, false, w->now_ms);
		net_locked_watch(w->locked, true, w->now_ms);
	}
	assert_int_equal(net_locked_flows(w->locked), 0);
}

/* A permission for once that finds no question is for a connection that comes soon, and is gone
 * after that. */
static void test_once_does_not_stay_armed(void **state)
{
	(void)state;
	for (size_t how = 0; how < 3; how++) {
		struct world *w = world_new();
		uint8_t address[4];

		lookup(w, "evil.example", address);
		net_locked_watch(w->locked, true, w->now_ms);
		send_syn(w, address, 40000, 22);
		assert_int_equal(w->nquestions, 1);
		withdraw(w, how, address);
		decide(w, "evil.example:22", true, NET_RULES_ONCE);
		w->now_ms += NET_RULES_ONCE_MS;
		send_syn(w, address, 40001, 22);
		assert_int_equal(w->nquestions, 2);
		assert_int_equal(w->nresolve, 0);
		/* One that comes soon has it, and only one; no other port does. */
		decide(w, "evil.example:22", true, NET_RULES_ONCE);
		assert_int_equal(w->nresolve, 1);
		decide(w, "evil.example:22", true, NET_RULES_ONCE);
		w->now_ms += NET_RULES_ONCE_MS - 1;
		send_syn(w, address, 40002, 443);
		assert_int_equal(w->nquestions, 3);
		send_syn(w, address, 40003, 22);
		assert_int_equal(w->nquestions, 3);
		send_syn(w, address, 40004, 22);
		assert_int_equal(w->nquestions, 4);
		world_free(w);
	}
}

/* A denial for once, too, and the one behind it is not forgotten with it. */
static void test_once_denied(void **state)
{
	struct world *w = world_new();
	uint8_t address[4];

	(void)state;
	lookup(w, "good.example", address);
	decide(w, "good.example", false, NET_RULES_ONCE);
	w->now_ms += NET_RULES_ONCE_MS;
	send_syn(w, address, 40000, 22);
	assert_int_equal(w->nresolve, 1);
	decide(w, "evil.example", true, NET_RULES_SESSION);
	decide(w, "good.example:22", false, NET_RULES_ONCE);
	w->now_ms += NET_RULES_ONCE_MS;
	lookup(w, "evil.example", address);
	send_syn(w, address, 40001, 22);
	assert_string_equal(w->resolving, "evil.example");
	world_free(w);
}

/* A flow on port 22, open; returns its address. */
static void open_flow(struct world *w, uint16_t from_port, uint8_t address[4])
{
	lookup(w, "good.example", address);
	send_syn(w, address, from_port, 22);
	if (w->nresolve == 1)
		resolved(w, "good.example", good);
	answer_from_slirp(w,
			  &(struct net_packet_tcp){.seq = 500,
						   .ack = last_to_slirp(w).tcp_seq + 1,
						   .window = 8000,
						   .flags = NET_FRAME_TCP_SYN | NET_FRAME_TCP_ACK});
	send_tcp(w, address, from_port, 22,
		 &(struct net_packet_tcp){
			 .seq = 101, .ack = 501, .flags = NET_FRAME_TCP_ACK, .window = 1000});
}

/* Whatever the guest says of its numbers, libslirp hears its own; and a flow ends there as here. */
static void test_numbers_are_our_own(void **state)
{
	static const struct net_packet_tcp strange[] = {
		{.seq = 101, .ack = 5000, .flags = NET_FRAME_TCP_ACK, .data = "future", .len = 6},
		{.seq = 101,
		 .ack = 501U - 100000,
		 .flags = NET_FRAME_TCP_ACK,
		 .data = "past",
		 .len = 4},
		{.seq = 500, .ack = 501, .flags = NET_FRAME_TCP_ACK, .data = "gap", .len = 3},
		{.seq = 101U - 500,
		 .ack = 501,
		 .flags = NET_FRAME_TCP_ACK,
		 .data = "old",
		 .len = 3},
		{.seq = 101 + 8001,
		 .ack = 501,
		 .flags = NET_FRAME_TCP_ACK,
		 .data = "beyond",
		 .len = 6},
		{.seq = 102, .flags = NET_FRAME_TCP_RST},
		{.seq = 100, .flags = NET_FRAME_TCP_RST | NET_FRAME_TCP_ACK},
		{.seq = 101 + 90000, .flags = NET_FRAME_TCP_RST},
		{.seq = 101, .ack = 501, .flags = NET_FRAME_TCP_SYN | NET_FRAME_TCP_ACK},
		{.seq = 101, .flags = NET_FRAME_TCP_FIN},
	};
	struct world *w = world_new();
	uint8_t address[4];
	uint32_t next;

	(void)state;
	open_flow(w, 40000, address);
	next = last_to_slirp(w).tcp_seq;
	for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
		send_tcp(w, address, 40000, 22, &strange[i]);
		assert_int_equal(last_to_slirp(w).tcp_seq, next);
		assert_int_equal(last_to_slirp(w).payload_len, 0);
		assert_int_equal(last_to_slirp(w).tcp_ack, 501);
		assert_false(last_to_slirp(w).tcp_flags & NET_FRAME_TCP_RST);
		assert_int_equal(w->nsockets, 1);
	}
	send_tcp(w, address, 40000, 22,
		 &(struct net_packet_tcp){.seq = 90,
					  .ack = 501,
					  .flags = NET_FRAME_TCP_ACK,
					  .data = "0123456789abc",
					  .len = 13});
	assert_int_equal(last_to_slirp(w).tcp_seq, next);
	assert_int_equal(last_to_slirp(w).payload_len, 2);
	decide(w, "good.example", false, NET_RULES_SESSION);
	assert_true(last_to_slirp(w).tcp_flags & NET_FRAME_TCP_RST);
	assert_int_equal(last_to_slirp(w).tcp_seq, next + 2);
	assert_int_equal(w->nsockets, 0);
	assert_int_equal(net_locked_flows(w->locked), 0);
	world_free(w);
}

/* While libslirp connects it hears no reset: the flow stays in the table, and the guest may have
 * its ports for another. */
static void test_ended_while_it_connects(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->connects = true;
	send_syn(w, good, 40000, 22);
	give_up(w, good, 40000, 22);
	assert_int_equal(w->naborted, 1);
	assert_int_equal(net_locked_flows(w->locked), 1);
	send_syn(w, good, 40000, 22);
	assert_int_equal(net_locked_flows(w->locked), 2);
	w->connects = false;
	give_up(w, good, 40000, 22);
	assert_int_equal(net_locked_flows(w->locked), 1);
	world_free(w);
}

/* A name or a listed network leads to the host only by an entry for this address alone. */
static void test_addresses_of_the_host(void **state)
{
	struct world *w = world_new();
	uint8_t address[4];

	(void)state;
	memcpy(w->host, good, 4);
	lookup(w, "good.example", address);
	send_syn(w, address, 40000, 22);
	resolved(w, "good.example", good);
	assert_int_equal(w->nslirp, 0);
	send_syn(w, good, 40001, 22); /* listed, but hostLoopback is off here */
	assert_int_equal(w->nslirp, 0);
	world_free(w);
}

static void test_silence_is_cut(void **state)
{
	struct world *w = world_new();
	uint8_t address[4];

	(void)state;
	lookup(w, "good.example", address);
	send_syn(w, address, 40000, 443);
	resolved(w, "good.example", good);
	answer_from_slirp(w,
			  &(struct net_packet_tcp){.seq = 500,
						   .ack = last_to_slirp(w).tcp_seq + 1,
						   .window = 8000,
						   .flags = NET_FRAME_TCP_SYN | NET_FRAME_TCP_ACK});
	send_tcp(w, address, 40000, 443,
		 &(struct net_packet_tcp){.seq = 101, .ack = 501, .flags = NET_FRAME_TCP_ACK});
	w->now_ms += 30001;
	net_locked_tick(w->locked, w->now_ms);
	assert_int_equal(net_locked_flows(w->locked), 0);
	assert_true(last_to_slirp(w).tcp_flags & NET_FRAME_TCP_RST);
	assert_true(last_to_guest(w).tcp_flags & NET_FRAME_TCP_RST);
	assert_int_equal(last_to_guest(w).tcp_seq, 501);
	world_free(w);
}

static void test_refusals_of_ipv6(void **state)
{
	/* A TCP SYN from fec0::f to 2001:db8::1. */
	/* clang-format off */
	static const uint8_t frame[] = {
		0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x86, 0xdd, 0x60, 0, 0, 0,
		0, 20, 6, 64, 0xfe, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 0x20, 0x01,
		0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 0, 1, 0xbb, 0, 0, 0, 1, 0, 0,
		0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0,
	};
	/* clang-format on */
	struct world *w = world_new();
	struct net_frame f;

	(void)state;
	send_frame(w, frame, sizeof(frame));
	f = last_to_guest(w);
	assert_int_equal(f.layer, NET_FRAME_IPV6);
	assert_true(f.tcp_flags & NET_FRAME_TCP_RST);
	assert_int_equal(
		net_packet_sum(f.bytes + f.transport_at, 20, net_packet_sum(f.src, 32, 6 + 20)),
		0xffff);
	assert_int_equal(w->nslirp, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewriting),
		cmocka_unit_test(test_what_libslirp_may_not_say),
		cmocka_unit_test(test_failure_and_its_end),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_questions_time_out),
		cmocka_unit_test(test_silence_is_cut),
		cmocka_unit_test(test_once_does_not_stay_armed),
		cmocka_unit_test(test_once_denied),
		cmocka_unit_test(test_numbers_are_our_own),
		cmocka_unit_test(test_ended_while_it_connects),
		cmocka_unit_test(test_addresses_of_the_host),
		cmocka_unit_test(test_refusals_of_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
