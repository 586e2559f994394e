#include "fs/fs_handle.h"
#include "base/mem.h"

#include <unistd.h>

#define HANDLES_FIRST 64

struct fs_handles {
	struct fs_handle *handle;
	uint32_t n, size, most, free; /* free: index + 1; 0: none */
};

struct fs_handles *fs_handles_new(size_t most)
{
	struct fs_handles *t = mem_alloc(sizeof(*t));

	t->most = (uint32_t)most;
	t->size = HANDLES_FIRST;
	t->handle = mem_alloc_array(t->size, sizeof(*t->handle));
	return t;
}

void fs_handles_free(struct fs_handles *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n; i++)
		if (t->handle[i].fd >= 0)
			close(t->handle[i].fd);
	free(t->handle);
	free(t);
}

static struct fs_handle *handles_take(struct fs_handles *t)
{
	struct fs_handle *h;

	if (t->free) {
		h = &t->handle[t->free - 1];
		t->free = h->next;
		return h;
	}
	if (t->n == t->most)
		return NULL;
	if (t->n == t->size) {
		t->size *= 2;
		t->handle = mem_resize(t->handle, t->size, sizeof(*t->handle));
	}
	h = &t->handle[t->n++];
	h->generation = 0;
	return h;
}

uint64_t fs_handles_add(struct fs_handles *t, int fd, uint32_t node, int access)
{
	struct fs_handle *h = handles_take(t);

	if (!h)
		return 0;
	*h = (struct fs_handle){
		.fd = fd, .node = node, .generation = h->generation + 1, .access = access};
	return (uint64_t)h->generation << 32 | (uint64_t)(h - t->handle);
}

struct fs_handle *fs_handles_get(struct fs_handles *t, uint64_t number, uint64_t node)
{
	const uint32_t i = (uint32_t)number;
	struct fs_handle *h = i < t->n ? &t->handle[i] : NULL;

	return h && h->fd >= 0 && h->generation == number >> 32 && h->node == node ? h : NULL;
}

struct fs_handle *fs_handles_next(struct fs_handles *t, uint32_t node,
				  const struct fs_handle *after)
{
	for (uint32_t i = after ? (uint32_t)(after - t->handle) + 1 : 0; i < t->n; i++)
		if (t->handle[i].fd >= 0 && t->handle[i].node == node)
			return &t->handle[i];
	return NULL;
}

void fs_handles_revoke(struct fs_handles *t, uint32_t node)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->handle[i].fd >= 0 && t->handle[i].node == node)
			t->handle[i].revoked = true;
}

void fs_handles_drop(struct fs_handles *t, struct fs_handle *h)
{
	close(h->fd);
	*h = (struct fs_handle){.fd = -1, .generation = h->generation, .next = t->free};
	t->free = (uint32_t)(h - t->handle) + 1;
}
