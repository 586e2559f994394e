#include "net/net_labels.h"
#include "net/net_dns.h"
#include "base/mem.h"

#include <string.h>

#define BUCKETS 1024U

struct label {
	struct net_address address;
	char *name; /* owned */
	int16_t next;
};

struct net_labels {
	struct label label[NET_LABELS_MAX];
	size_t n, next;
	int16_t bucket[BUCKETS];
};

struct net_labels *net_labels_new(void)
{
	struct net_labels *l = mem_alloc(sizeof(*l));

	memset(l->bucket, 0xff, sizeof(l->bucket));
	return l;
}

void net_labels_free(struct net_labels *l)
{
	for (size_t i = 0; l && i < l->n; i++)
		free(l->label[i].name);
	free(l);
}

static size_t labels_hash(const struct net_address *a)
{
	uint32_t hash = 2166136261U;

	for (uint8_t i = 0; i < a->len; i++)
		hash = (hash ^ a->bytes[i]) * 16777619U;
	return (hash ^ hash >> 16) % BUCKETS;
}

static int labels_index(const struct net_labels *l, const struct net_address *a)
{
	int i = l->bucket[labels_hash(a)];

	while (i >= 0 && !net_address_is_equal(&l->label[i].address, a))
		i = l->label[i].next;
	return i;
}

static void labels_unlink(struct net_labels *l, size_t i)
{
	int16_t *at = &l->bucket[labels_hash(&l->label[i].address)];

	while (*at != (int16_t)i)
		at = &l->label[*at].next;
	*at = l->label[i].next;
	free(l->label[i].name);
}

static void labels_add(struct net_labels *l, const struct net_address *a, const char *name)
{
	int found = labels_index(l, a);
	int16_t *bucket = &l->bucket[labels_hash(a)];
	size_t i;

	if (found >= 0) {
		if (strcmp(l->label[found].name, name) == 0)
			return;
		free(l->label[found].name);
		l->label[found].name = mem_strdup(name);
		return;
	}
	i = l->n < NET_LABELS_MAX ? l->n++ : l->next;
	if (l->label[i].name)
		labels_unlink(l, i);
	l->next = (i + 1) % NET_LABELS_MAX;
	l->label[i] = (struct label){.address = *a, .name = mem_strdup(name), .next = *bucket};
	*bucket = (int16_t)i;
}

void net_labels_learn(struct net_labels *l, const uint8_t *message, size_t len)
{
	struct net_dns_addresses a;

	if (!net_dns_parse_answer(&a, message, len))
		return;
	for (size_t i = 0; i < a.n; i++) {
		struct net_address address = net_address_make(a.address[i], a.len[i]);

		labels_add(l, &address, a.name);
	}
}

const char *net_labels_find(const struct net_labels *l, const struct net_address *a)
{
	int i = labels_index(l, a);

	return i < 0 ? NULL : l->label[i].name;
}
