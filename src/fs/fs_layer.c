#include "fs/fs_layer.h"
#include "base/mem.h"
#include "fs/fs_dirent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYER_TEMP "cover"

void fs_place_close(struct fs_place *p)
{
	if (p->fd >= 0 && !p->borrowed)
		close(p->fd);
	if (p->lower >= 0)
		close(p->lower);
	p->fd = p->lower = -1;
}

int fs_place_in(const struct fs_place *p, enum fs_layer layer)
{
	if (layer == FS_UPPER)
		return p->layers & FS_UPPER ? p->fd : -1;
	return p->layers == FS_LOWER ? p->fd : p->lower;
}

static bool layer_is_cover(const struct fs_attr *a)
{
	return a->identity.type == S_IFCHR && a->attr.rdev == 0;
}

/* Whether a directory of the upper layer has one below it. */
static int layer_look_below(const struct fs_place *directory, const char *name,
			    struct fs_look *look)
{
	const int upper = fs_place_in(directory, FS_UPPER),
		  lower = fs_place_in(directory, FS_LOWER);
	char mark[NAME_MAX + sizeof(FS_LAYER_MARK) + 1];
	struct fs_attr below;
	ssize_t n;

	snprintf(mark, sizeof(mark), "%s/" FS_LAYER_MARK, name);
	n = readlinkat(upper, mark, look->origin, sizeof(look->origin) - 1);
	if (n < 0 && errno == EACCES && fchmodat(upper, name, S_IRWXU, 0) == 0) {
		/* The directory's mode is not about us. */
		n = readlinkat(upper, mark, look->origin, sizeof(look->origin) - 1);
		if (fchmodat(upper, name, look->attr.attr.mode & 07777, 0) < 0)
			return errno;
	}
	if (n < 0 && errno != ENOENT)
		return errno;
	look->origin[n > 0 ? n : 0] = '\0';
	if (n > 0 && strcmp(look->origin, FS_LAYER_NOTHING) == 0)
		look->origin[0] = '\0';
	else if (n > 0 || (lower >= 0 && fs_attr_read(&below, lower, name, 0) == 0 &&
			   below.identity.type == S_IFDIR))
		look->layers |= FS_LOWER;
	return 0;
}

int fs_layer_look(const struct fs_place *directory, const char *name, uint64_t device,
		  struct fs_look *look)
{
	const int upper = fs_place_in(directory, FS_UPPER),
		  lower = fs_place_in(directory, FS_LOWER);
	int code = ENOENT;

	look->layers = 0;
	look->covered = false;
	look->origin[0] = '\0';
	if (!directory->layers)
		return fs_attr_read(&look->attr, directory->fd, name, device);
	if (strcmp(name, FS_LAYER_MARK) == 0)
		return ENOENT;
	if (upper >= 0)
		code = fs_attr_read(&look->attr, upper, name, device);
	if (code == 0 && layer_is_cover(&look->attr)) {
		look->covered = true;
		return ENOENT;
	}
	if (code == 0) {
		look->layers = FS_UPPER;
		return look->attr.identity.type == S_IFDIR ? layer_look_below(directory, name, look)
							   : 0;
	}
	if (code == ENOENT && lower >= 0) {
		look->layers = FS_LOWER;
		code = fs_attr_read(&look->attr, lower, name, device);
	}
	return code;
}

bool fs_layer_has_lower(const struct fs_place *directory, const char *name)
{
	const int lower = fs_place_in(directory, FS_LOWER);
	struct fs_attr a;

	return lower >= 0 && fs_attr_read(&a, lower, name, 0) == 0;
}

static bool layer_remove(void *ctx, const struct fs_dirent *entry)
{
	const int fd = *(const int *)ctx;

	return unlinkat(fd, entry->name, 0) == 0 || errno == EISDIR;
}

int fs_layer_clear(int dirfd, const char *name)
{
	AUTO_CLOSE int fd = -1;

	/* Its mode may forbid it, and it is to go anyway. */
	if (fchmodat(dirfd, name, S_IRWXU, 0) < 0)
		return errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? errno : fs_dirent_each(fd, layer_remove, &fd);
}

static void layer_discard(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) == 0)
		return;
	(void)fs_layer_clear(dirfd, name);
	(void)unlinkat(dirfd, name, AT_REMOVEDIR);
}

int fs_layer_cover(const struct fs_place *directory, const char *name, int work)
{
	const int upper = fs_place_in(directory, FS_UPPER);
	int rc, code;

	if (mknodat(upper, name, S_IFCHR, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return errno;
	/* At once: a crash between must not show what the lower layer has. */
	if (mknodat(work, LAYER_TEMP, S_IFCHR, 0) < 0)
		return errno;
	rc = renameat2(work, LAYER_TEMP, upper, name, RENAME_EXCHANGE);
	/* A directory that may not be written cannot be moved; this one is to go. */
	if (rc < 0 && errno == EACCES && fchmodat(upper, name, S_IRWXU, 0) == 0)
		rc = renameat2(work, LAYER_TEMP, upper, name, RENAME_EXCHANGE);
	if (rc < 0) {
		code = errno;
		unlinkat(work, LAYER_TEMP, 0);
		return code;
	}
	layer_discard(work, LAYER_TEMP);
	return 0;
}

int fs_layer_uncover(const struct fs_place *directory, const char *name)
{
	const int upper = fs_place_in(directory, FS_UPPER);
	struct fs_attr a;

	if (fs_attr_read(&a, upper, name, 0) || !layer_is_cover(&a))
		return 0;
	return unlinkat(upper, name, 0) < 0 ? errno : 0;
}

int fs_layer_mark(int fd, const char *origin)
{
	unlinkat(fd, FS_LAYER_MARK, 0);
	return symlinkat(origin, fd, FS_LAYER_MARK) < 0 ? errno : 0;
}
