#include "net/net_log.h"
#include "base/clock.h"
#include "net/net_limit.h"
#include "base/mem.h"

#include <string.h>
#include <time.h>

#define BUCKETS	     1024U
#define REPEAT_MS    1000
#define CONTROL_HIGH (NET_CONTROL_OUT_MAX / 2)

struct log_item {
	char *name; /* owned; NULL: free */
	char address[48];
	enum net_log_verdict verdict;
	const char *proto, *reason;
	uint16_t port;
	uint64_t unsaid; /* since the last event */
	int64_t first_ms, last_ms;
	int64_t said_ms; /* monotonic */
	int16_t next;
};

struct net_log {
	struct log_item item[NET_LOG_MAX];
	size_t n, next;
	int16_t bucket[BUCKETS];
	size_t nunsaid; /* items with something unsaid */
	uint64_t total[2];
	struct net_limit limit;
};

struct net_log *net_log_new(void)
{
	struct net_log *l = mem_alloc(sizeof(*l));

	memset(l->bucket, 0xff, sizeof(l->bucket));
	l->limit = (struct net_limit){.per_second = NET_LOG_PER_SECOND,
				      .burst = NET_LOG_PER_SECOND};
	return l;
}

void net_log_free(struct net_log *l)
{
	for (size_t i = 0; l && i < l->n; i++)
		free(l->item[i].name);
	free(l);
}

static size_t log_hash(const char *name, unsigned port)
{
	uint32_t hash = 2166136261U ^ port;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619U;
	return (hash ^ hash >> 16) % BUCKETS;
}

static int log_find(const struct net_log *l, const struct net_log_entry *e)
{
	int i = l->bucket[log_hash(e->name, e->port)];

	for (; i >= 0; i = l->item[i].next) {
		const struct log_item *item = &l->item[i];

		if (item->port == e->port && item->verdict == e->verdict &&
		    strcmp(item->proto, e->proto) == 0 && strcmp(item->name, e->name) == 0)
			return i;
	}
	return -1;
}

static void log_forget(struct net_log *l, size_t i)
{
	struct log_item *item = &l->item[i];
	int16_t *at = &l->bucket[log_hash(item->name, item->port)];

	while (*at != (int16_t)i)
		at = &l->item[*at].next;
	*at = item->next;
	l->nunsaid -= item->unsaid > 0;
	free(item->name);
}

/* A ring: the oldest entry is overwritten. */
static struct log_item *log_make(struct net_log *l, const struct net_log_entry *e)
{
	size_t i = l->n < NET_LOG_MAX ? l->n++ : l->next;
	int16_t *bucket = &l->bucket[log_hash(e->name, e->port)];

	if (l->item[i].name)
		log_forget(l, i);
	l->next = (i + 1) % NET_LOG_MAX;
	l->item[i] = (struct log_item){.name = mem_strdup(e->name),
				       .verdict = e->verdict,
				       .proto = e->proto,
				       .port = e->port,
				       .first_ms = clock_wall_ms(),
				       .next = *bucket};
	*bucket = (int16_t)i;
	return &l->item[i];
}

void net_log_add(struct net_log *l, const struct net_log_entry *e)
{
	int found = log_find(l, e);
	struct log_item *item = found >= 0 ? &l->item[found] : log_make(l, e);

	l->total[e->verdict]++;
	l->nunsaid += item->unsaid == 0;
	item->unsaid++;
	item->last_ms = clock_wall_ms();
	item->reason = e->reason;
	strncpy(item->address, e->address, sizeof(item->address) - 1);
}

int64_t net_log_last_ms(const struct net_log *l, const struct net_log_entry *e)
{
	int i = log_find(l, e);

	return i < 0 ? 0 : l->item[i].last_ms;
}

static void log_say(const struct log_item *item, struct net_control *c)
{
	struct netctl_report r = {.type = NETCTL_EGRESS,
				  .port = item->port,
				  .count = (int64_t)item->unsaid,
				  .first_ms = item->first_ms,
				  .last_ms = item->last_ms};

	line_set_shown(r.verdict, sizeof(r.verdict),
		       item->verdict == NET_LOG_REFUSED ? NETCTL_REFUSED : NETCTL_ALLOWED);
	line_set_shown(r.name, sizeof(r.name), item->name);
	line_set_shown(r.address, sizeof(r.address), item->address);
	line_set_shown(r.proto, sizeof(r.proto), item->proto);
	line_set_shown(r.reason, sizeof(r.reason), item->reason);
	net_control_report(c, &r);
}

static bool log_is_due(const struct log_item *item, int64_t now_ms)
{
	return item->unsaid && (!item->said_ms || now_ms - item->said_ms >= REPEAT_MS);
}

void net_log_flush(struct net_log *l, struct net_control *c, int64_t now_ms)
{
	for (size_t i = 0; i < l->n && l->nunsaid; i++) {
		struct log_item *item = &l->item[i];

		if (!log_is_due(item, now_ms))
			continue;
		/* A session that reads slowly gets fewer events, with larger counts. */
		if (buf_len(&c->out) > CONTROL_HIGH || !net_limit_take(&l->limit, now_ms))
			return;
		log_say(item, c);
		item->said_ms = now_ms ? now_ms : 1;
		item->unsaid = 0;
		l->nunsaid--;
	}
}

int net_log_wait(const struct net_log *l, int64_t now_ms)
{
	int64_t wait = REPEAT_MS;

	if (!l->nunsaid)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		const struct log_item *item = &l->item[i];

		if (item->unsaid && (!item->said_ms || item->said_ms + REPEAT_MS - now_ms < wait))
			wait = item->said_ms ? item->said_ms + REPEAT_MS - now_ms : 0;
	}
	/* What the limit holds back comes in pieces, not in a busy loop. */
	return wait < 50 ? 50 : (int)wait;
}

uint64_t net_log_total(const struct net_log *l, enum net_log_verdict verdict)
{
	return l->total[verdict];
}
