/* Theory of operation.
 *
 * 1. Owners and waiting requests are bounded: a guest's root can ask for any number. Beyond,
 *    ENOLCK.
 * 2. Nothing blocks: a lock that is taken is asked for again. fs_locks_retry is called after
 *    each unlock and by the clock. A deadlock among the guest's processes is not found
 *    (EDEADLK); a signal ends it.
 * 3. A range comes from the guest: begin and end are checked to be a range that fcntl(2) takes.
 * 4. Whoever has a lock must see what others did before they gave it up: the caller is told
 *    when that is to be looked at. It is not for a process that has one already and takes
 *    another one beyond the end of the file: such a byte stands for no data of its own (SQLite
 *    takes several of them in a row). */
#include "fs/fs_lock.h"
#include "base/mem.h"
#include "fs/fs_switch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCKS_OWNERS_MAX 8192
#define LOCKS_WAIT_MAX	 4096

struct lock_owner {
	uint64_t owner;
	uint32_t node;
	int fd;	 /* its description */
	int via; /* fd of the handle that it was made through; only compared */
	bool holds;
};

enum lock_kind { LOCK_RANGE, LOCK_WHOLE /* flock(2) */, LOCK_SWITCH /* fs_switch.h */ };

struct lock_wait {
	uint64_t unique;
	int fd;	 /* of the description; of a switch: of the handle */
	int via; /* as above */
	uint32_t node;
	uint64_t owner;
	enum lock_kind kind;
	struct flock range;
};

struct fs_locks {
	struct lock_owner *owner;
	struct lock_wait *wait;
	size_t nowner, nwait;
	struct fs_switches *switches;
	int process_fds;
	fs_locks_on_turn *on_turn;
	void *ctx;
};

struct fs_locks *fs_locks_new(int process_fds, fs_locks_on_turn *on_turn, void *ctx)
{
	struct fs_locks *t = mem_alloc(sizeof(*t));

	t->switches = fs_switches_new(process_fds);
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
	fs_switches_free(t->switches);
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

static bool locks_covers_data(const struct lock_wait *w)
{
	struct stat st;

	return fstat(w->fd, &st) < 0 || w->range.l_start < st.st_size;
}

/* Whether there may be something of others' to be seen, now that it is locked; what the owner
 * holds is noted. */
static int locks_taken(struct fs_locks *t, const struct lock_wait *w)
{
	struct lock_owner *o = w->kind == LOCK_RANGE ? locks_find(t, w->node, w->owner) : NULL;
	const bool first = !o || !o->holds;

	if (w->range.l_type == F_UNLCK) {
		if (o && w->range.l_start == 0 && w->range.l_len == 0)
			o->holds = false;
		return 0;
	}
	if (o)
		o->holds = true;
	return first || locks_covers_data(w) ? FS_LOCK_TAKEN : 0;
}

/* 0, FS_LOCK_TAKEN, FS_LOCK_MAPPED, EAGAIN or another errno. */
static int locks_try(struct fs_locks *t, const struct lock_wait *w)
{
	static const int operations[] = {
		[F_RDLCK] = LOCK_SH, [F_WRLCK] = LOCK_EX, [F_UNLCK] = LOCK_UN};
	struct flock range = w->range;
	bool first;
	int rc;

	if (w->kind == LOCK_SWITCH) {
		const struct fs_handle h = {.fd = w->fd, .node = w->node};

		rc = fs_switches_set(t->switches, &h, w->owner, range.l_start, range.l_type,
				     &first);
		return rc == 0 && first ? FS_LOCK_MAPPED : rc;
	}
	rc = w->kind == LOCK_WHOLE ? flock(w->fd, operations[w->range.l_type] | LOCK_NB)
				   : fcntl(w->fd, F_OFD_SETLK, &range);
	if (rc == 0)
		return locks_taken(t, w);
	return errno == EACCES || errno == EWOULDBLOCK ? EAGAIN : errno;
}

static int locks_ask(struct fs_locks *t, const struct lock_wait *w, bool wait)
{
	const int code = locks_try(t, w);

	if (code <= 0 && w->range.l_type != F_WRLCK)
		fs_locks_retry(t);
	if (code != EAGAIN || !wait)
		return code;
	if (t->nwait == LOCKS_WAIT_MAX)
		return ENOLCK;
	t->wait = mem_resize(t->wait, t->nwait + 1, sizeof(*t->wait));
	t->wait[t->nwait++] = *w;
	return FS_LOCK_WAITS;
}

int fs_locks_set(struct fs_locks *t, const struct fs_handle *h, const char *name,
		 const struct fuse_lk_in *lk, bool wait, uint64_t unique)
{
	struct lock_wait w = {.unique = unique, .via = h->fd, .node = h->node, .owner = lk->owner};
	int code = locks_range(&lk->lk, &w.range);

	if (code)
		return code;
	if (fs_switches_are(t->switches, h->node, name, lk->lk.start, lk->lk.end)) {
		w.kind = LOCK_SWITCH;
		w.fd = h->fd;
		return locks_ask(t, &w, wait);
	}
	if (lk->lk.type == F_UNLCK)
		fs_switches_release(t->switches, h->node, lk->owner, lk->lk.start, lk->lk.end);
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
			      .kind = LOCK_WHOLE};

	if (lk->lk.type != F_RDLCK && lk->lk.type != F_WRLCK && lk->lk.type != F_UNLCK)
		return EINVAL;
	w.range.l_type = (short)lk->lk.type;
	return locks_ask(t, &w, wait);
}

static int locks_get_switch(struct fs_locks *t, const struct fs_handle *h,
			    const struct fuse_lk_in *lk, struct fuse_file_lock *out)
{
	int type = (int)lk->lk.type;
	const int code = fs_switches_get(t->switches, h, lk->owner, (int64_t)lk->lk.start, &type);

	*out = (struct fuse_file_lock){
		.type = (uint32_t)type, .start = lk->lk.start, .end = lk->lk.end};
	return code;
}

int fs_locks_get(struct fs_locks *t, const struct fs_handle *h, const char *name,
		 const struct fuse_lk_in *lk, struct fuse_file_lock *out)
{
	struct flock range;
	int fd, code = locks_range(&lk->lk, &range);

	if (!code && fs_switches_are(t->switches, h->node, name, lk->lk.start, lk->lk.end))
		return locks_get_switch(t, h, lk, out);
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

void fs_locks_shut(struct fs_locks *t, uint32_t node, uint32_t database, int fd)
{
	fs_switches_shut(t->switches, node, database, fd);
}

bool fs_locks_is_mapped_abroad(const struct fs_locks *t, uint32_t node, int fd)
{
	return fs_switches_is_abroad(t->switches, node, fd);
}

/* ---- the end of locks, and of waiting ---- */

static void locks_answer(struct fs_locks *t, size_t i, int code)
{
	const struct lock_wait w = t->wait[i];

	t->nwait--;
	for (size_t k = i; k < t->nwait; k++) /* in order: first come, first served */
		t->wait[k] = t->wait[k + 1];
	t->on_turn(t->ctx, w.node, w.unique, code);
}

/* Of one owner, or of one handle (via). */
static void locks_end_waits(struct fs_locks *t, uint32_t node, uint64_t owner, int via)
{
	for (size_t i = t->nwait; i-- > 0;) {
		const struct lock_wait *w = &t->wait[i];

		if (via >= 0 ? w->via == via
			     : w->node == node && w->owner == owner && w->kind != LOCK_WHOLE)
			locks_answer(t, i, EINTR);
	}
}

void fs_locks_drop_owner(struct fs_locks *t, uint32_t node, uint64_t owner)
{
	bool any;

	locks_end_waits(t, node, owner, -1);
	any = fs_switches_drop_owner(t->switches, node, owner);
	for (size_t i = t->nowner; i-- > 0;) {
		if (t->owner[i].node != node || t->owner[i].owner != owner)
			continue;
		close(t->owner[i].fd);
		t->owner[i] = t->owner[--t->nowner];
		any = true;
	}
	if (any)
		fs_locks_retry(t);
}

void fs_locks_drop_handle(struct fs_locks *t, const struct fs_handle *h)
{
	locks_end_waits(t, 0, 0, h->fd);
	fs_switches_drop_handle(t->switches, h);
	for (size_t i = t->nowner; i-- > 0;) {
		if (t->owner[i].via != h->fd)
			continue;
		close(t->owner[i].fd);
		t->owner[i] = t->owner[--t->nowner];
	}
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
		const int code = locks_try(t, &t->wait[i]);

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
