#include "fs/fs_gitdir.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GITDIR_ENTRIES_MAX 4096 /* that are looked at */

static const struct {
	const char *name;
	unsigned part;
} gitdir_parts[] = {
	{"HEAD", FS_GITDIR_HEAD},	    {"objects", FS_GITDIR_OBJECTS},
	{"refs", FS_GITDIR_REFS},	    {"commondir", FS_GITDIR_COMMONDIR},
	{"worktrees", FS_GITDIR_WORKTREES},
};

unsigned fs_gitdir_part(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(gitdir_parts); i++)
		if (strcasecmp(gitdir_parts[i].name, name) == 0)
			return gitdir_parts[i].part;
	return 0;
}

/* What cannot be looked at may be there. */
static bool gitdir_is_there(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	       (errno != ENOENT && errno != ENOTDIR);
}

unsigned fs_gitdir_parts(int fd)
{
	unsigned parts = 0;

	for (size_t i = 0; i < ARRAY_LEN(gitdir_parts); i++)
		if (gitdir_is_there(fd, gitdir_parts[i].name))
			parts |= gitdir_parts[i].part;
	return parts;
}

bool fs_gitdir_is(unsigned parts)
{
	const unsigned repository = FS_GITDIR_OBJECTS | FS_GITDIR_REFS,
		       linked = FS_GITDIR_HEAD | FS_GITDIR_COMMONDIR;

	/* A common directory needs no HEAD. */
	return ((parts & repository) == repository &&
		parts & (FS_GITDIR_HEAD | FS_GITDIR_WORKTREES)) ||
	       (parts & linked) == linked;
}

static bool gitdir_refuse(char why[FS_GITCONFIG_WHY_MAX], const char *text)
{
	snprintf(why, FS_GITCONFIG_WHY_MAX, "%s", text);
	return false;
}

enum gitdir_found { GITDIR_ABSENT, GITDIR_FILE, GITDIR_OTHER };

static bool gitdir_read_all(int fd, struct buf *text)
{
	ssize_t n;

	while ((n = read(fd, buf_room(text, 65536), 65536)) > 0) {
		buf_grew(text, (size_t)n);
		if (buf_len(text) > FS_GITCONFIG_MAX)
			return false;
	}
	return n == 0;
}

/* A regular file that has this one name alone: another one would be a way to change it later. */
static enum gitdir_found gitdir_read(int dirfd, const char *name, struct buf *text)
{
	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? GITDIR_ABSENT : GITDIR_OTHER;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return GITDIR_OTHER;
	return gitdir_read_all(fd, text) ? GITDIR_FILE : GITDIR_OTHER;
}

bool fs_gitdir_read_config(int dirfd, const char *path, struct buf *text)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && gitdir_read_all(fd, text);
}

static struct fs_gitconfig_bytes gitdir_bytes(struct buf *text)
{
	return (struct fs_gitconfig_bytes){buf_text(text), buf_len(text)};
}

static bool gitdir_read_both(int dirfd, const char *name, int before_fd, const char *before,
			     struct buf *text, struct buf *was, char why[FS_GITCONFIG_WHY_MAX])
{
	const enum gitdir_found found = gitdir_read(dirfd, name, text);

	if (found == GITDIR_OTHER)
		return gitdir_refuse(why, "it is no regular file with one name");
	if (before_fd < 0 || gitdir_read(before_fd, before, was) != GITDIR_FILE)
		buf_cut(was, 0);
	return true;
}

bool fs_gitdir_config_may_be(int dirfd, const char *name, int before_fd, const char *before,
			     const char *const *worktrees, char why[FS_GITCONFIG_WHY_MAX])
{
	AUTO_BUF struct buf text = {0}, was = {0};

	return gitdir_read_both(dirfd, name, before_fd, before, &text, &was, why) &&
	       fs_gitconfig_may_follow(gitdir_bytes(&was), gitdir_bytes(&text), worktrees, why);
}

bool fs_gitdir_attributes_may_be(int dirfd, const char *name, int before_fd, const char *before,
				 char why[FS_GITCONFIG_WHY_MAX])
{
	AUTO_BUF struct buf text = {0}, was = {0};

	return gitdir_read_both(dirfd, name, before_fd, before, &text, &was, why) &&
	       fs_gitconfig_attributes_may_follow(gitdir_bytes(&was), gitdir_bytes(&text), why);
}

bool fs_gitdir_commondir_may_be(int dirfd, const char *name, char why[FS_GITCONFIG_WHY_MAX])
{
	static const char text[] = FS_GITDIR_COMMONDIR_TEXT;
	AUTO_BUF struct buf is = {0};
	const enum gitdir_found found = gitdir_read(dirfd, name, &is);

	if (found == GITDIR_ABSENT)
		return true;
	if (found == GITDIR_FILE && buf_len(&is) < sizeof(text) &&
	    buf_len(&is) >= sizeof(text) - 2 && memcmp(buf_data(&is), text, buf_len(&is)) == 0)
		return true;
	return gitdir_refuse(why, "it would lead git to another directory's configuration");
}

/* ---- directories ---- */

struct gitdir_entry { /* struct linux_dirent64 of getdents64(2) */
	uint64_t ino;
	int64_t off;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* Whether all entries but the dots pass; false too when there are too many, or it cannot be listed. */
static bool gitdir_all(int fd, bool (*pass)(int fd, const char *name))
{
	alignas(8) char piece[8192];
	size_t seen = 0;
	long n;

	while ((n = syscall(SYS_getdents64, fd, piece, sizeof(piece))) > 0)
		for (long at = 0; at < n;) {
			const struct gitdir_entry *e = (const void *)(piece + at);

			if (strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0 &&
			    (++seen > GITDIR_ENTRIES_MAX || !pass(fd, e->name)))
				return false;
			at += e->length;
		}
	return n == 0;
}

static int gitdir_open(int dirfd, const char *name)
{
	return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool fs_gitdir_is_sample(const char *name)
{
	static const char ending[] = ".sample";
	const size_t n = strlen(name);

	return n > sizeof(ending) - 1 && strcmp(name + n - (sizeof(ending) - 1), ending) == 0;
}

static bool gitdir_pass_sample(int fd, const char *name)
{
	(void)fd;
	return fs_gitdir_is_sample(name);
}

bool fs_gitdir_hooks_may_be(int dirfd, const char *name, char why[FS_GITCONFIG_WHY_MAX])
{
	AUTO_CLOSE int fd = gitdir_open(dirfd, name);

	if (fd < 0)
		return errno == ENOENT ||
		       gitdir_refuse(why, "its hooks are no directory that can be looked at");
	return gitdir_all(fd, gitdir_pass_sample) || gitdir_refuse(why, "git runs its hooks");
}

bool fs_gitdir_info_may_be(int dirfd, const char *name, char why[FS_GITCONFIG_WHY_MAX])
{
	AUTO_CLOSE int fd = gitdir_open(dirfd, name);

	if (fd < 0)
		return errno == ENOENT ||
		       gitdir_refuse(why, "its info is no directory that can be looked at");
	return fs_gitdir_attributes_may_be(fd, "attributes", -1, NULL, why);
}

bool fs_gitdir_may_be(int fd, const char *const *worktrees, char why[FS_GITCONFIG_WHY_MAX])
{
	return fs_gitdir_config_may_be(fd, "config", -1, NULL, worktrees, why) &&
	       fs_gitdir_config_may_be(fd, "config.worktree", -1, NULL, worktrees, why) &&
	       fs_gitdir_hooks_may_be(fd, "hooks", why) && fs_gitdir_info_may_be(fd, "info", why);
}

/* Not of a linked worktree. */
static bool gitdir_pass_unlinked(int fd, const char *name)
{
	AUTO_CLOSE int entry = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return entry < 0 || !gitdir_is_there(entry, "commondir");
}

bool fs_gitdir_has_worktrees(int dirfd, const char *name)
{
	AUTO_CLOSE int fd = gitdir_open(dirfd, name);

	return fd >= 0 ? !gitdir_all(fd, gitdir_pass_unlinked)
		       : errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
}
