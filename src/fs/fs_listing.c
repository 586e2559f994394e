#include "fs/fs_listing.h"
#include "base/clock.h"
#include "base/mem.h"
#include "fs/fs_node.h"

#include <unistd.h>

#define LISTINGS_MAX 32
#define LISTINGS_MS  5000

/* A directory is known by its identity: its node may be forgotten, and the number given to
 * another one. */
struct listing {
	struct fs_identity directory;
	uint64_t offset;
	int64_t since; /* ms */
	int fd;
};

struct fs_listings {
	struct listing listing[LISTINGS_MAX]; /* the oldest first */
	size_t n;
};

struct fs_listings *fs_listings_new(void)
{
	return mem_alloc(sizeof(struct fs_listings));
}

void fs_listings_free(struct fs_listings *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		close(t->listing[i].fd);
	free(t);
}

static int listings_remove(struct fs_listings *t, size_t i)
{
	const int fd = t->listing[i].fd;

	t->n--;
	for (; i < t->n; i++)
		t->listing[i] = t->listing[i + 1];
	return fd;
}

void fs_listings_put(struct fs_listings *t, const struct fs_node *directory, uint64_t offset,
		     int fd)
{
	if (t->n == LISTINGS_MAX)
		close(listings_remove(t, 0));
	t->listing[t->n++] = (struct listing){.directory = directory->identity,
					      .offset = offset,
					      .since = clock_mono_ms(),
					      .fd = fd};
}

int fs_listings_take(struct fs_listings *t, const struct fs_node *directory, uint64_t offset)
{
	for (size_t i = t->n; i-- > 0;)
		if (t->listing[i].offset == offset &&
		    fs_identity_is_same(&t->listing[i].directory, &directory->identity))
			return listings_remove(t, i);
	return -1;
}

bool fs_listings_are_there(const struct fs_listings *t)
{
	return t->n > 0;
}

void fs_listings_expire(struct fs_listings *t)
{
	const int64_t now = t->n ? clock_mono_ms() : 0;

	while (t->n && now - t->listing[0].since >= LISTINGS_MS)
		close(listings_remove(t, 0));
}
