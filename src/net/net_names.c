#include "net/net_names.h"
#include "base/mem.h"

#include <string.h>

#define OFFSETS	      (1U << 17)
#define OFFSET_FIRST  1U /* not the network's own address */
#define BUCKETS	      8192U
#define TTL_MAX_S     3600
#define FAILURE_TTL_S 5

struct net_names {
	struct net_name entry[NET_NAMES_MAX];
	size_t n; /* entries that were ever used */
	/* Index + 1, so that unused tables are untouched zero pages; 0: none. */
	int16_t bucket[BUCKETS];
	int16_t by_offset[OFFSETS];
	uint32_t next_offset;
};

static const uint8_t names_network[4] = {NET_NAMES_SYNTHETIC};

struct net_names *net_names_new(void)
{
	struct net_names *n = mem_alloc(sizeof(*n));

	n->next_offset = OFFSET_FIRST;
	return n;
}

void net_names_free(struct net_names *n)
{
	for (size_t i = 0; n && i < n->n; i++)
		free(n->entry[i].text);
	free(n);
}

static int16_t *names_bucket(struct net_names *n, const char *text)
{
	uint32_t hash = 2166136261U;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619U;
	return &n->bucket[(hash ^ hash >> 16) % BUCKETS];
}

struct net_name *net_names_find(struct net_names *n, const char *text)
{
	for (int i = *names_bucket(n, text); i; i = n->entry[i - 1].next)
		if (strcmp(n->entry[i - 1].text, text) == 0)
			return &n->entry[i - 1];
	return NULL;
}

static void names_unlink(struct net_names *n, struct net_name *name)
{
	int16_t *at = names_bucket(n, name->text);

	while (*at != net_names_index(n, name) + 1)
		at = &n->entry[*at - 1].next;
	*at = name->next;
	n->by_offset[name->offset] = 0;
	free(name->text);
	*name = (struct net_name){0};
}

/* A free entry: a new one, or that of the name unused for longest. */
static struct net_name *names_room(struct net_names *n)
{
	struct net_name *oldest = NULL;

	if (n->n < NET_NAMES_MAX)
		return &n->entry[n->n++];
	for (size_t i = 0; i < n->n; i++) {
		struct net_name *name = &n->entry[i];

		if (name->uses == 0 && name->status != NET_NAMES_ASKING &&
		    (!oldest || name->used_ms < oldest->used_ms))
			oldest = name;
	}
	if (oldest)
		names_unlink(n, oldest);
	return oldest;
}

static uint32_t names_take_offset(struct net_names *n)
{
	uint32_t offset;

	do {
		offset = n->next_offset;
		n->next_offset = offset + 2 < OFFSETS ? offset + 1 : OFFSET_FIRST;
	} while (n->by_offset[offset]);
	return offset;
}

struct net_name *net_names_intern(struct net_names *n, const char *text, int64_t now_ms)
{
	struct net_name *name = net_names_find(n, text);
	int16_t *bucket;

	if (!name) {
		name = names_room(n);
		if (!name)
			return NULL;
		*name = (struct net_name){.text = mem_strdup(text), .offset = names_take_offset(n)};
		bucket = names_bucket(n, text);
		name->next = *bucket;
		*bucket = n->by_offset[name->offset] = (int16_t)(net_names_index(n, name) + 1);
	}
	name->used_ms = now_ms;
	return name;
}

bool net_names_is_synthetic(const uint8_t address[4])
{
	return address[0] == names_network[0] && (address[1] & 0xfe) == names_network[1];
}

struct net_name *net_names_by_address(struct net_names *n, const uint8_t address[4], int64_t now_ms)
{
	uint32_t offset = (address[1] & 1U) << 16 | (uint32_t)address[2] << 8 | address[3];
	struct net_name *name;

	if (!net_names_is_synthetic(address) || !n->by_offset[offset])
		return NULL;
	name = &n->entry[n->by_offset[offset] - 1];
	name->used_ms = now_ms;
	return name;
}

void net_names_hold(struct net_name *name)
{
	name->uses++;
}

void net_names_release(struct net_name *name)
{
	name->uses--;
}

enum net_names_status net_names_status(struct net_name *name, int64_t now_ms)
{
	if ((name->status == NET_NAMES_RESOLVED || name->status == NET_NAMES_FAILED) &&
	    now_ms >= name->expires_ms)
		name->status = NET_NAMES_UNKNOWN;
	return name->status;
}

void net_names_ask(struct net_name *name)
{
	name->status = NET_NAMES_ASKING;
}

void net_names_answer(struct net_name *name, const struct net_names_answer *answer, int64_t now_ms)
{
	const uint32_t ttl = answer->ttl < TTL_MAX_S ? answer->ttl : TTL_MAX_S;

	name->status = answer->n ? NET_NAMES_RESOLVED : NET_NAMES_FAILED;
	name->failure = answer->failure ? answer->failure : "has no IPv4 address";
	name->expires_ms = now_ms + (int64_t)(answer->n ? ttl : FAILURE_TTL_S) * 1000;
	name->nresults = (uint8_t)answer->n;
	memcpy(name->results, answer->address, sizeof(name->results));
}

void net_names_address(const struct net_name *name, uint8_t address[4])
{
	address[0] = names_network[0];
	address[1] = (uint8_t)(names_network[1] | name->offset >> 16);
	address[2] = (uint8_t)(name->offset >> 8);
	address[3] = (uint8_t)name->offset;
}

struct net_name *net_names_at(struct net_names *n, int index)
{
	return index >= 0 && (size_t)index < n->n && n->entry[index].text ? &n->entry[index] : NULL;
}

int net_names_index(const struct net_names *n, const struct net_name *name)
{
	return (int)(name - n->entry);
}
