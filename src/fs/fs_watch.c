/* Theory of operation.
 *
 * 1. A watch is of an inode, so a directory that is renamed keeps its own, and a number that is
 *    given to another directory later does not: fs_watch_remove comes first.
 * 2. The kernel gives out descriptors in order; they index a table here. An event of a
 *    descriptor that was removed is dropped.
 * 3. What happens faster than it can be told (a database whose journal comes and goes) is told
 *    once for many times: of a piece of events, the last one of each entry.
 * 4. Watches are the user's, of whom other programs want some: a quarter of the limit is taken
 *    at most. */
#include "fs/fs_watch.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define WATCH_MASK                                                                                 \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_ATTRIB | IN_ONLYDIR)
#define WATCH_CAME  (IN_CREATE | IN_MOVED_TO)
#define WATCH_WENT  (IN_DELETE | IN_MOVED_FROM)
#define WATCH_LIMIT "/proc/sys/fs/inotify/max_user_watches"

#define WATCH_EXPECTED 512
#define WATCH_PIECE    32768
#define WATCH_EVENTS   (WATCH_PIECE / sizeof(struct inotify_event))
#define WATCH_PIECES   160  /* of the kernel's queue, 16384 events, with the longest names */
#define WATCH_KNOWN    4096 /* more than events */

struct fs_watch {
	int fd;
	uint64_t expected[WATCH_EXPECTED]; /* directory and hash of the name; 0: none */
	size_t next_expected;
	uint64_t known[WATCH_KNOWN];  /* entries of a piece, by hash */
	uint32_t event[WATCH_EVENTS]; /* offsets in it */
	size_t most, count;
	uint32_t *directory; /* by descriptor; 0: none */
	size_t size;
};

static size_t watch_most(size_t most)
{
	AUTO_BUF struct buf text = {0};
	struct err ignored;
	int64_t limit;
	char *end;

	if (file_read(AT_FDCWD, WATCH_LIMIT, 64, &text, &ignored) < 0)
		return most;
	end = strchr((char *)(uintptr_t)buf_text(&text), '\n');
	if (end)
		*end = '\0';
	if (number_parse(buf_text(&text), 0, INT32_MAX, &limit) && (size_t)limit / 4 < most)
		most = (size_t)limit / 4;
	return most;
}

struct fs_watch *fs_watch_new(size_t most, struct err *e)
{
	const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct fs_watch *w;

	if (fd < 0) {
		err_sys(e, "inotify");
		return NULL;
	}
	w = mem_alloc(sizeof(*w));
	w->fd = fd;
	w->most = watch_most(most);
	return w;
}

void fs_watch_free(struct fs_watch *w)
{
	if (!w)
		return;
	close(w->fd);
	free(w->directory);
	free(w);
}

int fs_watch_fd(const struct fs_watch *w)
{
	return w->fd;
}

static void watch_remember(struct fs_watch *w, int descriptor, uint32_t directory)
{
	const size_t before = w->size;

	if ((size_t)descriptor >= w->size) {
		w->size = 2 * (size_t)descriptor + 64;
		w->directory = mem_resize(w->directory, w->size, sizeof(*w->directory));
		memset(w->directory + before, 0, (w->size - before) * sizeof(*w->directory));
	}
	w->count += w->directory[descriptor] == 0;
	w->directory[descriptor] = directory;
}

int fs_watch_add(struct fs_watch *w, int fd, uint32_t directory)
{
	char path[32];
	int descriptor;

	if (w->count >= w->most)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	descriptor = inotify_add_watch(w->fd, path, WATCH_MASK);
	if (descriptor < 0) {
		if (errno == ENOSPC) /* the limit is reached, by others */
			w->most = w->count;
		return -1;
	}
	watch_remember(w, descriptor, directory);
	return descriptor;
}

void fs_watch_remove(struct fs_watch *w, int descriptor)
{
	if (descriptor < 0 || (size_t)descriptor >= w->size || !w->directory[descriptor])
		return;
	(void)inotify_rm_watch(w->fd, descriptor);
	w->directory[descriptor] = 0;
	w->count--;
}

/* FNV-1a of the name; never 0. */
static uint64_t watch_entry(uint32_t directory, const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return (uint64_t)directory << 32 | h;
}

void fs_watch_expect_gone(struct fs_watch *w, uint32_t directory, const char *name)
{
	w->expected[w->next_expected++ % WATCH_EXPECTED] = watch_entry(directory, name);
}

/* Once: the next time it was somebody else. */
static bool watch_was_expected(struct fs_watch *w, uint32_t directory, const char *name)
{
	const uint64_t entry = watch_entry(directory, name);

	for (size_t i = 0; i < WATCH_EXPECTED; i++)
		if (w->expected[i] == entry) {
			w->expected[i] = 0;
			return true;
		}
	return false;
}

/* Whether the same was said already of this entry: that it came or went, or that it changed. */
static bool watch_is_known(struct fs_watch *w, const struct inotify_event *event)
{
	const uint32_t class = event->mask & (WATCH_CAME | WATCH_WENT) ? 1 : 2;
	const uint64_t key = watch_entry((uint32_t)event->wd * 2 + class, event->name);
	size_t i = (key ^ key >> 29) % WATCH_KNOWN;

	for (; w->known[i]; i = (i + 1) % WATCH_KNOWN)
		if (w->known[i] == key)
			return true;
	w->known[i] = key;
	return false;
}

static bool watch_is_of_ours(struct fs_watch *w, const struct inotify_event *event)
{
	return event->wd >= 0 && (size_t)event->wd < w->size && w->directory[event->wd];
}

static void watch_tell(struct fs_watch *w, const struct inotify_event *event,
		       fs_watch_on_change *on_change, void *ctx)
{
	if (event->mask & IN_Q_OVERFLOW) {
		on_change(ctx, 0, "", FS_WATCH_LOST, false);
		return;
	}
	if (!watch_is_of_ours(w, event))
		return;
	if (event->mask & IN_IGNORED) { /* the directory is gone */
		w->directory[event->wd] = 0;
		w->count--;
		return;
	}
	if (event->len)
		on_change(ctx, w->directory[event->wd], event->name,
			  event->mask & WATCH_CAME	? FS_WATCH_NAME
			  : event->mask & IN_DELETE	? FS_WATCH_GONE
			  : event->mask & IN_MOVED_FROM ? FS_WATCH_MOVED
							: FS_WATCH_CONTENTS,
			  event->mask & IN_ISDIR);
}

/* The events of a piece that are to be told, in order: of those that say the same the last one,
 * since what it is about is looked at when it is told. */
static size_t watch_choose(struct fs_watch *w, const char *bytes, size_t n)
{
	size_t chosen = 0, kept = WATCH_EVENTS;

	for (size_t at = 0; at < n && chosen < WATCH_EVENTS;) {
		const struct inotify_event *event = (const void *)(bytes + at);

		if (!(event->mask & WATCH_WENT && watch_is_of_ours(w, event) &&
		      watch_was_expected(w, w->directory[event->wd], event->name)))
			w->event[chosen++] = (uint32_t)at;
		at += sizeof(*event) + event->len;
	}
	memset(w->known, 0, sizeof(w->known));
	while (chosen--) {
		const struct inotify_event *event = (const void *)(bytes + w->event[chosen]);

		if (!event->len || !watch_is_known(w, event))
			w->event[--kept] = w->event[chosen];
	}
	return kept;
}

void fs_watch_read(struct fs_watch *w, fs_watch_on_change *on_change, void *ctx)
{
	alignas(struct inotify_event) char bytes[WATCH_PIECE];
	ssize_t n;

	/* What is there now, and not for ever while the host goes on. */
	for (int k = 0; k < WATCH_PIECES && (n = read(w->fd, bytes, sizeof(bytes))) > 0; k++)
		for (size_t i = watch_choose(w, bytes, (size_t)n); i < WATCH_EVENTS; i++)
			watch_tell(w, (const void *)(bytes + w->event[i]), on_change, ctx);
}
