/* areas: base net proto
 * What a server reads is what was checked: a locked guest that sends anything, through filter,
 * flows and the real libslirp, to servers that are the other ends of socket pairs. Theory of
 * operation:
 *
 * 1. This program's own connect, socket, close, sendto and clock_gettime stand in front of
 *    libc's, for libslirp too. A connection becomes a socket pair, at once, later, or never; the
 *    time is the test's own, so a run is its seed's.
 * 2. The guest keeps a few connections going and breaks each rule of TCP now and then: wrong
 *    checksums, data in a SYN, gaps, overlaps with other bytes for the same place,
 *    acknowledgements of what was sent long ago or never, windows, resets in and out of the
 *    window, FIN, URG, fragments, options. There are two stories for what it says first: a hello
 *    for the name that may be reached, and one for another name, of the same length.
 * 3. The user says yes and no meanwhile; servers read, write, close and come up late.
 * 4. After each step: every byte a server read is the byte that was given to libslirp for that
 *    place; what is given is one stream without a gap or a repetition, of bytes that the guest
 *    has offered for these places in segments that count, and fits; where the beginning is
 *    checked, it is for the right name from the first byte; nobody else is connected to; there
 *    are no more sockets than flows; and none is left of what was denied.
 *
 * CCVM_TEST_DIFFERENTIAL=SEGMENTS[,SEED] runs longer. A failure names the seed of its world. */
#include "unit/unit.h"

#include "net/net_filter.h"
#include "net/net_flow.h"
#include "net/net_http.h"
#include "net/net_locked.h"
#include "net/net_packet.h"
#include "net/net_plan.h"
#include "net/net_slirp.h"
#include "net/net_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#define SLOTS	       6
#define STREAM_MAX     16384
#define OFFERED_MAX    4096
#define FDS	       NET_FLOW_FD_END
#define WORLD_SEGMENTS 3000
#define SHORT_SEGMENTS 150000
#define HELLO_MAX      512

enum kind { KIND_TLS, KIND_HTTP, KIND_PLAIN, KIND_LITERAL, KIND_EVIL, KINDS };

/* What libslirp was given for one port of its own, and what the guest has offered for each place
 * of it. */
struct stream {
	uint16_t port, to_port, sport;
	uint8_t target[4];
	bool checked; /* its beginning is */
	bool fin;
	uint32_t isn; /* the guest's */
	uint32_t next, limit;
	uint8_t bytes[STREAM_MAX];
	size_t n;
	uint8_t offered[OFFERED_MAX][32]; /* a bit for each value */
};

/* libslirp's socket, and the server behind it. */
struct socket_end {
	bool is_open, connecting, by_name, aborted;
	int peer; /* -1: none */
	struct stream *stream;
	size_t n; /* bytes the server read */
};

struct slot {
	enum kind kind;
	uint16_t sport;
	/* at: place in the stream; peer: what is expected of the other side */
	uint32_t isn, at, peer;
	uint32_t acked; /* place up to which it has been confirmed */
	bool answered;
};

static struct world {
	uint64_t seed, random;
	int64_t now_ns;
	struct net_rules rules;
	struct net_log *log;
	struct net_filter filter;
	struct net_locked *locked;
	struct net_slirp *slirp;
	struct net_poll poll;
	struct stream *streams[65536]; /* owned */
	struct stream *giving;
	struct net_frame syn; /* the guest's last one that counts; its bytes are gone */
	uint8_t syn_target[4];
	uint16_t port_of_sport[65536]; /* of the last stream; 0: none */
	struct socket_end end[FDS];
	size_t live;
	struct slot slot[SLOTS];
	uint16_t next_sport;
	bool calm; /* one connection that goes on and on, to a server that does not keep up */
	uint8_t good[4], evil[4]; /* what their names stand for */
	uint8_t *answer;	  /* where the answer to a question for a name goes */
	uint64_t segments, hellos, read, told, connections, denied, full;
} * world;

static const uint8_t address_good[4] = {93, 184, 216, 34}, address_listed[4] = {93, 184, 216, 40};
static const uint8_t guest[4] = {NET_PLAN_GUEST4}, resolver[4] = {NET_PLAN_RESOLVER4};
static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56},
		     gateway_mac[6] = {0x52, 0x55, 10, 0, 2, 2};
static const char http[2][64] = {"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n",
				 "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"};
static uint8_t hello[2][HELLO_MAX];
static size_t hello_len;

#define MUST(condition, text)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail_msg("world %" PRIu64 ", segment %" PRIu64 ": %s", world->seed,        \
				 world->segments, text);                                           \
	} while (0)

static uint32_t roll(uint32_t below)
{
	world->random = world->random * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)((world->random >> 33) % below);
}

static bool one_in(uint32_t n)
{
	return roll(n) == 0;
}

/* ---- in front of libc ---- */

int clock_gettime(clockid_t id, struct timespec *t)
{
	if (!world || id != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, id, t);
	*t = (struct timespec){.tv_sec = world->now_ns / 1000000000,
			       .tv_nsec = world->now_ns % 1000000000};
	return 0;
}

int socket(int family, int type, int protocol)
{
	int fd = (int)syscall(SYS_socket, family, type, protocol);

	if (!world || fd < 0)
		return fd;
	MUST(fd < FDS, "a descriptor too many");
	world->end[fd] = (struct socket_end){.is_open = true, .peer = -1, .stream = world->giving};
	world->live++;
	return fd;
}

int close(int fd)
{
	if (world && fd >= 0 && fd < FDS && world->end[fd].is_open) {
		if (world->end[fd].peer >= 0)
			syscall(SYS_close, world->end[fd].peer);
		world->end[fd] = (struct socket_end){.peer = -1};
		world->live--;
	}
	return (int)syscall(SYS_close, fd);
}

int shutdown(int fd, int how)
{
	if (world && fd >= 0 && fd < FDS && how == SHUT_RDWR)
		world->end[fd].aborted = true;
	return (int)syscall(SYS_shutdown, fd, how);
}

static void check_destination(const struct sockaddr *to)
{
	const struct sockaddr_in *a = (const struct sockaddr_in *)to;

	MUST(to->sa_family == AF_INET, "a connection of another family");
	MUST(memcmp(&a->sin_addr, address_good, 4) == 0 ||
		     memcmp(&a->sin_addr, address_listed, 4) == 0,
	     "a connection to an address that may not be reached");
}

/* Fills the socket until it is unwritable, like a connecting one. */
static void stuff(int fd)
{
	static const uint8_t junk[4096];

	while (send(fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	const int small = 8192;
	struct socket_end *e;
	int pair[2];

	(void)len;
	if (!world)
		return (int)syscall(SYS_connect, fd, to, len);
	check_destination(to);
	if (one_in(16)) {
		errno = ECONNREFUSED;
		return -1;
	}
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0, "no socket pair");
	dup2(pair[0], fd);
	syscall(SYS_close, pair[0]);
	e = &world->end[fd];
	e->peer = pair[1];
	e->by_name = memcmp(&((const struct sockaddr_in *)to)->sin_addr, address_good, 4) == 0;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	e->connecting = one_in(8);
	if (e->connecting)
		stuff(fd);
	world->connections++;
	errno = EINPROGRESS;
	return -1;
}

ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to,
	       socklen_t len)
{
	if (!world || !to)
		return (ssize_t)syscall(SYS_sendto, fd, bytes, n, flags, to, len);
	check_destination(to);
	return (ssize_t)n;
}

/* ---- between the two ---- */

static int64_t now_ms(void)
{
	return world->now_ns / 1000000;
}

/* The beginning of what libslirp gets is whole at its first byte, and for the right name. */
static void check_beginning(const struct stream *s)
{
	char name[NET_TLS_NAME_MAX + 1];
	enum net_sniff got = s->to_port == NET_PLAN_HTTP
				     ? net_http_host(s->bytes, s->n, name)
				     : net_tls_server_name(s->bytes, s->n, name);

	MUST(got == NET_SNIFF_FOUND && strcmp(name, "good.example") == 0,
	     "libslirp was given what was not checked");
}

static struct stream *stream_begin(const struct net_frame *f)
{
	struct stream *s = mem_alloc(sizeof(*s));

	MUST(f->tcp_flags == NET_FRAME_TCP_SYN && !f->payload_len, "a SYN that is more than that");
	*s = (struct stream){.port = f->src_port,
			     .to_port = f->dst_port,
			     .sport = world->syn.src_port,
			     .isn = world->syn.tcp_seq,
			     .next = f->tcp_seq + 1,
			     .limit = f->tcp_seq + 1};
	memcpy(s->target, world->syn_target, 4);
	s->checked = memcmp(f->dst, address_good, 4) == 0 &&
		     (f->dst_port == NET_PLAN_HTTP || f->dst_port == NET_PLAN_HTTPS);
	free(world->streams[f->src_port]);
	world->streams[f->src_port] = s;
	world->port_of_sport[s->sport] = s->port;
	return s;
}

static void stream_take(struct stream *s, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n && s->n + i < OFFERED_MAX; i++)
		MUST(s->offered[s->n + i][bytes[i] / 8] >> bytes[i] % 8 & 1,
		     "libslirp was given what the guest did not send there");
	if (s->n < STREAM_MAX)
		memcpy(s->bytes + s->n, bytes, n < STREAM_MAX - s->n ? n : STREAM_MAX - s->n);
	s->n += n;
}

static void to_slirp_tcp(const struct net_frame *f)
{
	struct stream *s = world->giving = f->tcp_flags & NET_FRAME_TCP_SYN
						   ? stream_begin(f)
						   : world->streams[f->src_port];
	const bool fin = f->tcp_flags & NET_FRAME_TCP_FIN;

	if (f->tcp_flags & NET_FRAME_TCP_SYN)
		return;
	MUST(s && f->tcp_flags & NET_FRAME_TCP_ACK, "a segment of no stream");
	MUST(f->tcp_seq == s->next, "a segment that does not begin where the one before has ended");
	MUST(!s->fin || (!f->payload_len && !fin), "more behind the end");
	s->next += (uint32_t)f->payload_len + (fin ? 1 : 0);
	s->fin = s->fin || fin;
	world->full += s->limit == s->next;
	MUST((int32_t)(s->limit - (s->next - (fin ? 1 : 0))) >= 0,
	     "more than libslirp has room for");
	stream_take(s, f->bytes + f->payload_at, f->payload_len);
	if (s->checked && f->payload_len && s->n <= STREAM_MAX) {
		world->hellos += s->n == f->payload_len;
		check_beginning(s);
	}
}

/* What a segment of the guest's offers; only one that is whole does. */
static void note_offer(const struct net_frame *f)
{
	struct stream *s = world->streams[world->port_of_sport[f->src_port]];
	uint32_t at;

	if (f->fault != NET_FRAME_OK || f->proto != NET_FRAME_PROTO_TCP || !f->has_transport ||
	    !net_packet_is_intact(f))
		return;
	if ((f->tcp_flags & 0x17) == NET_FRAME_TCP_SYN && !f->payload_len) {
		world->syn = *f;
		memcpy(world->syn_target, f->dst, 4);
		return;
	}
	if (!world->port_of_sport[f->src_port] || s->sport != f->src_port ||
	    memcmp(s->target, f->dst, 4) != 0 || f->tcp_flags & NET_FRAME_TCP_SYN)
		return;
	at = f->tcp_seq - (s->isn + 1);
	for (size_t i = 0; i < f->payload_len; i++) {
		const uint32_t place = at + (uint32_t)i;
		const uint8_t value = f->bytes[f->payload_at + i];

		if (place < OFFERED_MAX)
			s->offered[place][value / 8] |= (uint8_t)(1U << value % 8);
	}
}

static void on_to_slirp(void *ctx, const uint8_t *frame, size_t len)
{
	struct net_frame f;

	(void)ctx;
	net_frame_parse(&f, frame, len);
	MUST(f.fault == NET_FRAME_OK && net_packet_is_intact(&f), "a broken frame for libslirp");
	world->giving = NULL;
	if (f.layer == NET_FRAME_IPV4 && f.proto == NET_FRAME_PROTO_TCP)
		to_slirp_tcp(&f);
	net_slirp_input(world->slirp, frame, len);
	world->giving = NULL;
}

static void on_frame(void *ctx, const void *frame, size_t len)
{
	struct net_frame f;
	struct stream *s;

	(void)ctx;
	net_frame_parse(&f, frame, len);
	s = f.layer == NET_FRAME_IPV4 && f.proto == NET_FRAME_PROTO_TCP ? world->streams[f.dst_port]
									: NULL;
	if (s && f.tcp_flags & NET_FRAME_TCP_ACK &&
	    (int32_t)(f.tcp_ack + f.tcp_window - s->limit) > 0)
		s->limit = f.tcp_ack + f.tcp_window;
	net_locked_from_slirp(world->locked, frame, len, now_ms());
}

static void on_socket(void *ctx, int fd, bool is_open)
{
	(void)ctx;
	if (world->locked)
		net_locked_on_socket(world->locked, fd, is_open);
}

static void on_resolve(void *ctx, const char *name)
{
	struct net_names_answer a = {.n = 1, .ttl = 60};

	(void)ctx;
	memcpy(a.address[0], address_good, 4);
	net_locked_resolved(world->locked, name, &a, now_ms());
}

static void on_abort_connect(void *ctx, int fd)
{
	(void)ctx;
	net_slirp_abort(fd);
}

static bool on_is_host(void *ctx, const struct net_address *a)
{
	(void)ctx;
	(void)a;
	return false;
}

static void on_question(void *ctx, const char *name, uint16_t port)
{
	(void)ctx;
	(void)name;
	(void)port;
}

/* ---- the guest ---- */

static const struct {
	uint16_t port;
} kinds[KINDS] = {{443}, {80}, {22}, {443}, {443}};

static const uint8_t *slot_target(const struct slot *s)
{
	return s->kind == KIND_LITERAL ? address_listed
	       : s->kind == KIND_EVIL  ? world->evil
				       : world->good;
}

static void on_to_guest(void *ctx, const uint8_t *frame, size_t len)
{
	struct net_frame f;

	(void)ctx;
	net_frame_parse(&f, frame, len);
	MUST(f.fault == NET_FRAME_OK && net_packet_is_intact(&f), "a broken frame for the guest");
	world->told++;
	if (f.proto == NET_FRAME_PROTO_UDP && f.src_port == 53 && world->answer)
		memcpy(world->answer, frame + len - 4, 4);
	for (size_t i = 0; f.proto == NET_FRAME_PROTO_TCP && i < SLOTS; i++) {
		struct slot *s = &world->slot[i];

		if (s->sport != f.dst_port || f.tcp_flags & NET_FRAME_TCP_RST)
			continue;
		s->answered = true;
		s->acked = f.tcp_ack - (s->isn + 1);
		s->peer = f.tcp_seq + (uint32_t)f.payload_len +
			  (f.tcp_flags & (NET_FRAME_TCP_SYN | NET_FRAME_TCP_FIN) ? 1 : 0);
	}
}

static void guest_sends(uint8_t *frame, size_t len)
{
	struct net_frame f;

	net_frame_parse(&f, frame, len);
	note_offer(&f);
	if (net_filter_from_guest(&world->filter, &f, now_ms()) == NET_FILTER_PASS)
		net_locked_from_guest(world->locked, &f, now_ms());
	world->segments++;
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

/* Corrupts a frame as a hostile kernel may. */
static void spoil(uint8_t *frame, size_t len)
{
	const size_t ip = NET_FRAME_ETHER_LEN, tcp = ip + 20;
	uint32_t sum;

	if (one_in(24)) { /* a wrong checksum: TCP's or IP's */
		frame[one_in(4) ? ip + 10 : tcp + 16] ^= (uint8_t)(1 + roll(255));
	} else if (one_in(64)) { /* URG, with a checksum that is right */
		sum = (uint32_t)(frame[tcp + 16] << 8 | frame[tcp + 17]);
		frame[tcp + 13] |= NET_FRAME_TCP_URG;
		sum = sum >= NET_FRAME_TCP_URG ? sum - NET_FRAME_TCP_URG
					       : sum + 0xffff - NET_FRAME_TCP_URG;
		frame[tcp + 16] = (uint8_t)(sum >> 8);
		frame[tcp + 17] = (uint8_t)sum;
	} else if (one_in(64)) { /* a fragment */
		frame[ip + 6] = (uint8_t)(0x20 | roll(2));
		frame[ip + 10] = frame[ip + 11] = 0;
		sum = ~net_packet_sum(frame + ip, 20, 0);
		frame[ip + 10] = (uint8_t)(sum >> 8);
		frame[ip + 11] = (uint8_t)sum;
	} else if (one_in(128)) {
		frame[roll((uint32_t)len)] ^= (uint8_t)(1U << roll(8));
	}
}

static void slot_send(struct slot *s, const struct net_packet_tcp *t)
{
	const struct net_packet_ends e = ends_to(slot_target(s), s->sport, kinds[s->kind].port);
	uint8_t frame[NET_PACKET_HEADERS_MAX + 2048];
	size_t n = net_packet_make_tcp(frame, &e, t);

	spoil(frame, n);
	guest_sends(frame, n);
}

static uint8_t story_byte(const struct slot *s, unsigned which, size_t at)
{
	if (kinds[s->kind].port == 443 && at < hello_len)
		return hello[which][at];
	if (kinds[s->kind].port == 80 && at < strlen(http[0]))
		return (uint8_t)http[which][at];
	return (uint8_t)(at * 31 + at / 256 + which * 97);
}

static void slot_begin(struct slot *s)
{
	static const uint8_t with_data[] = {1, 1, 1, 2, 4, 8};
	uint8_t data[HELLO_MAX] = {0};
	struct net_packet_tcp t = {.flags = NET_FRAME_TCP_SYN,
				   .window = 65535,
				   .mss = one_in(4) ? 0 : (uint16_t)(64 + roll(1400))};

	if (!one_in(3) || !s->sport) {
		s->kind = (enum kind)roll(KINDS);
		s->sport = world->next_sport++; /* never one of another stream */
	}
	if (!one_in(4)) /* some streams pass position 0, some have it at the end of a segment */
		s->isn = one_in(4)   ? UINT32_MAX - roll(600)
			 : one_in(3) ? UINT32_MAX - (uint32_t)hello_len * (1 + roll(3))
				     : roll(UINT32_MAX);
	s->at = s->acked = 0;
	s->answered = false;
	t.seq = s->isn;
	if (one_in(8)) { /* TCP Fast Open */
		const unsigned which = roll(2);

		t.len = hello_len / with_data[roll(sizeof(with_data))];
		t.data = data;
		for (size_t i = 0; i < t.len; i++)
			data[i] = story_byte(s, which, i);
	}
	if (one_in(32))
		t.flags |= (uint8_t)(1U << roll(6));
	slot_send(s, &t);
	if (one_in(8))
		slot_send(s, &t);
}

static uint32_t slot_ack(const struct slot *s)
{
	switch (roll(16)) {
	case 0:
		return s->peer + 1 + roll(100000); /* of the future */
	case 1:
		return s->peer - 1 - roll(100000); /* of the past */
	case 2:
		return roll(UINT32_MAX);
	default:
		return s->peer;
	}
}

static uint16_t slot_window(void)
{
	return one_in(16) ? 0 : one_in(16) ? (uint16_t)roll(100) : (uint16_t)(8192 + roll(57343));
}

static uint8_t slot_flags(void)
{
	if (one_in(world->calm ? 1000 : 64))
		return (uint8_t)roll(64);
	return (uint8_t)(NET_FRAME_TCP_ACK | (one_in(2) ? NET_FRAME_TCP_PSH : 0) |
			 (one_in(world->calm ? 2000 : 100) ? NET_FRAME_TCP_FIN : 0));
}

static void slot_data(struct slot *s)
{
	uint8_t data[1460];
	const bool stray = one_in(world->calm ? 20 : 3);
	const unsigned which = one_in(stray ? 2 : 6);
	/* what was lost comes again, perhaps with other bytes */
	uint32_t at = s->at = one_in(8) ? s->acked : s->at;
	struct net_packet_tcp t = {
		.ack = slot_ack(s), .flags = slot_flags(), .window = slot_window(), .data = data};

	if (stray && at < 1000 && one_in(2))
		at = roll(600);
	else if (stray)
		at += roll(1200) - (at < 600 ? at : 600);
	t.len = world->calm ? sizeof(data)
		: one_in(4) ? roll(1460)
		: one_in(2) ? hello_len
			    : roll(300);
	t.seq = s->isn + 1 + at;
	for (size_t i = 0; i < t.len; i++)
		data[i] = story_byte(s, which, at + i);
	slot_send(s, &t);
	if (!stray)
		s->at += (uint32_t)t.len;
}

static void slot_reset(struct slot *s)
{
	struct net_packet_tcp t = {
		.seq = s->isn + 1 + s->at, .flags = NET_FRAME_TCP_RST, .ack = slot_ack(s)};

	if (one_in(2))
		t.flags |= NET_FRAME_TCP_ACK;
	if (!one_in(3))
		t.seq += one_in(2) ? roll(70000) : 0U - roll(70000);
	slot_send(s, &t);
	s->answered = s->answered && !one_in(2);
}

/* Known attacks in one sequence, which random steps would rarely produce. */
static void slot_attack(struct slot *s)
{
	uint8_t data[2][HELLO_MAX];
	struct net_packet_tcp t = {.seq = s->isn + 1,
				   .ack = s->peer,
				   .flags = NET_FRAME_TCP_ACK,
				   .window = 65535,
				   .len = hello_len};

	for (size_t i = 0; i < hello_len; i++)
		for (unsigned which = 0; which < 2; which++)
			data[which][i] = story_byte(s, which, i);
	t.data = data[0];
	t.ack += 1 + roll(5000);
	slot_send(s, &t);
	t.data = data[1];
	t.ack = s->peer;
	slot_send(s, &t);
	s->at = (uint32_t)hello_len;
}

static void guest_step(void)
{
	struct slot *s = &world->slot[roll(world->calm ? 1 : SLOTS)];
	const uint32_t rare = world->calm ? 50 : 1;

	if (!s->sport || (one_in(40) && one_in(rare))) {
		slot_begin(s);
	} else if (!s->answered) {
		if (one_in(4))
			slot_data(s);
	} else if (one_in(60) && one_in(rare)) {
		slot_reset(s);
	} else if (one_in(40) && one_in(rare)) {
		slot_attack(s);
	} else if (one_in(4)) {
		slot_send(s, &(struct net_packet_tcp){.seq = s->isn + 1 + s->at,
						      .ack = slot_ack(s),
						      .flags = slot_flags(),
						      .window = slot_window()});
	} else {
		slot_data(s);
	}
	if (one_in(200)) {
		const struct net_packet_ends e = ends_to(one_in(2) ? world->good : world->evil,
							 5000, 123);
		uint8_t frame[NET_PACKET_HEADERS_MAX + 4];

		guest_sends(frame, net_packet_make_udp(frame, &e, "time", 4));
	}
}

/* So that libslirp knows where the guest is. */
static void introduce(void)
{
	uint8_t frame[42] = "\xff\xff\xff\xff\xff\xff";

	memcpy(frame + 6, guest_mac, 6);
	memcpy(frame + 12, "\x08\x06\0\1\x08\0\6\4\0\1", 10);
	memcpy(frame + 22, guest_mac, 6);
	memcpy(frame + 28, guest, 4);
	memcpy(frame + 38, resolver, 4);
	guest_sends(frame, sizeof(frame));
}

static void lookup(const char *name, uint8_t address[4])
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
	world->answer = address;
	guest_sends(frame, net_packet_make_udp(frame, &e, query, n + 5));
	world->answer = NULL;
}

/* ---- servers and the user ---- */

static void server_read(struct socket_end *e)
{
	uint8_t got[4096];
	ssize_t n;

	while ((n = recv(e->peer, got, sizeof(got), MSG_DONTWAIT)) > 0) {
		const struct stream *s = e->stream;
		const size_t end = e->n + (size_t)n;

		MUST(s, "a server without a stream");
		MUST(end <= s->n, "a server read what nobody gave");
		if (e->n < STREAM_MAX)
			MUST(memcmp(got, s->bytes + e->n,
				    end < STREAM_MAX ? (size_t)n : STREAM_MAX - e->n) == 0,
			     "a server read other bytes than were given");
		e->n = end;
		world->read += (uint64_t)n;
	}
}

static void server_comes_up(struct socket_end *e)
{
	uint8_t junk[4096];

	while (recv(e->peer, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	e->connecting = false;
}

static void server_step(struct socket_end *e)
{
	static const uint8_t words[3000];

	if (e->connecting) {
		if (one_in(8))
			server_comes_up(e);
	} else if (one_in(world->calm ? 200 : 4)) {
		server_read(e);
	} else if (world->calm) {
		return;
	} else if (one_in(8)) {
		(void)!send(e->peer, words, roll(sizeof(words)), MSG_DONTWAIT);
	} else if (one_in(60)) {
		server_read(e);
		shutdown(e->peer, SHUT_WR);
	} else if (one_in(100)) {
		server_read(e);
		syscall(SYS_close, e->peer);
		e->peer = -1;
	}
}

static void check_denied(void)
{
	for (int fd = 0; fd < FDS; fd++)
		MUST(!world->end[fd].is_open || !world->end[fd].by_name || world->end[fd].aborted,
		     "a connection to a name that is denied now is still there");
}

static void user_step(void)
{
	const bool deny = one_in(2);

	net_rules_decide(&world->rules, "good.example", !deny, NET_RULES_SESSION, now_ms());
	net_locked_rules_changed(world->locked, now_ms());
	if (deny) {
		world->denied++;
		check_denied();
		net_rules_decide(&world->rules, "good.example", true, NET_RULES_SESSION, now_ms());
		net_locked_rules_changed(world->locked, now_ms());
	}
}

static void turn(void)
{
	net_poll_clear(&world->poll);
	(void)net_slirp_fill(world->slirp, &world->poll, !one_in(8));
	(void)poll(world->poll.fds, world->poll.n, 0);
	net_slirp_turn(world->slirp, &world->poll, false);
	net_locked_tick(world->locked, now_ms());
}

static void check_sockets(void)
{
	MUST(world->live <= net_locked_flows(world->locked),
	     "libslirp has more sockets than there are flows");
}

static void step(void)
{
	guest_step();
	check_sockets();
	if (one_in(3)) {
		for (int fd = 3; fd < 100; fd++)
			if (world->end[fd].is_open && world->end[fd].peer >= 0)
				server_step(&world->end[fd]);
		turn();
		check_sockets();
	}
	if (one_in(1000))
		user_step();
	world->now_ns += one_in(500) ? 20000000000 : one_in(20) ? 300000000 : roll(3000000);
}

/* ---- worlds ---- */

static void world_make(uint64_t seed)
{
	const struct net_slirp_config slirp = {
		.mtu = NET_PLAN_MTU, .on_frame = on_frame, .on_socket = on_socket};
	/* clang-format off */
	struct net_locked_config config = {
		.mtu = NET_PLAN_MTU, .to_guest = on_to_guest, .to_slirp = on_to_slirp,
		.resolve = on_resolve, .on_question = on_question,
		.abort_connect = on_abort_connect, .is_host = on_is_host,
	};
	/* clang-format on */
	struct world *w = mem_alloc(sizeof(*w));

	w->slirp = net_slirp_new(&slirp);
	w->seed = seed;
	w->random = seed * 2862933555777941757U + 3037000493U;
	w->now_ns = 1000000000;
	w->calm = seed % 4 == 0;
	w->next_sport = 10000;
	net_rules_init(&w->rules);
	net_rules_add(&w->rules, "good.example");
	net_rules_add(&w->rules, "93.184.216.40");
	net_rules_add_port(&w->rules, 443);
	net_rules_add_port(&w->rules, 80);
	net_rules_add_port(&w->rules, 22);
	net_rules_add_port(&w->rules, 123);
	net_filter_init(&w->filter, NET_PLAN_MTU, true);
	config.rules = &w->rules;
	config.log = w->log = net_log_new();
	world = w;
	w->locked = net_locked_new(&config);
	introduce();
	lookup("good.example", w->good);
	lookup("evil.example", w->evil);
}

static void world_end(void)
{
	struct world *w = world;
	struct net_locked *locked = w->locked;

	for (int fd = 3; fd < FDS; fd++)
		if (w->end[fd].is_open && w->end[fd].peer >= 0 && !w->end[fd].connecting)
			server_read(&w->end[fd]);
	w->locked = NULL;
	net_slirp_free(w->slirp);
	net_locked_free(locked);
	net_log_free(w->log);
	net_rules_fini(&w->rules);
	net_poll_fini(&w->poll);
	for (size_t i = 0; i < 65536; i++)
		free(w->streams[i]);
	world = NULL;
	free(w);
}

struct totals {
	uint64_t segments, hellos, read, told, connections, denied, full;
};

static void run_world(uint64_t seed, uint64_t segments, struct totals *t)
{
	world_make(seed);
	while (world->segments < segments)
		step();
	t->segments += world->segments;
	t->hellos += world->hellos;
	t->read += world->read;
	t->told += world->told;
	t->connections += world->connections;
	t->denied += world->denied;
	t->full += world->full;
	world_end();
}

/* A ClientHello with this name and nothing else of interest. */
static size_t make_hello(uint8_t *out, const char *name)
{
	const size_t n = strlen(name);
	const size_t extensions = 9 + n + 200, body = 2 + 32 + 1 + 4 + 2 + 2 + extensions;
	uint8_t *p = out;

	memcpy(p, "\x16\x03\x01", 3);
	p[3] = (uint8_t)((body + 4) >> 8), p[4] = (uint8_t)(body + 4);
	p[5] = 1, p[6] = 0, p[7] = (uint8_t)(body >> 8), p[8] = (uint8_t)body;
	p += 9;
	memcpy(p, "\3\3", 2);
	memset(p + 2, 0x5a, 32);
	memcpy(p + 34, "\0\0\2\x13\1\1\0", 7);
	p += 41;
	p[0] = (uint8_t)(extensions >> 8), p[1] = (uint8_t)extensions;
	p += 2;
	memcpy(p, "\0\0\0", 3);
	p[3] = (uint8_t)(n + 5), p[4] = 0, p[5] = (uint8_t)(n + 3), p[6] = 0, p[7] = 0,
	p[8] = (uint8_t)n;
	memcpy(p + 9, name, n);
	p += 9 + n;
	memcpy(p, "\0\x15\0\xc4", 4); /* padding, RFC 7685 */
	memset(p + 4, 0, 196);
	return (size_t)(p + 200 - out);
}

static void test_differential(void **state)
{
	const char *wanted = getenv("CCVM_TEST_DIFFERENTIAL");
	uint64_t segments = SHORT_SEGMENTS, seed = 1;
	struct totals t = {0};
	struct timespec begin, end;
	char name[NET_TLS_NAME_MAX + 1];

	(void)state;
	if (wanted)
		assert_true(sscanf(wanted, "%" SCNu64 ",%" SCNu64, &segments, &seed) >= 1);
	hello_len = make_hello(hello[0], "good.example");
	assert_int_equal(make_hello(hello[1], "evil.example"), hello_len);
	assert_int_equal(net_tls_server_name(hello[0], hello_len, name), NET_SNIFF_FOUND);
	assert_string_equal(name, "good.example");
	signal(SIGPIPE, SIG_IGN);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (; t.segments < segments; seed++)
		run_world(seed, WORLD_SEGMENTS, &t);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%" PRIu64 " segments, %" PRIu64 " connections, %" PRIu64
	       " hellos let through, %" PRIu64 " bytes read by servers, %" PRIu64
	       " frames to the guest, %" PRIu64 " times no room, %" PRIu64 " denials; %.1f s\n",
	       t.segments, t.connections, t.hellos, t.read, t.told, t.full, t.denied,
	       (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
	/* A run with too few events proves nothing. */
	assert_true(t.connections > t.segments / 500 && t.hellos > t.segments / 2000 &&
		    t.read > t.segments);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_differential)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
