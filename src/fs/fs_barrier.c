/* Theory of operation.
 *
 * 1. What waits is bounded; a guest's kernel has one for each process that takes a lock.
 * 2. The relay drops notices that find no room. So the question is repeated, and after
 *    BARRIER_TRIES the answer goes out without a reply: a guest that does not reply harms its
 *    own view alone. */
#include "fs/fs_barrier.h"
#include "base/clock.h"
#include "base/mem.h"

#include <linux/fuse.h>

#define BARRIER_MAX   4096
#define BARRIER_MS    1000
#define BARRIER_TRIES 10

struct barrier {
	uint64_t cookie, node, unique;
	int64_t since; /* ms */
	int tries;
};

struct fs_barriers {
	struct fs_barriers_callbacks callbacks;
	struct barrier *wait;
	size_t n;
	uint64_t last_cookie;
};

struct fs_barriers *fs_barriers_new(const struct fs_barriers_callbacks *callbacks)
{
	struct fs_barriers *t = mem_alloc(sizeof(*t));

	t->callbacks = *callbacks;
	return t;
}

void fs_barriers_free(struct fs_barriers *t)
{
	if (!t)
		return;
	free(t->wait);
	free(t);
}

static void barriers_ask(struct fs_barriers *t, struct barrier *b)
{
	const struct {
		struct fuse_out_header head;
		struct fuse_notify_retrieve_out out;
	} notice = {
		.head = {.len = sizeof(notice), .error = FUSE_NOTIFY_RETRIEVE},
		.out = {.notify_unique = b->cookie, .nodeid = b->node},
	};

	b->since = clock_mono_ms();
	b->tries++;
	t->callbacks.on_send(t->callbacks.ctx, &notice, sizeof(notice));
}

bool fs_barriers_add(struct fs_barriers *t, uint64_t node, uint64_t unique)
{
	if (t->n == BARRIER_MAX)
		return false;
	t->wait = mem_resize(t->wait, t->n + 1, sizeof(*t->wait));
	t->wait[t->n] = (struct barrier){
		.cookie = ++t->last_cookie, .node = node, .unique = unique};
	barriers_ask(t, &t->wait[t->n++]);
	return true;
}

static void barriers_pass(struct fs_barriers *t, size_t i)
{
	const uint64_t unique = t->wait[i].unique;

	t->wait[i] = t->wait[--t->n];
	t->callbacks.on_pass(t->callbacks.ctx, unique);
}

void fs_barriers_reply(struct fs_barriers *t, uint64_t cookie)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->wait[i].cookie == cookie) {
			barriers_pass(t, i);
			return;
		}
}

bool fs_barriers_are_pending(const struct fs_barriers *t)
{
	return t->n > 0;
}

void fs_barriers_tick(struct fs_barriers *t)
{
	const int64_t now = t->n ? clock_mono_ms() : 0;

	for (size_t i = t->n; i-- > 0;) {
		struct barrier *b = &t->wait[i];

		if (now - b->since < BARRIER_MS)
			continue;
		if (b->tries == BARRIER_TRIES)
			barriers_pass(t, i);
		else
			barriers_ask(t, b);
	}
}
