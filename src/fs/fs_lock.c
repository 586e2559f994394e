/* Theory of operation.
 *
 * 1. Owners and waiting requests are bounded: a guest's root can ask for any number. Beyond,
 *    ENOLCK.
 * 2. Nothing blocks: a lock that is taken is asked for again. fs_locks_retry is called after
 *    each unlock and by the clock. A deadlock among the guest's processes is not found
 *    (EDEADLK); a signal ends it.
 * 3. A range comes from the guest: begin and end are checked to be a range that fcntl(2) takes. */
#include "fs/fs_lock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCKS_OWNERS_MAX 8192
#define LOCKS_WAIT_MAX	 4096

struct lock_owner {
	uint64_t owner;
	uint32_t node;
	int fd;	 /* its description */
	int via; /* fd of the handle that it was made through; only compared */
};

struct lock_wait {
	uint64_t unique;
	int fd;	 /* of the description */
	int via; /* as above */
	uint32_t node;
	uint64_t owner;
	bool whole; /* flock(2) */
	struct flock range;
};

struct fs_locks {
	struct lock_owner *owner;
	struct lock_wait *wait;
	size_t nowner, nwait;
	int process_fds;
	void (*on_turn)(void *ctx, uint64_t unique, int code);
	void *ctx;
};

struct fs_locks *fs_locks_new(int process_fds,
			      void (*on_turn)(void *ctx, uint64_t unique, int code), void *ctx)
{
	struct fs_locks *t = mem_alloc(sizeof(*t));

	t->process_fds = process_fds;
	t->on_turn = on_turn;
	t->ctx = ctx;
	return t;
}

void fs_locks_free(struct fs_locks *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nowner; i++)
		close(t->owner[i].fd);
	free(t->owner);
	free(t->wait);
	free(t);
}

static struct lock_owner *locks_find(struct fs_locks *t, uint32_t node, uint64_t owner)
{
	for (size_t i = 0; i < t->nowner; i++)
		if (t->owner[i].node == node && t->owner[i].owner == owner)
			return &t->owner[i];
	return NULL;
}

/* The description that stands for the owner, in *fd; 0 or an errno. */
static int locks_describe(struct fs_locks *t, const struct fs_handle *h, uint64_t owner, int *fd)
{
	struct lock_owner *o = locks_find(t, h->node, owner);
	char name[16];

	if (o) {
		*fd = o->fd;
		/* A description that may only be read takes no lock for writing. */
		if ((fcntl(o->fd, F_GETFL) & O_ACCMODE) == h->access ||
		    (fcntl(o->fd, F_GETFL) & O_ACCMODE) == O_RDWR)
			return 0;
	}
	if (t->nowner == LOCKS_OWNERS_MAX)
		return ENOLCK;
	snprintf(name, sizeof(name), "%d", h->fd);
	*fd = openat(t->process_fds, name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
		*fd = openat(t->process_fds, name, h->access | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return errno == EMFILE || errno == ENFILE ? ENOLCK : errno;
	t->owner = mem_resize(t->owner, t->nowner + 1, sizeof(*t->owner));
	t->owner[t->nowner++] = (struct lock_owner){
		.owner = owner, .node = h->node, .fd = *fd, .via = h->fd};
	return 0;
}

/* 0, or EINVAL for what is no range. */
static int locks_range(const struct fuse_file_lock *lk, struct flock *range)
{
	if (lk->start > LLONG_MAX || lk->end < lk->start ||
	    (lk->type != F_RDLCK && lk->type != F_WRLCK && lk->type != F_UNLCK))
		return EINVAL;
	*range = (struct flock){
		.l_type = (short)lk->type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)lk->start,
		.l_len = lk->end >= LLONG_MAX ? 0 : (off_t)(lk->end - lk->start + 1),
	};
	return 0;
}

static int locks_try(const struct lock_wait *w)
{
	static const int operations[] = {
		[F_RDLCK] = LOCK_SH, [F_WRLCK] = LOCK_EX, [F_UNLCK] = LOCK_UN};
	struct flock range = w->range;
	int rc;

	rc = w->whole ? flock(w->fd, operations[w->range.l_type] | LOCK_NB)
		      : fcntl(w->fd, F_OFD_SETLK, &range);
	if (rc == 0)
		return 0;
	return errno == EACCES || errno == EWOULDBLOCK ? EAGAIN : errno;
}

static int locks_ask(struct fs_locks *t, const struct lock_wait *w, bool wait)
{
	const int code = locks_try(w);

	if (code == 0 && w->range.l_type != F_WRLCK)
		fs_locks_retry(t);
	if (code != EAGAIN || !wait)
		return code;
	if (t->nwait == LOCKS_WAIT_MAX)
		return ENOLCK;
	t->wait = mem_resize(t->wait, t->nwait + 1, sizeof(*t->wait));
	t->wait[t->nwait++] = *w;
	return FS_LOCK_WAITS;
}

int fs_locks_set(struct fs_locks *t, const struct fs_handle *h, const struct fuse_lk_in *lk,
		 bool wait, uint64_t unique)
{
	struct lock_wait w = {.unique = unique, .via = h->fd, .node = h->node, .owner = lk->owner};
	int code = locks_range(&lk->lk, &w.range);

	if (code)
		return code;
	if (lk->lk.type == F_UNLCK && !locks_find(t, h->node, lk->owner))
		return 0;
	code = locks_describe(t, h, lk->owner, &w.fd);
	return code ? code : locks_ask(t, &w, wait);
}

int fs_locks_flock(struct fs_locks *t, const struct fs_handle *h, const struct fuse_lk_in *lk,
		   bool wait, uint64_t unique)
{
	struct lock_wait w = {.unique = unique,
			      .fd = h->fd,
			      .via = h->fd,
			      .node = h->node,
			      .owner = lk->owner,
			      .whole = true};

	if (lk->lk.type != F_RDLCK && lk->lk.type != F_WRLCK && lk->lk.type != F_UNLCK)
		return EINVAL;
	w.range.l_type = (short)lk->lk.type;
	return locks_ask(t, &w, wait);
}

int fs_locks_get(struct fs_locks *t, const struct fs_handle *h, const struct fuse_lk_in *lk,
		 struct fuse_file_lock *out)
{
	struct flock range;
	int fd, code = locks_range(&lk->lk, &range);

	if (!code)
		code = locks_describe(t, h, lk->owner, &fd);
	if (code)
		return code;
	if (fcntl(fd, F_OFD_GETLK, &range) < 0)
		return errno;
	*out = (struct fuse_file_lock){.type = (uint32_t)range.l_type};
	if (range.l_type != F_UNLCK) {
		out->start = (uint64_t)range.l_start;
		out->end = range.l_len ? (uint64_t)(range.l_start + range.l_len - 1) : LLONG_MAX;
		out->pid = 0; /* of another machine, seen from the guest */
	}
	return 0;
}

/* ---- the end of locks, and of waiting ---- */

static void locks_answer(struct fs_locks *t, size_t i, int code)
{
	const uint64_t unique = t->wait[i].unique;

	t->nwait--;
	for (size_t k = i; k < t->nwait; k++) /* in order: first come, first served */
		t->wait[k] = t->wait[k + 1];
	t->on_turn(t->ctx, unique, code);
}

static void locks_end_waits(struct fs_locks *t, int fd)
{
	for (size_t i = t->nwait; i-- > 0;)
		if (t->wait[i].fd == fd)
			locks_answer(t, i, EINTR);
}

void fs_locks_drop_owner(struct fs_locks *t, uint32_t node, uint64_t owner)
{
	bool any = false;

	for (size_t i = t->nowner; i-- > 0;) {
		if (t->owner[i].node != node || t->owner[i].owner != owner)
			continue;
		locks_end_waits(t, t->owner[i].fd);
		close(t->owner[i].fd);
		t->owner[i] = t->owner[--t->nowner];
		any = true;
	}
	if (any)
		fs_locks_retry(t);
}

void fs_locks_drop_handle(struct fs_locks *t, const struct fs_handle *h)
{
	for (size_t i = t->nowner; i-- > 0;) {
		if (t->owner[i].via != h->fd)
			continue;
		locks_end_waits(t, t->owner[i].fd);
		close(t->owner[i].fd);
		t->owner[i] = t->owner[--t->nowner];
	}
	locks_end_waits(t, h->fd);
}

bool fs_locks_interrupt(struct fs_locks *t, uint64_t unique)
{
	for (size_t i = 0; i < t->nwait; i++)
		if (t->wait[i].unique == unique) {
			locks_answer(t, i, EINTR);
			return true;
		}
	return false;
}

void fs_locks_retry(struct fs_locks *t)
{
	for (size_t i = 0; i < t->nwait;) {
		const int code = locks_try(&t->wait[i]);

		if (code == EAGAIN)
			i++;
		else
			locks_answer(t, i, code);
	}
}

bool fs_locks_are_awaited(const struct fs_locks *t)
{
	return t->nwait > 0;
}
