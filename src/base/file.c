#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int file_read_fd(int fd, size_t max, struct buf *out, struct err *e)
{
	size_t total = 0;

	for (;;) {
		ssize_t n = read(fd, buf_room(out, 65536), 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > max)
			return err_set(e, "larger than %zu bytes", max);
		buf_grew(out, (size_t)n);
	}
}

int file_read(int dirfd, const char *path, size_t max, struct buf *out, struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(e, "open %s", path);
	if (file_read_fd(fd, max, out, e) < 0)
		return err_wrap(e, "%s", path);
	return 0;
}

int file_write_all(int fd, const void *bytes, size_t n, struct err *e)
{
	const char *p = bytes;

	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(e, "write");
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int file_create(int dirfd, const char *path, const void *bytes, size_t n, mode_t mode,
		struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, path,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "create %s", path);
	if (file_write_all(fd, bytes, n, e) < 0)
		return err_wrap(e, "%s", path);
	/* Only now, so that a mode without write permission works too, whatever the umask. */
	if (fchmod(fd, mode) < 0)
		return err_sys(e, "chmod %s", path);
	return 0;
}

int file_createf(int dirfd, const char *path, mode_t mode, struct err *e, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vformat(fmt, ap);
	va_end(ap);
	return file_create(dirfd, path, text, strlen(text), mode, e);
}

/* With errno ENOTDIR when it is something else. Links are followed. */
static bool file_is_dir(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

int file_set(const char *path, const char *text, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "open %s", path);
	return write(fd, text, strlen(text)) < 0 ? err_sys(e, "set %s", path) : 0;
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
	AUTO_FREE char *part = mem_strdup(path);

	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && (errno != EEXIST || !file_is_dir(part)))
			return err_sys(e, "make directory %s", part);
		if (c == '\0')
			return 0;
		*p = '/';
	}
}

/* A directory may have come without permissions for its owner: it gets them. */
static int file_open_to_empty(int dirfd, const char *path)
{
	AUTO_CLOSE int handle = openat(dirfd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", handle);
	if (handle < 0)
		return -1;
	(void)!fchmodat(AT_FDCWD, self, 0700, 0);
	return openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Moves what is in the directory `name` up to top, under a name that is free there. */
static int file_lift(int dirfd, const char *name, int top, unsigned *lifted)
{
	char free_name[32];
	int fd, rc;

	fd = file_open_to_empty(dirfd,
				name); /* only a directory that may be written can be moved */
	if (fd >= 0)
		close(fd);
	do {
		snprintf(free_name, sizeof(free_name), ".removed-%u", ++*lifted);
		rc = renameat2(dirfd, name, top, free_name, RENAME_NOREPLACE);
	} while (rc < 0 && errno == EEXIST);
	return rc;
}

/* What is in the directory `name` of top goes; directories that are not empty move up to top, so
 * that a tree of any depth takes two descriptors. */
static int file_flatten(int top, const char *name, unsigned *lifted, struct err *e)
{
	const int fd = file_open_to_empty(top, name);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		err_sys(e, "open %s", name);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (rc == 0 && (entry = readdir(dir))) {
		const char *inner = entry->d_name;

		if (strcmp(inner, ".") == 0 || strcmp(inner, "..") == 0 ||
		    unlinkat(fd, inner, 0) == 0 || unlinkat(fd, inner, AT_REMOVEDIR) == 0)
			continue;
		rc = file_lift(fd, inner, top, lifted);
		if (rc < 0)
			err_sys(e, "remove %s/%s", name, inner);
	}
	closedir(dir);
	return rc;
}

/* Removes one entry of top, which may leave others for a later turn. */
static int file_remove_entry(int top, const char *name, unsigned *lifted, struct err *e)
{
	if (unlinkat(top, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(e, "remove %s", name);
	if (unlinkat(top, name, AT_REMOVEDIR) == 0)
		return 0;
	if (file_flatten(top, name, lifted, e) < 0)
		return -1;
	return unlinkat(top, name, AT_REMOVEDIR) < 0 && errno != ENOENT
		       ? err_sys(e, "remove %s", name)
		       : 0;
}

/* Takes over fd. */
static int file_remove_entries(int fd, struct err *e)
{
	DIR *dir = fdopendir(fd);
	unsigned lifted = 0, before;
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		close(fd);
		return err_sys(e, "read directory");
	}
	do { /* again while something moved up */
		before = lifted;
		rewinddir(dir);
		while (rc == 0 && (entry = readdir(dir)))
			if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
				rc = file_remove_entry(dirfd(dir), entry->d_name, &lifted, e);
	} while (rc == 0 && lifted != before);
	closedir(dir);
	return rc;
}

int file_remove_tree(int dirfd, const char *path, struct err *e)
{
	int fd;

	if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(e, "remove %s", path);
	fd = file_open_to_empty(dirfd, path);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	if (file_remove_entries(fd, e) < 0)
		return err_wrap(e, "%s", path);
	if (unlinkat(dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s", path);
	return 0;
}

int file_empty_dir(int dirfd, struct err *e)
{
	const int own = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return own < 0 ? err_sys(e, "open the directory") : file_remove_entries(own, e);
}

bool file_is_within(const char *inner, const char *outer)
{
	size_t n = strlen(outer);

	if (strcmp(outer, "/") == 0)
		return true;
	return strncmp(inner, outer, n) == 0 && (inner[n] == '\0' || inner[n] == '/');
}
