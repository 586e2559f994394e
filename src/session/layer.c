#include "session/layer.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYER_PREFIX "ccvm-"

void layer_init(struct layer *l)
{
	*l = (struct layer){.fd = -1, .outer_fd = -1};
}

bool layer_is_made(const struct layer *l)
{
	return l->fd >= 0;
}

/* Removes one that a session left which was killed, or whose computer was. */
static void layer_clean_one(int outer, const char *name)
{
	AUTO_CLOSE int fd = openat(outer, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct err ignored;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)file_remove_tree(outer, name, &ignored);
}

static void layer_clean(int outer)
{
	const int fd = openat(outer, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, LAYER_PREFIX, strlen(LAYER_PREFIX)) == 0)
			layer_clean_one(outer, entry->d_name);
	closedir(dir);
}

/* Makes it in overlay.dir, whose lock covers the moment until it has its own. */
static int layer_make_outside(struct layer *l, struct err *e)
{
	AUTO_CLOSE int lock = openat(l->outer_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_sys(e, "lock overlay.dir");
	layer_clean(l->outer_fd);
	if (mkdirat(l->outer_fd, l->name, 0700) < 0)
		return err_sys(e, "make %s in overlay.dir", l->name);
	l->fd = openat(l->outer_fd, l->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->fd < 0 || flock(l->fd, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, "lock %s in overlay.dir", l->name);
	return 0;
}

int layer_make(struct layer *l, const struct rundir *run, const char *what, int outer_fd,
	       struct err *e)
{
	l->outer_fd = outer_fd;
	snprintf(l->name, sizeof(l->name), LAYER_PREFIX "%s-%s", run->id, what);
	if (outer_fd >= 0)
		return layer_make_outside(l, e);
	if (mkdirat(run->fd, what, 0700) < 0)
		return err_sys(e, "make the directory %s", what);
	l->fd = openat(run->fd, what, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return l->fd < 0 ? err_sys(e, "open the directory %s", what) : 0;
}

int layer_prepare(const struct layer *l, struct err *e)
{
	static const char *const names[] = {"tree", "work"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (mkdirat(l->fd, names[i], 0700) < 0 && errno != EEXIST)
			return err_sys(e, "make the overlay's %s", names[i]);
	return 0;
}

void layer_remove(struct layer *l)
{
	struct err ignored;

	if (l->fd >= 0)
		(void)file_empty_dir(l->fd, &ignored);
	if (l->outer_fd >= 0 && l->fd >= 0)
		(void)unlinkat(l->outer_fd, l->name, AT_REMOVEDIR);
	if (l->fd >= 0)
		close(l->fd);
	if (l->outer_fd >= 0)
		close(l->outer_fd);
	layer_init(l);
}
