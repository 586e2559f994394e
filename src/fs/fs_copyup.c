#include "fs/fs_copyup.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COPYUP_PIECE	 (128u << 10)
#define COPYUP_NAMES_MAX 65536 /* of attributes: XATTR_LIST_MAX */
#define COPYUP_PATH	 32

/* ---- contents ---- */

/* By reading and writing, where the kernel cannot copy between the two file systems. */
static int copyup_piece(int from, int to, off_t *at, off_t end)
{
	static unsigned char bytes[COPYUP_PIECE];
	const size_t n = end - *at < (off_t)sizeof(bytes) ? (size_t)(end - *at) : sizeof(bytes);
	const ssize_t got = pread(from, bytes, n, *at);

	for (ssize_t done = 0; done < got;) {
		const ssize_t wrote = pwrite(to, bytes + done, (size_t)(got - done), *at + done);

		if (wrote < 0)
			return errno;
		done += wrote;
	}
	if (got < 0)
		return errno;
	*at = got ? *at + got : end; /* it became shorter */
	return 0;
}

static int copyup_range(int from, int to, off_t at, off_t end)
{
	while (at < end) {
		off_t in = at, out = at;
		const ssize_t n = copy_file_range(from, &in, to, &out, (size_t)(end - at), 0);
		int code = 0;

		if (n > 0)
			at += n;
		else
			code = copyup_piece(from, to, &at, end);
		if (code)
			return code;
	}
	return 0;
}

int fs_copyup_contents(int from, int to, off_t size)
{
	int code = ftruncate(to, size) < 0 ? errno : 0;

	for (off_t at = 0, hole; code == 0 && at < size; at = hole) {
		at = lseek(from, at, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO ? 0 : errno;
		hole = lseek(from, at, SEEK_HOLE);
		if (hole < 0)
			return errno;
		code = copyup_range(from, to, at, hole < size ? hole : size);
	}
	return code;
}

static int copyup_file(int process_fds, int place, const struct fs_attr *a, int dirfd,
		       const char *name)
{
	AUTO_CLOSE int from = -1, to = -1;
	char number[COPYUP_PATH];

	snprintf(number, sizeof(number), "%d", place);
	from = openat(process_fds, number, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (from < 0)
		return errno;
	to = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return to < 0 ? errno : fs_copyup_contents(from, to, (off_t)a->attr.size);
}

static int copyup_directory(int process_fds, int place, const struct fs_attr *a, int dirfd,
			    const char *name)
{
	(void)process_fds;
	(void)place;
	(void)a;
	return mkdirat(dirfd, name, 0700) < 0 ? errno : 0;
}

static int copyup_link(int process_fds, int place, const struct fs_attr *a, int dirfd,
		       const char *name)
{
	char target[PATH_MAX];
	const ssize_t n = readlinkat(place, "", target, sizeof(target) - 1);

	(void)process_fds;
	(void)a;
	if (n < 0)
		return errno;
	target[n] = '\0';
	return symlinkat(target, dirfd, name) < 0 ? errno : 0;
}

static int copyup_special(int process_fds, int place, const struct fs_attr *a, int dirfd,
			  const char *name)
{
	(void)process_fds;
	(void)place;
	return mknodat(dirfd, name, a->identity.type | 0600, 0) < 0 ? errno : 0;
}

/* ---- what belongs to it ---- */

static void copyup_attributes(int from, int to)
{
	char source[COPYUP_PATH], target[COPYUP_PATH];
	AUTO_FREE char *names = mem_alloc(COPYUP_NAMES_MAX);
	AUTO_FREE char *value = mem_alloc(COPYUP_NAMES_MAX);
	ssize_t n;

	snprintf(source, sizeof(source), "/proc/self/fd/%d", from);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", to);
	n = listxattr(source, names, COPYUP_NAMES_MAX);
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t size;

		if (strncmp(names + at, "user.", 5) != 0)
			continue;
		size = getxattr(source, names + at, value, COPYUP_NAMES_MAX);
		/* A file system without them (tmpfs before Linux 6.6) loses them. */
		if (size >= 0)
			(void)setxattr(target, names + at, value, (size_t)size, 0);
	}
}

int fs_copyup(int process_fds, int from, const struct fs_attr *a, int dirfd, const char *name)
{
	static const struct {
		uint32_t type;
		int (*copy)(int process_fds, int from, const struct fs_attr *a, int dirfd,
			    const char *name);
	} kinds[] = {
		{S_IFREG, copyup_file},	   {S_IFDIR, copyup_directory}, {S_IFLNK, copyup_link},
		{S_IFIFO, copyup_special}, {S_IFSOCK, copyup_special},
	};
	const struct timespec times[2] = {{(time_t)a->attr.atime, a->attr.atimensec},
					  {(time_t)a->attr.mtime, a->attr.mtimensec}};
	AUTO_CLOSE int made = -1;
	int code = EPERM; /* a device */

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].type == a->identity.type)
			code = kinds[i].copy(process_fds, from, a, dirfd, name);
	if (code == EPERM || code == EEXIST)
		return code;
	if (code == 0) {
		made = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		code = made < 0 ? errno : 0;
	}
	if (code == 0 && a->identity.type != S_IFLNK)
		copyup_attributes(from, made);
	/* Another's file becomes the user's (EPERM). */
	if (code == 0 && fchownat(dirfd, name, a->attr.uid, a->attr.gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EPERM)
		code = errno;
	if (code == 0 && utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		code = errno;
	if (code)
		unlinkat(dirfd, name, a->identity.type == S_IFDIR ? AT_REMOVEDIR : 0);
	return code;
}

int fs_copyup_mode(int process_fds, int fd, const struct fs_attr *a)
{
	char number[COPYUP_PATH];

	if (a->identity.type == S_IFLNK)
		return 0;
	snprintf(number, sizeof(number), "%d", fd);
	return fchmodat(process_fds, number, fs_attr_safe_mode(a->identity.type, a->attr.mode), 0) <
			       0
		       ? errno
		       : 0;
}
