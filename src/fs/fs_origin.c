#include "fs/fs_origin.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdlib.h>

#define ORIGINS_FIRST 256

struct fs_origins {
	struct fs_origin *slot; /* open addressing; never removed from */
	size_t n, size;		/* size: a power of two */
};

struct fs_origins *fs_origins_new(void)
{
	struct fs_origins *t = mem_alloc(sizeof(*t));

	t->size = ORIGINS_FIRST;
	t->slot = mem_alloc_array(t->size, sizeof(*t->slot));
	return t;
}

void fs_origins_free(struct fs_origins *t)
{
	if (!t)
		return;
	free(t->slot);
	free(t);
}

/* The inode's slot, or the free one that it would have. */
static struct fs_origin *origins_slot(const struct fs_origins *t, uint64_t inode)
{
	size_t i = (size_t)((inode * 0x9e3779b97f4a7c15u) >> 20) & (t->size - 1);

	while (t->slot[i].file.inode && t->slot[i].file.inode != inode)
		i = (i + 1) & (t->size - 1);
	return &t->slot[i];
}

static void origins_grow(struct fs_origins *t)
{
	struct fs_origin *before = t->slot;
	const size_t size = t->size;

	t->size *= 2;
	t->slot = mem_alloc_array(t->size, sizeof(*t->slot));
	for (size_t i = 0; i < size; i++)
		if (before[i].file.inode)
			*origins_slot(t, before[i].file.inode) = before[i];
	free(before);
}

void fs_origins_set(struct fs_origins *t, struct fs_origin origin)
{
	struct fs_origin *slot;

	if (2 * t->n >= t->size)
		origins_grow(t);
	slot = origins_slot(t, origin.file.inode);
	t->n += slot->file.inode == 0;
	*slot = origin;
}

const struct fs_origin *fs_origins_get(const struct fs_origins *t, const struct fs_identity *file)
{
	const struct fs_origin *slot = origins_slot(t, file->inode);

	/* The number may be another file's by now. */
	return slot->file.inode && fs_identity_is_same(&slot->file, file) ? slot : NULL;
}
