#include "net/net_slirp.h"
#include "base/clock.h"
#include "net/net_frame.h"
#include "net/net_limit.h"
#include "net/net_plan.h"
#include "base/log.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <glib.h>
#include <libslirp.h>
#include <malloc.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define NEVER		INT64_MAX
#define SLIRP_WAIT_IDLE 1000 /* ms: what libslirp asks for when it has nothing to do */
#define SLIRP_STALE	100  /* ms */
#define BUFFERS_MAPPED	(64 * 1024)

struct slirp_timer {
	SlirpTimerId id;
	void *cb_opaque; /* borrowed from libslirp */
	int64_t due_ms;	 /* or NEVER */
	bool used;
};

struct net_slirp {
	struct net_slirp_config config;
	Slirp *slirp;
	struct slirp_timer timer[SLIRP_TIMER_NUM];
	int64_t skew_ns;		/* see net_slirp_prime_resolver */
	int64_t last_turn_ms;		/* when libslirp last looked at the clock */
	struct net_poll *filling;	/* borrowed during net_slirp_fill */
	const struct net_poll *turning; /* borrowed during net_slirp_turn */
	size_t sockets;			/* in the last fill */
	bool may_read;
};

/* What libslirp and GLib print, at a pace that fills no log. A guest can cause these lines. */
static struct net_limit slirp_log_limit = {.per_second = 1, .burst = 10};

static void slirp_log(const char *text)
{
	AUTO_BUF struct buf line = {0};

	if (!net_limit_take(&slirp_log_limit, clock_mono_ms()))
		return;
	log_escape(&line, text, strlen(text), 256);
	log_note("libslirp: %s", buf_text(&line));
}

static void slirp_on_glib_log(const gchar *domain, GLogLevelFlags level, const gchar *message,
			      gpointer ctx)
{
	(void)domain;
	(void)level;
	(void)ctx;
	slirp_log(message ? message : "");
}

static ssize_t slirp_on_packet(const void *frame, size_t len, void *opaque)
{
	struct net_slirp *s = opaque;

	s->config.on_frame(s->config.ctx, frame, len);
	return (ssize_t)len; /* a dropped frame is no error here */
}

static void slirp_on_guest_error(const char *message, void *opaque)
{
	(void)opaque;
	slirp_log(message);
}

static int64_t slirp_on_clock(void *opaque)
{
	const struct net_slirp *s = opaque;

	return clock_mono_ns() + s->skew_ns;
}

static void *slirp_on_timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	struct net_slirp *s = opaque;

	if ((size_t)id >= ARRAY_LEN(s->timer))
		mem_die("libslirp has a timer this build does not know");
	s->timer[id] = (struct slirp_timer){
		.id = id, .cb_opaque = cb_opaque, .due_ms = NEVER, .used = true};
	return &s->timer[id];
}

static void slirp_on_timer_free(void *timer, void *opaque)
{
	(void)opaque;
	*(struct slirp_timer *)timer = (struct slirp_timer){.due_ms = NEVER};
}

static void slirp_on_timer_mod(void *timer, int64_t due_ms, void *opaque)
{
	(void)opaque;
	((struct slirp_timer *)timer)->due_ms = due_ms;
}

/* For the set these say nothing, since it is made anew each turn. But each socket is registered
 * once when it is made, and unregistered when it is closed; -1 stands for one that could not be
 * made. */
static void slirp_on_register(int fd, void *opaque)
{
	struct net_slirp *s = opaque;

	if (fd >= 0)
		s->config.on_socket(s->config.ctx, fd, true);
}

static void slirp_on_unregister(int fd, void *opaque)
{
	struct net_slirp *s = opaque;

	if (fd >= 0)
		s->config.on_socket(s->config.ctx, fd, false);
}

static void slirp_on_notify(void *opaque)
{
	(void)opaque;
}

static const SlirpCb slirp_callbacks = {
	.send_packet = slirp_on_packet,
	.guest_error = slirp_on_guest_error,
	.clock_get_ns = slirp_on_clock,
	.timer_new_opaque = slirp_on_timer_new,
	.timer_free = slirp_on_timer_free,
	.timer_mod = slirp_on_timer_mod,
	.register_poll_fd = slirp_on_register,
	.unregister_poll_fd = slirp_on_unregister,
	.notify = slirp_on_notify,
};

static struct in_addr slirp_addr4(const uint8_t bytes[4])
{
	struct in_addr a;

	memcpy(&a, bytes, sizeof(a));
	return a;
}

static struct in6_addr slirp_addr6(const uint8_t bytes[16])
{
	struct in6_addr a;

	memcpy(&a, bytes, sizeof(a));
	return a;
}

struct net_slirp *net_slirp_new(const struct net_slirp_config *config)
{
	struct net_slirp *s = mem_alloc(sizeof(*s));
	const SlirpConfig cfg = {
		.version = 4, /* the first with disable_dhcp; libslirp 4.7 and later take it */
		.in_enabled = true,
		.vnetwork = slirp_addr4((const uint8_t[]){NET_PLAN_NETWORK4}),
		.vnetmask = slirp_addr4((const uint8_t[]){NET_PLAN_NETMASK4}),
		.vhost = slirp_addr4((const uint8_t[]){NET_PLAN_GATEWAY4}),
		.vnameserver = slirp_addr4((const uint8_t[]){NET_PLAN_RESOLVER4}),
		.vdhcp_start = slirp_addr4((const uint8_t[]){NET_PLAN_GUEST4}),
		.in6_enabled = config->ipv6,
		.vprefix_addr6 = slirp_addr6((const uint8_t[16]){NET_PLAN_PREFIX6}),
		.vprefix_len = NET_PLAN_PREFIX6_LEN,
		.vhost6 = slirp_addr6((const uint8_t[]){NET_PLAN_GATEWAY6}),
		.vnameserver6 = slirp_addr6((const uint8_t[]){NET_PLAN_RESOLVER6}),
		.if_mtu = config->mtu,
		.if_mru = config->mtu,
		.disable_host_loopback = !config->host_loopback,
		.disable_dhcp = true,
	};

	s->config = *config;
	/* Each TCP connection has two buffers of 128 KiB. As mappings of their own they cost only
	 * the pages that were touched, and go back to the system with the connection; glibc would
	 * come to keep them in its heap. */
	mallopt(M_MMAP_THRESHOLD, BUFFERS_MAPPED);
	mallopt(M_TRIM_THRESHOLD, BUFFERS_MAPPED);
	for (size_t i = 0; i < ARRAY_LEN(s->timer); i++)
		s->timer[i].due_ms = NEVER;
	g_log_set_default_handler(slirp_on_glib_log, NULL);
	s->slirp = slirp_new(&cfg, &slirp_callbacks, s);
	if (!s->slirp)
		mem_die("libslirp refuses its configuration");
	return s;
}

void net_slirp_free(struct net_slirp *s)
{
	if (!s)
		return;
	slirp_cleanup(s->slirp);
	free(s);
}

static void slirp_put_checksum4(uint8_t *header, size_t at)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	header[at] = (uint8_t)(sum >> 8);
	header[at + 1] = (uint8_t)sum;
}

/* libslirp 4.7 reads /etc/resolv.conf when a packet for the resolver comes, and trusts what it has
 * read for a second; then it compares stat(2) results, the first of which it takes at the second
 * packet. So two packets more than a second apart leave it with an address that it keeps as long as
 * the file does not change. Its clock is ours: it is advanced instead of waiting. */
void net_slirp_prime_resolver(struct net_slirp *s)
{
	uint8_t frame[] = {
		0x52,
		0x55,
		NET_PLAN_RESOLVER4,
		0x52,
		0x54,
		0,
		0x12,
		0x34,
		0x56,
		0x08,
		0x00, /* Ethernet */
		0x45,
		0,
		0,
		28,
		0,
		0,
		0,
		0,
		64,
		NET_FRAME_PROTO_UDP,
		0,
		0,
		NET_PLAN_GUEST4,
		NET_PLAN_RESOLVER4,
		0x04,
		0,
		0,
		53,
		0,
		8,
		0,
		0, /* UDP without data or checksum */
	};

	slirp_put_checksum4(frame + NET_FRAME_ETHER_LEN, 10);
	for (int i = 0; i < 2; i++) {
		slirp_pollfds_poll(s->slirp, 1, NULL, s); /* looks at the clock; reads no socket */
		slirp_input(s->slirp, frame, sizeof(frame));
		s->skew_ns += 2000000000;
	}
	slirp_pollfds_poll(s->slirp, 1, NULL, s);
}

bool net_slirp_host_has_ipv6(void)
{
	/* Connecting a datagram socket only looks up the route. */
	const struct sockaddr_in6 a = {.sin6_family = AF_INET6,
				       .sin6_port = htons(53),
				       .sin6_addr.s6_addr = {0x20, 0x01, [15] = 1}};
	AUTO_CLOSE int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
}

void net_slirp_input(struct net_slirp *s, const void *frame, size_t len)
{
	int64_t now = clock_mono_ms();

	/* libslirp takes the time once a turn and dates new sockets by it. After a long sleep the
	 * old time would make them expire at birth. A turn that failed to poll only looks at the
	 * clock and runs what is due. */
	if (now - s->last_turn_ms > SLIRP_STALE) {
		s->last_turn_ms = now;
		slirp_pollfds_poll(s->slirp, 1, NULL, s);
	}
	slirp_input(s->slirp, frame, (int)len);
}

void net_slirp_abort(int fd)
{
	(void)shutdown(fd, SHUT_RDWR);
}

static int slirp_on_add_poll(int fd, int events, void *opaque)
{
	struct net_slirp *s = opaque;
	short wanted = 0;

	/* Never POLLPRI: libslirp would take what it then reads for urgent data and send it on with
	 * the URG flag, which net_filter stops for good. Without it the same bytes come in line
	 * (its sockets have SO_OOBINLINE). */
	if ((events & SLIRP_POLL_IN) && s->may_read)
		wanted |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		wanted |= POLLOUT;
	s->sockets++;
	/* A socket that may not be read this turn could still report POLLHUP without end: it is
	 * left out. */
	return net_poll_add(s->filling, wanted ? fd : -1, wanted);
}

int net_slirp_fill(struct net_slirp *s, struct net_poll *set, bool may_read)
{
	uint32_t wait_ms = UINT32_MAX;
	int64_t now = slirp_on_clock(s) / 1000000;

	s->filling = set;
	s->sockets = 0;
	s->may_read = may_read;
	slirp_pollfds_fill(s->slirp, &wait_ms, slirp_on_add_poll, s);
	s->filling = NULL;
	/* Without a socket or a fragment nothing can come due: an idle guest costs no wake-ups. */
	if (wait_ms >= SLIRP_WAIT_IDLE && !s->sockets)
		wait_ms = INT32_MAX;
	for (size_t i = 0; i < ARRAY_LEN(s->timer); i++) {
		int64_t left = s->timer[i].due_ms == NEVER ? INT32_MAX : s->timer[i].due_ms - now;

		if (left < (int64_t)wait_ms)
			wait_ms = left > 0 ? (uint32_t)left : 0;
	}
	return wait_ms >= INT32_MAX ? -1 : (int)wait_ms;
}

static int slirp_on_get_revents(int index, void *opaque)
{
	const struct net_slirp *s = opaque;
	short got = net_poll_revents(s->turning, index);
	int events = 0;

	if (got & POLLIN)
		events |= SLIRP_POLL_IN;
	if (got & POLLOUT)
		events |= SLIRP_POLL_OUT;
	if (got & POLLERR)
		events |= SLIRP_POLL_ERR;
	if (got & POLLHUP)
		events |= SLIRP_POLL_HUP;
	return events;
}

static void slirp_run_timers(struct net_slirp *s)
{
	int64_t now = slirp_on_clock(s) / 1000000;

	for (size_t i = 0; i < ARRAY_LEN(s->timer); i++) {
		struct slirp_timer *t = &s->timer[i];

		if (!t->used || t->due_ms > now)
			continue;
		t->due_ms = NEVER;
		slirp_handle_timer(s->slirp, t->id, t->cb_opaque);
	}
}

void net_slirp_turn(struct net_slirp *s, const struct net_poll *set, bool poll_failed)
{
	s->turning = set;
	s->last_turn_ms = clock_mono_ms();
	slirp_pollfds_poll(s->slirp, poll_failed, slirp_on_get_revents, s);
	s->turning = NULL;
	slirp_run_timers(s);
}
