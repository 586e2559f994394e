#include "base/place.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE_DEPTH_MAX PATH_MAX /* directories above one: a path has no more */

static struct place place_from_stat(const struct stat *st)
{
	return (struct place){st->st_dev, st->st_ino};
}

bool place_of(int fd, struct place *out)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	*out = place_from_stat(&st);
	return true;
}

bool place_equal(struct place a, struct place b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

char *place_path(int fd, struct err *e)
{
	char link[32], path[PATH_MAX];
	struct stat there, here;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || n == sizeof(path) - 1) {
		err_sys(e, "find out where a directory is");
		return NULL;
	}
	path[n] = '\0';
	/* "(unreachable)/x", and "x (deleted)", which may be the name of a directory all the
	 * same. */
	if (path[0] != '/' || fstat(fd, &here) < 0 || stat(path, &there) < 0 ||
	    !place_equal(place_from_stat(&here), place_from_stat(&there))) {
		err_set(e, "%s no longer exists, or is something else now", path);
		return NULL;
	}
	return mem_strdup(path);
}

bool place_is_within(int dirfd, struct place outer)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct place at, above;

	if (fd < 0 || !place_of(fd, &at))
		return true;
	for (unsigned depth = 0; depth < PLACE_DEPTH_MAX; depth++) {
		int up;

		if (place_equal(at, outer))
			return true;
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return true;
		close(fd);
		fd = up;
		if (!place_of(fd, &above))
			return true;
		if (place_equal(at, above)) /* the root is its own parent */
			return false;
		at = above;
	}
	return true;
}

int place_open_deepest(const char *path, bool *exists)
{
	AUTO_FREE char *part = mem_strdup(path);

	*exists = true;
	for (;;) {
		const int fd = open(part, O_PATH | O_CLOEXEC);
		char *slash = strrchr(part, '/');

		if (fd >= 0)
			return fd;
		*exists = false;
		if (!slash || strcmp(part, "/") == 0)
			return -1;
		slash[slash == part] = '\0';
	}
}
