#include "net/net_reach.h"
#include "net/net_plan.h"
#include "base/mem.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define CACHE_SIZE  64
#define ANSWER_MAX  1024
#define ANSWERS_MAX 8 /* that are read for one question */

struct reach_known {
	struct net_address address;
	bool is_host;
	int64_t until_ms;
};

struct net_reach {
	int fd; /* owned */
	uint32_t number;
	bool host_loopback, link_local;
	struct reach_known cache[CACHE_SIZE];
};

struct reach_question {
	struct nlmsghdr header;
	struct rtmsg route;
	struct rtattr attribute;
	uint8_t address[16];
};

static const struct net_address reach_guest4 = {4, {NET_PLAN_NETWORK4}};
static const struct net_address reach_guest6 = {16, {NET_PLAN_PREFIX6}};

struct net_reach *net_reach_new(bool host_loopback, bool link_local, struct err *e)
{
	struct net_reach *r = mem_alloc(sizeof(*r));

	r->host_loopback = host_loopback;
	r->link_local = link_local;
	r->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (r->fd >= 0)
		return r;
	err_sys(e, "rtnetlink socket");
	net_reach_free(r);
	return NULL;
}

void net_reach_free(struct net_reach *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

static int reach_read_route(const uint8_t *bytes, size_t len)
{
	struct rtmsg route;

	if (len < sizeof(route))
		return -1;
	memcpy(&route, bytes, sizeof(route));
	return route.rtm_type == RTN_LOCAL || route.rtm_type == RTN_ANYCAST ||
	       route.rtm_type == RTN_BROADCAST;
}

/* No route: the address reaches nothing, so not the host either. */
static int reach_read_error(const uint8_t *bytes, size_t len)
{
	static const int nowhere[] = {ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ESRCH};
	int error;

	if (len < sizeof(error))
		return -1;
	memcpy(&error, bytes, sizeof(error));
	for (size_t i = 0; i < ARRAY_LEN(nowhere); i++)
		if (error == -nowhere[i])
			return 0;
	return 1;
}

int net_reach_parse(const void *bytes, size_t len, uint32_t number)
{
	const uint8_t *at = bytes;
	struct nlmsghdr header;

	if (len < sizeof(header))
		return -1;
	memcpy(&header, at, sizeof(header));
	if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len ||
	    header.nlmsg_seq != number)
		return -1;
	at += sizeof(header);
	len = header.nlmsg_len - sizeof(header);
	if (header.nlmsg_type == NLMSG_ERROR)
		return reach_read_error(at, len);
	return header.nlmsg_type == RTM_NEWROUTE ? reach_read_route(at, len) : -1;
}

/* The kernel answers before send(2) returns, so nothing here waits. */
static int reach_ask(struct net_reach *r, const struct net_address *a)
{
	struct reach_question q = {
		.header = {.nlmsg_type = RTM_GETROUTE,
			   .nlmsg_flags = NLM_F_REQUEST,
			   .nlmsg_seq = ++r->number},
		.route = {.rtm_family = a->len == 4 ? AF_INET : AF_INET6,
			  .rtm_dst_len = (unsigned char)(a->len * 8)},
		.attribute = {.rta_type = RTA_DST, .rta_len = (unsigned short)RTA_LENGTH(a->len)}};
	uint8_t answer[ANSWER_MAX];
	int said = -1;

	memcpy(q.address, a->bytes, a->len);
	q.header.nlmsg_len = (uint32_t)(offsetof(struct reach_question, address) + a->len);
	if (send(r->fd, &q, q.header.nlmsg_len, 0) < 0)
		return -1;
	for (int i = 0; said < 0 && i < ANSWERS_MAX; i++) {
		ssize_t n = recv(r->fd, answer, sizeof(answer), 0);

		if (n < 0)
			return -1;
		said = net_reach_parse(answer, (size_t)n, r->number);
	}
	return said;
}

static bool reach_is_of_guest(const struct net_address *a)
{
	return net_address_is_within(a, &reach_guest4, 24) ||
	       net_address_is_within(a, &reach_guest6, NET_PLAN_PREFIX6_LEN);
}

bool net_reach_is_host(struct net_reach *r, const struct net_address *a)
{
	struct net_address inner;

	if (net_address_scope(a) == NET_ADDRESS_LOOPBACK)
		return true;
	if (net_address_unwrap(a, &inner) && net_reach_is_host(r, &inner))
		return true;
	return reach_ask(r, a) != 0;
}

static bool reach_is_host_cached(struct net_reach *r, const struct net_address *a, int64_t now_ms)
{
	uint32_t hash = 0;
	struct reach_known *k;

	if (now_ms == NET_REACH_FRESH)
		return net_reach_is_host(r, a);
	for (size_t i = 0; i < a->len; i++)
		hash = hash * 31 + a->bytes[i];
	k = &r->cache[hash % CACHE_SIZE];
	if (!net_address_is_equal(&k->address, a) || now_ms >= k->until_ms)
		*k = (struct reach_known){.address = *a,
					  .is_host = net_reach_is_host(r, a),
					  .until_ms = now_ms + NET_REACH_CACHE_MS};
	return k->is_host;
}

const char *net_reach_refusal(struct net_reach *r, const struct net_address *a, int64_t now_ms)
{
	if (reach_is_of_guest(a))
		return NULL;
	if (!r->link_local && net_address_is_link_local(a))
		return "a link-local or metadata address, and linkLocal is off";
	if (!r->host_loopback && reach_is_host_cached(r, a, now_ms))
		return "an address of the host, and hostLoopback is off";
	return NULL;
}
