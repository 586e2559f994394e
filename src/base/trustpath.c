#include "base/trustpath.h"
#include "base/mem.h"
#include "base/buf.h"
#include "base/owner.h"
#include "base/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRUSTPATH_LINKS_MAX 16

/* What is left to walk, and where that is relative to. */
struct trustpath_walk {
	int fd;		/* owned */
	char *rest;	/* owned */
	unsigned links; /* followed so far */
	const char *shown;
};

static void trustpath_fini(struct trustpath_walk *w)
{
	if (w->fd >= 0)
		close(w->fd);
	free(w->rest);
}

static int trustpath_begin(struct trustpath_walk *w, const char *path, struct err *e)
{
	*w = (struct trustpath_walk){.rest = mem_strdup(path), .shown = path};
	w->fd = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return w->fd < 0 ? err_sys(e, "open %s", path) : 0;
}

/* Puts where the link leads in front of what is left. */
static int trustpath_follow(struct trustpath_walk *w, int link, const char *name, struct err *e)
{
	char target[PATH_MAX];
	const ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
	char *rest;

	if (n < 0)
		return err_sys(e, "open %s", w->shown);
	if (n == 0 || n == sizeof(target) - 1 || ++w->links > TRUSTPATH_LINKS_MAX)
		return err_set(e, "open %s: too many links, or too long ones, at %s", w->shown,
			       name);
	target[n] = '\0';
	if (target[0] == '/') {
		const int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (root < 0)
			return err_sys(e, "open /");
		close(w->fd);
		w->fd = root;
	}
	rest = mem_format("%s/%s", target, w->rest);
	free(w->rest);
	w->rest = rest;
	return 0;
}

/* Steps into one directory. */
static int trustpath_step(struct trustpath_walk *w, const char *name, struct err *e)
{
	AUTO_CLOSE int next = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (next < 0 || fstat(next, &st) < 0)
		return err_sys(e, "open %s", w->shown);
	if (S_ISLNK(st.st_mode) && st.st_uid == 0)
		return trustpath_follow(w, next, name, e);
	if (S_ISLNK(st.st_mode)) {
		errno = ELOOP;
		err_sys(e, "open %s: %s is a symbolic link", w->shown, name);
		return err_remedy(e, "use the path that it leads to: an agent that can write there "
				     "could redirect the link");
	}
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return err_sys(e, "open %s", w->shown);
	}
	close(w->fd);
	w->fd = mem_steal_fd(&next);
	return 0;
}

/* All directories of the rest. */
static int trustpath_walk(struct trustpath_walk *w, struct err *e)
{
	for (;;) {
		const size_t skip = strspn(w->rest, "/"), n = strcspn(w->rest + skip, "/");
		AUTO_FREE char *name = mem_strndup(w->rest + skip, n);
		char *rest;

		if (!n)
			return 0;
		rest = mem_strdup(w->rest + skip + n);
		free(w->rest);
		w->rest = rest;
		if (trustpath_step(w, name, e) < 0)
			return -1;
	}
}

int trustpath_open_parent(const char *path, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
	AUTO_FREE char *dir = slash ? mem_strndup(path, (size_t)(last - path)) : mem_strdup(".");
	struct trustpath_walk w;
	int fd = -1;

	if (name)
		*name = last;
	if (!*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
		errno = EISDIR;
		return err_sys(e, "open %s", path);
	}
	if (trustpath_begin(&w, dir, e) == 0) {
		w.shown = path;
		if (trustpath_walk(&w, e) == 0)
			fd = mem_steal_fd(&w.fd);
	}
	trustpath_fini(&w);
	return fd;
}

static int trustpath_check(int fd, bool writes, const char *shown, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "open %s", shown);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s is not a regular file", shown);
	if (st.st_uid != geteuid() && (writes || st.st_uid != 0))
		return err_set(e, "%s belongs to another user", shown);
	if (writes && st.st_nlink > 1) {
		err_set(e, "%s has more than one name (hard link)", shown);
		return err_remedy(e, "use a separate file");
	}
	return 0;
}

int trustpath_open_at(int dirfd, const char *name, int flags, mode_t mode, const char *shown,
		      struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, name,
				   flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);

	if (fd < 0 && errno == ELOOP) {
		err_sys(e, "open %s: it is a symbolic link", shown);
		return err_remedy(e, "use the path that it leads to: an agent that can write there "
				     "could redirect the link");
	}
	if (fd < 0)
		return err_sys(e, "open %s", shown);
	return trustpath_check(fd, (flags & O_ACCMODE) != O_RDONLY, shown, e) < 0
		       ? -1
		       : mem_steal_fd(&fd);
}

int trustpath_open(const char *path, int flags, mode_t mode, struct err *e)
{
	const char *name;
	AUTO_CLOSE int dir = trustpath_open_parent(path, &name, e);

	return dir < 0 ? -1 : trustpath_open_at(dir, name, flags, mode, path, e);
}

static bool trustpath_is_programs(const char *dir, struct place project)
{
	AUTO_CLOSE int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && !owner_doubt(&st) && !place_is_within(fd, project);
}

char *trustpath_programs(const char *path)
{
	AUTO_CLOSE int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_BUF struct buf kept = {0};
	struct place project = {0}, root = {0};
	AUTO_CLOSE int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* Everything lies in "/", which is no project. */
	if (here < 0 || !place_of(here, &project) ||
	    (place_of(top, &root) && place_equal(project, root)))
		project = (struct place){0};
	for (const char *p = path ? path : "/usr/local/bin:/usr/bin:/bin"; *p; p += *p == ':') {
		const size_t n = strcspn(p, ":");
		AUTO_FREE char *dir = mem_strndup(p, n);

		if (dir[0] == '/' && trustpath_is_programs(dir, project))
			buf_addf(&kept, "%s%s", buf_len(&kept) ? ":" : "", dir);
		p += n;
	}
	return mem_strdup(buf_text(&kept));
}
