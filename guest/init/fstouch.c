/* Theory of operation.
 *
 * 1. Who watches what is read from /proc/PID/fdinfo, when something changed on the host, and not
 *    more often than takes a twentieth of the time: where nothing changes or nothing is watched,
 *    nothing else is done. A change that nobody is known to watch waits for the next look.
 * 2. The kernel tells of an operation, so one is done that the server answers as if: the file is
 *    not changed by it.
 * 3. The agent may swap directories for links meanwhile, and this process is root: a way is
 *    walked within the mount alone, without links, and every operation is one on its last entry.
 * 4. Opening a file for writing keeps others from executing it for a moment: what may be executed
 *    is not opened.
 * 5. A FUSE operation may take as long as the host does; nothing waits for this process. */
#include "init/fstouch.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proto/fstouch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FSTOUCH_ROOM	 (256u << 10)
#define FSTOUCH_LEAST_MS 100 /* between looks */
#define FSTOUCH_SHARE	 20  /* of the time, at most one in so many */
#define FSTOUCH_WATCHED	 (1u << 16)

struct fstouch_process {
	int root, from;
	uint64_t device; /* as fdinfo shows it */
	uint64_t *watched;
	size_t nwatched;
	int64_t next_look; /* ms */
	bool looked;	   /* since the last change came */
	size_t n;
	unsigned char bytes[FSTOUCH_ROOM];
};

/* ---- who watches ---- */

static void fstouch_read_watches(struct fstouch_process *t, int fdinfo, const char *name)
{
	const int fd = openat(fdinfo, name, O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	unsigned long inode, device;
	char line[512];

	if (!f) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "inotify wd:%*x ino:%lx sdev:%lx", &inode, &device) == 2 &&
		    device == t->device && t->nwatched < FSTOUCH_WATCHED)
			t->watched[t->nwatched++] = inode;
	fclose(f);
}

static int fstouch_open_process(int proc, const char *pid, const char *what)
{
	AUTO_FREE char *path = mem_format("%s/%s", pid, what);

	return openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void fstouch_look_at(struct fstouch_process *t, int proc, const char *pid)
{
	static const char inotify[] = "anon_inode:inotify";
	const int fds = fstouch_open_process(proc, pid, "fd");
	DIR *dir = fds < 0 ? NULL : fdopendir(fds);
	const struct dirent *d;
	int fdinfo = -1;
	char link[64];

	if (!dir) {
		if (fds >= 0)
			close(fds);
		return;
	}
	while ((d = readdir(dir)))
		if (readlinkat(fds, d->d_name, link, sizeof(link)) ==
			    (ssize_t)sizeof(inotify) - 1 &&
		    memcmp(link, inotify, sizeof(inotify) - 1) == 0) {
			if (fdinfo < 0)
				fdinfo = fstouch_open_process(proc, pid, "fdinfo");
			fstouch_read_watches(t, fdinfo, d->d_name);
		}
	if (fdinfo >= 0)
		close(fdinfo);
	closedir(dir);
}

static void fstouch_look(struct fstouch_process *t)
{
	const int64_t start = clock_mono_ms();
	DIR *proc = opendir("/proc");
	const struct dirent *d;
	int64_t pause;

	t->nwatched = 0;
	while (proc && (d = readdir(proc)))
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9')
			fstouch_look_at(t, dirfd(proc), d->d_name);
	if (proc)
		closedir(proc);
	t->looked = true;
	pause = FSTOUCH_SHARE * (clock_mono_ms() - start);
	t->next_look = clock_mono_ms() + (pause > FSTOUCH_LEAST_MS ? pause : FSTOUCH_LEAST_MS);
}

static bool fstouch_is_watched(const struct fstouch_process *t, const struct fstouch *touch)
{
	for (size_t i = 0; i < t->nwatched; i++)
		if (t->watched[i] == touch->directory || t->watched[i] == touch->file)
			return true;
	return false;
}

/* ---- operations as if ---- */

static int fstouch_open_beneath(int dirfd, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (uint64_t)(O_PATH | O_NOFOLLOW | O_CLOEXEC | flags),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* Its contents or attributes: IN_MODIFY, and IN_CLOSE_WRITE. */
static void fstouch_change(int directory, const char *name)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}};
	AUTO_CLOSE int file = fstouch_open_beneath(directory, name, 0), writer = -1;
	struct stat st;
	char path[32];

	if (file < 0 || fstat(file, &st) < 0 || S_ISLNK(st.st_mode))
		return;
	times[1] = st.st_mtim;
	(void)utimensat(file, "", times, AT_EMPTY_PATH);
	if (!S_ISREG(st.st_mode) || st.st_mode & 0111)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	writer = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void fstouch_announce(const struct fstouch_process *t, const char *stage)
{
	struct stat st;

	(void)fstatat(t->root, stage, &st, AT_SYMLINK_NOFOLLOW);
}

static void fstouch_come(const struct fstouch_process *t, int directory, const char *name,
			 mode_t type)
{
	fstouch_announce(t, FSTOUCH_COMES);
	if (S_ISDIR(type))
		(void)mkdirat(directory, name, 0700);
	else if (S_ISLNK(type))
		(void)!symlinkat("x", directory, name);
	else if (!S_ISCHR(type) && !S_ISBLK(type))
		(void)mknodat(directory, name, (type & S_IFMT) | 0600, 0);
	fstouch_announce(t, FSTOUCH_IS);
	if (S_ISREG(type))
		fstouch_change(directory, name);
}

static void fstouch_go(const struct fstouch_process *t, int directory, const char *name,
		       mode_t type)
{
	fstouch_announce(t, S_ISDIR(type) ? FSTOUCH_RMDIR : FSTOUCH_GOES);
	/* Who looked meanwhile left an absent name behind; for a new entry the server is asked. */
	(void)mknodat(directory, name, S_IFREG | 0600, 0);
	(void)unlinkat(directory, name, S_ISDIR(type) ? AT_REMOVEDIR : 0);
	fstouch_announce(t, FSTOUCH_IS);
}

static void fstouch_do(const struct fstouch_process *t, const struct fstouch *touch, char *path)
{
	char *name = strrchr(path, '/');
	AUTO_CLOSE int directory = -1;

	if (!name)
		return;
	*name++ = '\0';
	directory = fstouch_open_beneath(t->root, path, O_DIRECTORY);
	if (directory < 0)
		return;
	if (touch->kind == FSTOUCH_CAME)
		fstouch_come(t, directory, name, touch->type);
	else if (touch->kind == FSTOUCH_WENT)
		fstouch_go(t, directory, name, touch->type);
	else
		fstouch_change(directory, name);
}

/* ---- the queue ---- */

/* The message at at, if it is whole; its length. */
static size_t fstouch_next(const struct fstouch_process *t, size_t at, struct fstouch *touch)
{
	if (t->n - at < sizeof(*touch))
		return 0;
	memcpy(touch, t->bytes + at, sizeof(*touch));
	/* The host's server is trusted; it is looked at all the same. */
	if (touch->length <= sizeof(*touch) || touch->length > FSTOUCH_MAX)
		_exit(1);
	return touch->length <= t->n - at && t->bytes[at + touch->length - 1] == '\0'
		       ? touch->length
		       : 0;
}

/* The same is said again further on: once is enough. */
static bool fstouch_is_repeated(const struct fstouch_process *t, size_t at, size_t length)
{
	struct fstouch other;

	for (size_t next = at + length, n; (n = fstouch_next(t, next, &other)); next += n)
		if (n == length && memcmp(t->bytes + at, t->bytes + next, n) == 0)
			return true;
	return false;
}

/* Does what is watched; what is not waits until it was looked for. */
static void fstouch_serve(struct fstouch_process *t)
{
	size_t kept = 0, at = 0, length;
	struct fstouch touch;

	while ((length = fstouch_next(t, at, &touch))) {
		const bool watched = fstouch_is_watched(t, &touch);

		if (watched &&
		    !(touch.kind == FSTOUCH_CHANGED && fstouch_is_repeated(t, at, length)))
			fstouch_do(t, &touch, (char *)t->bytes + at + sizeof(touch));
		if (!watched && !t->looked) {
			memmove(t->bytes + kept, t->bytes + at, length);
			kept += length;
		}
		at += length;
	}
	memmove(t->bytes + kept, t->bytes + at, t->n - at);
	t->n = kept + t->n - at;
}

static void fstouch_run(struct fstouch_process *t)
{
	for (;;) {
		struct pollfd p = {.fd = t->from, .events = POLLIN};
		const int64_t wait = t->next_look - clock_mono_ms();
		ssize_t got;

		/* Unless all was looked for, some wait. */
		if (poll(&p, 1, t->looked ? -1 : wait > 0 ? (int)wait : 0) > 0) {
			got = read(t->from, t->bytes + t->n, sizeof(t->bytes) - t->n);
			if (got <= 0)
				return;
			t->n += (size_t)got;
			t->looked = false;
		}
		if (!t->looked &&
		    (clock_mono_ms() >= t->next_look || sizeof(t->bytes) - t->n < FSTOUCH_MAX))
			fstouch_look(t);
		fstouch_serve(t);
	}
}

static void fstouch_main(int root, int touches)
{
	struct fstouch_process *t = mem_alloc(sizeof(*t));
	struct stat st;

	prctl(PR_SET_NAME, "ccvm-fs-touch");
	signal(SIGPIPE, SIG_IGN);
	t->root = root;
	t->from = touches;
	t->looked = true;
	t->watched = mem_alloc_array(FSTOUCH_WATCHED, sizeof(*t->watched));
	if (fstat(root, &st) < 0)
		return;
	t->device = (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev);
	fstouch_announce(t, FSTOUCH_IS);
	fstouch_run(t);
}

/* Others wait for the end of what process 1 has open. */
static void fstouch_close_others(int a, int b)
{
	const unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	if (low > 3)
		(void)close_range(3, low - 1, 0);
	if (high - low > 1)
		(void)close_range(low + 1, high - 1, 0);
	(void)close_range(high + 1, ~0u, 0);
}

int fstouch_start(int root, int touches, pid_t *process, struct err *e)
{
	*process = fork();
	if (*process < 0)
		return err_sys(e, "start the process that tells of the host's changes");
	if (*process > 0)
		return 0;
	fstouch_close_others(root, touches);
	fstouch_main(root, touches);
	_exit(0);
}
