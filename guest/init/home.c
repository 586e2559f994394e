#include "init/home.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "init/seedread.h"
#include "proto/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOME_FILE_MAX  ((size_t)32 << 20)
#define HOME_BYTES_MAX ((size_t)256 << 20) /* a home in memory; the host's own bound is lower */
#define HOME_FILES_MAX 50000
#define HOME_DEPTH_MAX 40

struct home {
	int seed; /* directories, owned by home_populate */
	int share;
	int dir;
	uid_t uid;
	gid_t gid;
	size_t files;
	size_t bytes;
};

/* Which seed file becomes which file of the home. */
struct home_file {
	const char *seed;
	const char *dir; /* below the home; NULL: the home itself */
	const char *name;
};

static const struct home_file home_files[] = {
	{NAME_SEED_CLAUDE_JSON, NULL, ".claude.json"},
	{NAME_SEED_GITCONFIG, NULL, ".gitconfig"},
	{NAME_SEED_GITIGNORE, ".config/git", "ignore"},
};

/* ---- directories ---- */

/* Opens the directory `name`, making it when it is missing. What is there stays: only a new one
 * becomes the agent's. */
static int home_open_dir(const struct home *h, int dirfd, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	bool made = mkdirat(dirfd, name, 0700) == 0;

	if (!made && errno != EEXIST)
		return err_sys(e, "make directory %s", name);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open directory %s", name);
	if (made && fchown(fd, h->uid, h->gid) < 0)
		return err_sys(e, "chown %s", name);
	return mem_steal_fd(&fd);
}

/* The same for a path of several parts below the home. */
static int home_open_path(const struct home *h, const char *path, struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(path);
	AUTO_CLOSE int fd = fcntl(h->dir, F_DUPFD_CLOEXEC, 3);
	char *rest = copy;

	if (fd < 0)
		return err_sys(e, "home directory");
	for (char *part; (part = text_next_word(&rest, "/"));) {
		int next = home_open_dir(h, fd, part, e);

		if (next < 0)
			return -1;
		close(fd);
		fd = next;
	}
	return mem_steal_fd(&fd);
}

/* ---- files ---- */

/* A new file of the agent's. One that is there stays. */
static int home_create(const struct home *h, int dirfd, const char *name, const struct buf *text,
		       mode_t mode, struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, name,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : err_sys(e, "create %s", name);
	if (file_write_all(fd, buf_data(text), buf_len(text), e) < 0)
		return err_wrap(e, "%s", name);
	if (fchmod(fd, mode) < 0 || fchown(fd, h->uid, h->gid) < 0)
		return err_sys(e, "change owner of %s", name);
	return 0;
}

static int home_put(struct home *h, const struct home_file *f, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	AUTO_CLOSE int dir = -1;

	if (seedread_bytes_file(h->seed, f->seed, HOME_FILE_MAX, &text, e) < 0)
		return e->sys == ENOENT ? 0 : -1;
	dir = home_open_path(h, f->dir ? f->dir : "", e);
	if (dir < 0)
		return -1;
	return home_create(h, dir, f->name, &text, 0600, e);
}

/* ---- claude-config ---- */

static int home_copy_file(struct home *h, int from, const char *name, const struct stat *st, int to,
			  struct err *e)
{
	AUTO_BUF struct buf text = {0};

	if (seedread_bytes_file(from, name, HOME_FILE_MAX, &text, e) < 0)
		return -1;
	h->bytes += buf_len(&text);
	if (h->bytes > HOME_BYTES_MAX)
		return err_set(e, "shared files are larger than %zu MiB", HOME_BYTES_MAX >> 20);
	return home_create(h, to, name, &text, st->st_mode & S_IXUSR ? 0700 : 0600, e);
}

static int home_copy_entries(struct home *h, int from, int to, unsigned depth, struct err *e);

static int home_copy_dir(struct home *h, int from, const char *name, int to, unsigned depth,
			 struct err *e)
{
	AUTO_CLOSE int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int out = -1;

	if (in < 0)
		return err_sys(e, "seed directory %s", name);
	if (depth == 0)
		return err_set(e, "shared folders are nested deeper than %d", HOME_DEPTH_MAX);
	out = home_open_dir(h, to, name, e);
	return out < 0 ? -1 : home_copy_entries(h, in, out, depth - 1, e);
}

static int home_copy_entry(struct home *h, int from, const char *name, int to, unsigned depth,
			   struct err *e)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "seed file %s", name);
	if (++h->files > HOME_FILES_MAX)
		return err_set(e, "more than %d shared files", HOME_FILES_MAX);
	if (S_ISDIR(st.st_mode))
		return home_copy_dir(h, from, name, to, depth, e);
	if (S_ISREG(st.st_mode))
		return home_copy_file(h, from, name, &st, to, e);
	return 0; /* the host stages nothing else */
}

/* Goes on past a file that fails: the others are worth having. */
static int home_copy_entries(struct home *h, int from, int to, unsigned depth, struct err *e)
{
	int own = fcntl(from, F_DUPFD_CLOEXEC, 3);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		err_sys(e, "read seed directory");
		if (own >= 0)
			close(own);
		return -1;
	}
	while (h->files <= HOME_FILES_MAX && h->bytes <= HOME_BYTES_MAX && (entry = readdir(dir))) {
		struct err why;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (home_copy_entry(h, from, entry->d_name, to, depth, &why) < 0 && rc == 0) {
			*e = why;
			rc = -1;
		}
	}
	closedir(dir);
	return rc;
}

static int home_copy_config(struct home *h, struct err *e)
{
	AUTO_CLOSE int from = openat(h->share, NAME_SEED_CLAUDE_CONFIG,
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int to = -1;

	if (from < 0)
		return errno == ENOENT ? 0
				       : err_sys(e, "seed directory %s", NAME_SEED_CLAUDE_CONFIG);
	to = home_open_dir(h, h->dir, ".claude", e);
	return to < 0 ? -1 : home_copy_entries(h, from, to, HOME_DEPTH_MAX, e);
}

/* ---- CLAUDE.md ---- */

static int home_append(const struct home *h, int dirfd, const struct buf *text, struct err *e)
{
	AUTO_CLOSE int fd = openat(
		dirfd, "CLAUDE.md",
		O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open CLAUDE.md");
	if (!S_ISREG(st.st_mode))
		return err_set(e, "CLAUDE.md is not a file");
	if (st.st_size && file_write_all(fd, "\n\n", 2, e) < 0)
		return err_wrap(e, "CLAUDE.md");
	if (file_write_all(fd, buf_data(text), buf_len(text), e) < 0)
		return err_wrap(e, "CLAUDE.md");
	if (!st.st_size && fchown(fd, h->uid, h->gid) < 0)
		return err_sys(e, "chown CLAUDE.md");
	return 0;
}

static int home_append_context(struct home *h, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	AUTO_CLOSE int dir = -1;

	if (seedread_bytes_file(h->seed, NAME_SEED_CLAUDE_MD, HOME_FILE_MAX, &text, e) < 0)
		return e->sys == ENOENT ? 0 : -1;
	dir = home_open_dir(h, h->dir, ".claude", e);
	return dir < 0 ? -1 : home_append(h, dir, &text, e);
}

/* ---- all of it ---- */

/* In order: the context is appended to the CLAUDE.md that was shared. */
static int home_put_files(struct home *h, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(home_files); i++) {
		struct err why;

		if (home_put(h, &home_files[i], &why) < 0 && rc == 0) {
			*e = why;
			rc = -1;
		}
	}
	return rc;
}

int home_populate(const char *seed_dir, const char *share_dir, const char *home, uid_t uid,
		  gid_t gid, struct err *e)
{
	static int (*const steps[])(struct home *, struct err *) = {
		home_copy_config, home_append_context, home_put_files};
	AUTO_CLOSE int seed = open(seed_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int share = open(share_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int dir = open(home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct home h = {.seed = seed, .share = share, .dir = dir, .uid = uid, .gid = gid};
	int rc = 0;

	if (seed < 0 || share < 0 || dir < 0)
		return err_sys(e, "open %s", seed < 0 ? seed_dir : share < 0 ? share_dir : home);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct err why;

		if (steps[i](&h, &why) < 0 && rc == 0) {
			*e = why;
			rc = -1;
		}
	}
	return rc < 0 ? err_wrap(e, "home") : 0;
}
