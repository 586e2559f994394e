/* Theory of operation.
 *
 * 1. Numbers come from the guest: fs_nodes_get checks them against the table and against the
 *    free list.
 * 2. A node lives while the guest's kernel has looked it up, or while a child or a handle refers
 *    to it. So a guest that forgets a directory before what lies in it leaves no dangling
 *    parent.
 * 3. Parents never form a circle: fs_nodes_move looks upwards first. A chain is no longer than
 *    the table. */
#include "fs/fs_node.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define NODES_FIRST 1024
#define NODE_FREE   UINT16_MAX /* as export */

struct fs_nodes {
	struct fs_node *node; /* 0 is never used */
	uint32_t n, size;     /* that were ever used; allocated */
	uint32_t free, count;
	uint32_t *bucket, *entry; /* by identity; by parent and name */
	uint32_t buckets;	  /* a power of two, of each */
	void (*on_drop)(void *ctx, int watch);
	void *ctx;
};

static uint32_t nodes_hash(const struct fs_nodes *t, uint16_t export, const struct fs_identity *i)
{
	uint64_t h = (i->inode ^ i->device << 32 ^ (uint64_t) export << 56) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(h >> 32) & (t->buckets - 1);
}

/* FNV-1a */
static uint32_t nodes_hash_entry(const struct fs_nodes *t, uint32_t parent, const char *name)
{
	uint32_t h = 2166136261u ^ parent * 2654435761u;

	for (; name && *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return (h ^ h >> 15) & (t->buckets - 1);
}

static void nodes_link_entry(struct fs_nodes *t, uint32_t i)
{
	const uint32_t h = nodes_hash_entry(t, t->node[i].parent, t->node[i].name);

	t->node[i].next_entry = t->entry[h];
	t->entry[h] = i;
}

static void nodes_unlink_entry(struct fs_nodes *t, uint32_t i)
{
	uint32_t *at = &t->entry[nodes_hash_entry(t, t->node[i].parent, t->node[i].name)];

	while (*at != i)
		at = &t->node[*at].next_entry;
	*at = t->node[i].next_entry;
}

struct fs_nodes *fs_nodes_new(void (*on_drop)(void *ctx, int watch), void *ctx)
{
	struct fs_nodes *t = mem_alloc(sizeof(*t));

	t->on_drop = on_drop;
	t->ctx = ctx;
	t->size = NODES_FIRST;
	t->node = mem_alloc_array(t->size, sizeof(*t->node));
	t->n = 1;
	t->buckets = NODES_FIRST;
	t->bucket = mem_alloc_array(t->buckets, sizeof(*t->bucket));
	t->entry = mem_alloc_array(t->buckets, sizeof(*t->entry));
	return t;
}

void fs_nodes_free(struct fs_nodes *t)
{
	if (!t)
		return;
	for (uint32_t i = 1; i < t->n; i++) {
		if (t->node[i].export == NODE_FREE)
			continue;
		if (t->node[i].fd >= 0)
			close(t->node[i].fd);
		free(t->node[i].name);
		free(t->node[i].origin);
	}
	free(t->node);
	free(t->bucket);
	free(t->entry);
	free(t);
}

struct fs_node *fs_nodes_get(struct fs_nodes *t, uint64_t number)
{
	return number > 0 && number < t->n && t->node[number].export != NODE_FREE ? &t->node[number]
										  : NULL;
}

uint32_t fs_nodes_number(const struct fs_nodes *t, const struct fs_node *n)
{
	return (uint32_t)(n - t->node);
}

size_t fs_nodes_count(const struct fs_nodes *t)
{
	return t->count;
}

bool fs_identity_is_same(const struct fs_identity *a, const struct fs_identity *b)
{
	return a->inode == b->inode && a->device == b->device && a->birth_s == b->birth_s &&
	       a->birth_ns == b->birth_ns && a->type == b->type;
}

struct fs_node *fs_nodes_find(struct fs_nodes *t, uint16_t export,
			      const struct fs_identity *identity)
{
	for (uint32_t i = t->bucket[nodes_hash(t, export, identity)]; i; i = t->node[i].next)
		if (t->node[i].export == export &&
		    fs_identity_is_same(&t->node[i].identity, identity))
			return &t->node[i];
	return NULL;
}

struct fs_node *fs_nodes_find_entry(struct fs_nodes *t, uint32_t parent, const char *name)
{
	uint32_t i = t->entry[nodes_hash_entry(t, parent, name)];

	for (; i; i = t->node[i].next_entry)
		if (t->node[i].parent == parent && t->node[i].fd < 0 && t->node[i].name &&
		    strcmp(t->node[i].name, name) == 0)
			return &t->node[i];
	return NULL;
}

static void nodes_rehash(struct fs_nodes *t)
{
	free(t->bucket);
	free(t->entry);
	t->buckets *= 2;
	t->entry = mem_alloc_array(t->buckets, sizeof(*t->entry));
	t->bucket = mem_alloc_array(t->buckets, sizeof(*t->bucket));
	for (uint32_t i = 1; i < t->n; i++) {
		uint32_t h;

		if (t->node[i].export == NODE_FREE)
			continue;
		h = nodes_hash(t, t->node[i].export, &t->node[i].identity);
		t->node[i].next = t->bucket[h];
		t->bucket[h] = i;
		nodes_link_entry(t, i);
	}
}

/* The number of an unused entry; 0: the table is full. */
static uint32_t nodes_take(struct fs_nodes *t)
{
	uint32_t i = t->free;

	if (i) {
		t->free = t->node[i].next;
		return i;
	}
	if (t->n == FS_NODES_MAX)
		return 0;
	if (t->n == t->size) {
		t->size *= 2;
		t->node = mem_resize(t->node, t->size, sizeof(*t->node));
	}
	t->node[t->n].generation = 0;
	return t->n++;
}

struct fs_node *fs_nodes_add(struct fs_nodes *t, uint16_t export,
			     const struct fs_identity *identity, uint32_t parent, const char *name)
{
	uint32_t i, h;

	if (t->count == t->buckets) /* while all that there are have a place */
		nodes_rehash(t);
	i = nodes_take(t);
	if (!i) {
		errno = ENFILE;
		return NULL;
	}
	h = nodes_hash(t, export, identity);
	t->node[i] = (struct fs_node){
		.identity = *identity,
		.lookups = 1,
		.parent = parent,
		.generation = t->node[i].generation + 1,
		.export = export,
		.fd = -1,
		.watch = -1,
		.name = name ? mem_strdup(name) : NULL,
		.next = t->bucket[h],
	};
	t->bucket[h] = i;
	nodes_link_entry(t, i);
	t->count++;
	if (parent)
		fs_nodes_hold(t, parent);
	return &t->node[i];
}

static void nodes_unlink(struct fs_nodes *t, uint32_t number)
{
	const struct fs_node *n = &t->node[number];
	uint32_t *at = &t->bucket[nodes_hash(t, n->export, &n->identity)];

	while (*at != number)
		at = &t->node[*at].next;
	*at = n->next;
}

void fs_nodes_become(struct fs_nodes *t, struct fs_node *n, const struct fs_identity *identity)
{
	const uint32_t number = fs_nodes_number(t, n);
	uint32_t *bucket;

	nodes_unlink(t, number);
	n->identity = *identity;
	bucket = &t->bucket[nodes_hash(t, n->export, identity)];
	n->next = *bucket;
	*bucket = number;
}

static void nodes_drop(struct fs_nodes *t, uint32_t number)
{
	struct fs_node *n = &t->node[number];

	nodes_unlink(t, number);
	nodes_unlink_entry(t, number);
	if (n->fd >= 0)
		close(n->fd);
	if (n->watch >= 0 && t->on_drop)
		t->on_drop(t->ctx, n->watch);
	free(n->name);
	free(n->origin);
	*n = (struct fs_node){.export = NODE_FREE, .generation = n->generation, .next = t->free};
	t->free = number;
	t->count--;
}

/* Drops it when nothing refers to it, and then its parent in the same way. */
static void nodes_settle(struct fs_nodes *t, uint32_t number)
{
	while (number && t->node[number].lookups == 0 && t->node[number].references == 0) {
		const uint32_t parent = t->node[number].parent;

		nodes_drop(t, number);
		if (parent)
			t->node[parent].references--;
		number = parent;
	}
}

bool fs_nodes_move(struct fs_nodes *t, struct fs_node *n, uint32_t parent, const char *name)
{
	const uint32_t number = fs_nodes_number(t, n), before = n->parent;

	if (n->fd < 0 && before == parent && strcmp(n->name, name) == 0)
		return true;
	for (uint32_t up = parent; up; up = t->node[up].parent)
		if (up == number)
			return false;
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
	nodes_unlink_entry(t, number);
	free(n->name);
	n->name = mem_strdup(name);
	fs_nodes_hold(t, parent);
	n->parent = parent;
	n->told_name = true;
	nodes_link_entry(t, number);
	fs_nodes_release(t, before);
	return true;
}

void fs_nodes_pin(struct fs_node *n, int fd)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = fd;
	n->told_name = false;
}

void fs_nodes_forget(struct fs_nodes *t, uint64_t number, uint64_t n)
{
	struct fs_node *node = fs_nodes_get(t, number);

	if (!node || number == FS_NODE_ROOT)
		return;
	node->lookups -= n < node->lookups ? n : node->lookups;
	nodes_settle(t, (uint32_t)number);
}

void fs_nodes_hold(struct fs_nodes *t, uint32_t number)
{
	t->node[number].references++;
}

void fs_nodes_release(struct fs_nodes *t, uint32_t number)
{
	if (!number)
		return;
	t->node[number].references--;
	nodes_settle(t, number);
}
