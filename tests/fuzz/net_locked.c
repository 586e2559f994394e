/* areas: base net proto
 * A locked network between two strangers. The input is records: one byte that says what happens,
 * two for a length, and a frame of the guest's or of libslirp's. Whatever they send: nothing
 * that libslirp is given goes anywhere but to listed addresses, every frame that is made is well
 * formed, and the tables stay within their bounds. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "net/net_filter.h"
#include "net/net_flow.h"
#include "net/net_locked.h"
#include "net/net_packet.h"

#include <stdlib.h>
#include <string.h>

struct world {
	struct net_rules rules;
	struct net_log *log;
	struct net_locked *locked;
	struct net_filter filter;
	char resolving[NET_RULES_NAME_MAX + 1];
	int64_t now_ms;
	int fd; /* of libslirp's last socket */
};

static const uint8_t listed[2][4] = {{93, 184, 216, 34}, {10, 1, 2, 3}};

static void on_guest(void *ctx, const uint8_t *frame, size_t len)
{
	struct net_frame f;

	(void)ctx;
	net_frame_parse(&f, frame, len);
	MUST(f.fault == NET_FRAME_OK);
}

static void on_slirp(void *ctx, const uint8_t *frame, size_t len)
{
	struct world *w = ctx;
	struct net_frame f;

	net_frame_parse(&f, frame, len);
	MUST(f.fault == NET_FRAME_OK);
	if (f.layer == NET_FRAME_ARP)
		return;
	MUST(f.layer == NET_FRAME_IPV4 && f.has_transport && !f.is_fragment && f.dst);
	MUST(net_packet_is_intact(&f));
	if (f.proto == NET_FRAME_PROTO_UDP || f.tcp_flags & NET_FRAME_TCP_SYN)
		net_locked_on_socket(w->locked, w->fd = (w->fd + 1) % NET_FLOW_FD_END, true);
	MUST(f.proto == NET_FRAME_PROTO_TCP || f.proto == NET_FRAME_PROTO_UDP);
	MUST(memcmp(f.dst, listed[0], 4) == 0 || memcmp(f.dst, listed[1], 3) == 0);
	MUST(f.dst_port == 443 || f.dst_port == 80 || f.dst_port == 53);
	MUST(f.proto != NET_FRAME_PROTO_UDP || f.dst_port != 443);
}

static void on_resolve(void *ctx, const char *name)
{
	struct world *w = ctx;

	MUST(strcmp(name, "good.example") == 0 || strcmp(name, "api.anthropic.com") == 0);
	strcpy(w->resolving, name);
}

static void on_abort_connect(void *ctx, int fd)
{
	(void)ctx;
	MUST(fd >= 0);
}

static bool on_is_host(void *ctx, const struct net_address *a)
{
	(void)ctx;
	return a->bytes[3] == 99;
}

static void on_question(void *ctx, const char *name, uint16_t port)
{
	(void)ctx;
	(void)port;
	MUST(strlen(name) <= NET_RULES_NAME_MAX);
}

/* A random frame has none that are right, and would get no further. */
static void fix_checksums(uint8_t *bytes, const struct net_frame *f)
{
	const size_t at = f->proto == NET_FRAME_PROTO_TCP   ? 16
			  : f->proto == NET_FRAME_PROTO_UDP ? 6
							    : 2;
	uint32_t sum;

	if (f->layer != NET_FRAME_IPV4 || f->fault != NET_FRAME_OK || !f->has_transport ||
	    f->transport_at + at + 2 > f->ip_end)
		return;
	bytes[f->ip_at + 10] = bytes[f->ip_at + 11] = 0;
	sum = ~net_packet_sum(bytes + f->ip_at, f->transport_at - f->ip_at, 0);
	bytes[f->ip_at + 10] = (uint8_t)(sum >> 8);
	bytes[f->ip_at + 11] = (uint8_t)sum;
	bytes[f->transport_at + at] = bytes[f->transport_at + at + 1] = 0;
	if (f->proto == NET_FRAME_PROTO_UDP)
		return;
	sum = f->proto == NET_FRAME_PROTO_TCP
		      ? net_packet_sum(f->src, 8, 6 + (uint32_t)(f->ip_end - f->transport_at))
		      : 0;
	sum = ~net_packet_sum(bytes + f->transport_at, f->ip_end - f->transport_at, sum);
	bytes[f->transport_at + at] = (uint8_t)(sum >> 8);
	bytes[f->transport_at + at + 1] = (uint8_t)sum;
}

static void do_guest(struct world *w, uint8_t *bytes, size_t len)
{
	struct net_frame f;

	net_frame_parse(&f, bytes, len);
	fix_checksums(bytes, &f);
	if (net_filter_from_guest(&w->filter, &f, w->now_ms) == NET_FILTER_PASS)
		net_locked_from_guest(w->locked, &f, w->now_ms);
	else
		net_locked_refuse(w->locked, &f, "fuzz", w->now_ms);
}

static void do_answer(struct world *w, const uint8_t *bytes, size_t len)
{
	struct net_names_answer a = {.ttl = 1, .failure = "fuzz"};

	if (!w->resolving[0])
		return;
	for (; a.n < NET_NAMES_RESULTS && len >= 4; a.n++, bytes += 4, len -= 4)
		memcpy(a.address[a.n], listed[bytes[0] & 1], 4);
	net_locked_resolved(w->locked, w->resolving, &a, w->now_ms);
	w->resolving[0] = '\0';
}

static void step(struct world *w, uint8_t what, uint8_t *bytes, size_t len)
{
	switch (what % 8) {
	case 0:
		net_locked_from_slirp(w->locked, bytes, len, w->now_ms);
		return;
	case 1:
		do_answer(w, bytes, len);
		return;
	case 2:
		net_locked_on_socket(w->locked, what >> 3, false);
		w->now_ms += (int64_t)(what >> 3) * 2000;
		net_locked_tick(w->locked, w->now_ms);
		return;
	case 3:
		net_locked_watch(w->locked, what & 8, w->now_ms);
		return;
	case 4:
		net_rules_decide(&w->rules, "good.example", what & 8,
				 what & 16 ? NET_RULES_ONCE : NET_RULES_SESSION, w->now_ms);
		net_locked_rules_changed(w->locked, w->now_ms);
		return;
	default:
		do_guest(w, bytes, len);
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.now_ms = 1000};
	/* clang-format off */
	struct net_locked_config config = {
		.rules = &w.rules, .mtu = 1500, .ctx = &w, .to_guest = on_guest,
		.to_slirp = on_slirp, .resolve = on_resolve, .on_question = on_question,
		.abort_connect = on_abort_connect, .is_host = on_is_host,
	};
	/* clang-format on */

	net_rules_init(&w.rules);
	net_rules_add(&w.rules, "good.example");
	net_rules_add(&w.rules, "10.1.2.0/24");
	net_rules_add(&w.rules, "93.184.216.34");
	net_rules_add_port(&w.rules, 443);
	net_rules_add_port(&w.rules, 80);
	net_rules_add_port(&w.rules, 53);
	net_filter_init(&w.filter, 1500, true);
	config.log = w.log = net_log_new();
	w.locked = net_locked_new(&config);
	while (size >= 3) {
		size_t n = (size_t)data[1] << 8 | data[2];
		uint8_t *copy;

		n = n < size - 3 ? n : size - 3;
		copy = mem_alloc(n ? n : 1);
		memcpy(copy, data + 3, n);
		step(&w, data[0], copy, n);
		free(copy);
		data += 3 + n;
		size -= 3 + n;
	}
	MUST(net_locked_flows(w.locked) <= NET_FLOW_MAX);
	net_locked_free(w.locked);
	net_log_free(w.log);
	net_rules_fini(&w.rules);
	return 0;
}
