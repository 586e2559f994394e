#include "net/net_resolve.h"
#include "net/net_rules.h"
#include "base/buf.h"
#include "base/mem.h"

/* Newer versions call what 1.18 has (Debian 12) deprecated; it is all there. */
#define CARES_NO_DEPRECATED

#include <ares.h>
#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIG_PATH   "/etc/resolv.conf"
#define TRY_MS	      1000
#define TRIES	      2
#define LOOK_AGAIN_MS 1000

struct resolve_query {
	struct net_resolve *resolve; /* NULL: free */
	char name[NET_RULES_NAME_MAX + 1];
};

struct net_resolve {
	ares_channel channel;
	void (*on_answer)(void *ctx, const char *name, const struct net_names_answer *answer);
	void *ctx;
	struct resolve_query query[NET_RESOLVE_MAX];
	size_t active;
	bool fixed; /* the servers were given */
	struct timespec changed;
	int64_t looked_ms;
	int index[ARES_GETSOCK_MAXNUM]; /* in the last set */
	ares_socket_t fd[ARES_GETSOCK_MAXNUM];
};

static const char *resolve_failure(int status)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
		return "the name has no IPv4 address";
	case ARES_ENOTFOUND:
		return "there is no such name";
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
		return "the host's resolver does not answer";
	default:
		return "the host's resolver failed";
	}
}

static void resolve_on_reply(void *ctx, int status, int timeouts, unsigned char *bytes, int len)
{
	struct resolve_query *q = ctx;
	struct net_resolve *r = q->resolve;
	struct ares_addrttl found[NET_NAMES_RESULTS];
	struct net_names_answer answer = {.ttl = UINT32_MAX};
	char name[NET_RULES_NAME_MAX + 1];
	int n = NET_NAMES_RESULTS;

	(void)timeouts;
	memcpy(name, q->name, sizeof(name));
	q->resolve = NULL;
	r->active--;
	if (status == ARES_EDESTRUCTION)
		return;
	if (status == ARES_SUCCESS)
		status = ares_parse_a_reply(bytes, len, NULL, found, &n);
	for (int i = 0; status == ARES_SUCCESS && i < n; i++) {
		memcpy(answer.address[answer.n++], &found[i].ipaddr, 4);
		if ((uint32_t)(found[i].ttl > 0 ? found[i].ttl : 0) < answer.ttl)
			answer.ttl = (uint32_t)(found[i].ttl > 0 ? found[i].ttl : 0);
	}
	if (!answer.n)
		answer.failure = resolve_failure(status);
	r->on_answer(r->ctx, name, &answer);
}

struct net_resolve *net_resolve_new(const char *servers,
				    void (*on_answer)(void *ctx, const char *name,
						      const struct net_names_answer *answer),
				    void *ctx, struct err *e)
{
	struct net_resolve *r = mem_alloc(sizeof(*r));
	struct ares_options options = {.timeout = TRY_MS, .tries = TRIES, .lookups = (char[]){"b"}};
	struct stat st;
	int status = ares_library_init(ARES_LIB_INIT_ALL);

	r->on_answer = on_answer;
	r->ctx = ctx;
	r->fixed = servers != NULL;
	if (stat(CONFIG_PATH, &st) == 0)
		r->changed = st.st_mtim;
	if (status == ARES_SUCCESS)
		status = ares_init_options(&r->channel, &options,
					   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS);
	if (status == ARES_SUCCESS && servers)
		status = ares_set_servers_ports_csv(r->channel, servers);
	if (status == ARES_SUCCESS)
		return r;
	err_set(e, "c-ares: %s", ares_strerror(status));
	net_resolve_free(r);
	return NULL;
}

void net_resolve_free(struct net_resolve *r)
{
	if (!r)
		return;
	if (r->channel)
		ares_destroy(r->channel);
	ares_library_cleanup();
	free(r);
}

static void resolve_read_servers(struct net_resolve *r, FILE *f)
{
	AUTO_BUF struct buf servers = {0};
	char line[256], address[64];

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " nameserver %63s", address) == 1)
			buf_addf(&servers, "%s%s", buf_len(&servers) ? "," : "", address);
	if (buf_len(&servers))
		(void)ares_set_servers_csv(r->channel, buf_text(&servers));
}

/* The host may have changed networks. c-ares takes other servers only while it asks none. */
static void resolve_look_again(struct net_resolve *r, int64_t now_ms)
{
	struct stat st;
	FILE *f;

	if (r->fixed || r->active || now_ms - r->looked_ms < LOOK_AGAIN_MS)
		return;
	r->looked_ms = now_ms;
	if (stat(CONFIG_PATH, &st) < 0 ||
	    (st.st_mtim.tv_sec == r->changed.tv_sec && st.st_mtim.tv_nsec == r->changed.tv_nsec))
		return;
	f = fopen(CONFIG_PATH, "re");
	if (!f)
		return; /* locked away: the servers known stay */
	r->changed = st.st_mtim;
	resolve_read_servers(r, f);
	fclose(f);
}

void net_resolve_ask(struct net_resolve *r, const char *name, int64_t now_ms)
{
	static const struct net_names_answer busy = {
		.failure = "too many names are being looked up"};
	size_t i = 0;

	resolve_look_again(r, now_ms);
	while (i < NET_RESOLVE_MAX && r->query[i].resolve)
		i++;
	if (i == NET_RESOLVE_MAX || strlen(name) >= sizeof(r->query[i].name)) {
		r->on_answer(r->ctx, name, &busy);
		return;
	}
	strcpy(r->query[i].name, name);
	r->query[i].resolve = r;
	r->active++;
	ares_query(r->channel, name, ns_c_in, ns_t_a, resolve_on_reply, &r->query[i]);
}

int net_resolve_fill(struct net_resolve *r, struct net_poll *set)
{
	int bits;
	struct timeval tv;

	for (size_t i = 0; i < ARES_GETSOCK_MAXNUM; i++)
		r->index[i] = -1;
	if (!r->active)
		return -1;
	bits = ares_getsock(r->channel, r->fd, ARES_GETSOCK_MAXNUM);
	for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		int events = (ARES_GETSOCK_READABLE(bits, i) ? POLLIN : 0) |
			     (ARES_GETSOCK_WRITABLE(bits, i) ? POLLOUT : 0);

		if (events)
			r->index[i] = net_poll_add(set, r->fd[i], (short)events);
	}
	if (!ares_timeout(r->channel, NULL, &tv))
		return -1;
	return (int)(tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

void net_resolve_turn(struct net_resolve *r, const struct net_poll *set)
{
	if (!r->active)
		return;
	for (size_t i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short got = net_poll_revents(set, r->index[i]);

		if (got)
			ares_process_fd(r->channel,
					got & (POLLIN | POLLERR | POLLHUP) ? r->fd[i]
									   : ARES_SOCKET_BAD,
					got & POLLOUT ? r->fd[i] : ARES_SOCKET_BAD);
	}
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what has timed out */
}
