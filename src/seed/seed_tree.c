#include "seed/seed_tree.h"
#include "base/file.h"
#include "base/jscan.h"
#include "base/mem.h"
#include "base/place.h"
#include "seed/seed_credential.h"
#include "seed/seed_secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define TREE_NOTES_MAX	   16
#define TREE_ANCESTORS_MAX 40 /* deeper homes than this have only their lower part known */

static const struct seed_tree_limits usual_limits = {
	.files = 20000, .bytes = 128ULL << 20, .file_bytes = 16ULL << 20, .depth = 32};

/* The directories from the top of a copy down to the current one. */
struct tree_level {
	const struct tree_level *up;
	dev_t dev;
	ino_t ino;
	unsigned depth;
};

static void tree_note(struct seed_tree *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void tree_note(struct seed_tree *t, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	if (t->notes++ >= TREE_NOTES_MAX)
		return;
	va_start(ap, fmt);
	text = mem_vformat(fmt, ap);
	va_end(ap);
	seed_note(t->run, "%s", text);
}

void seed_tree_finish(struct seed_tree *t)
{
	if (t->notes > TREE_NOTES_MAX)
		seed_note(t->run, "%u more files were not shared", t->notes - TREE_NOTES_MAX);
}

/* ---- secrets ---- */

static void tree_add_path(struct seed_tree *t, const char *path, bool all_below)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	if (t->nsecrets == SEED_TREE_SECRETS_MAX)
		mem_die("too many places of secrets");
	t->secret[t->nsecrets].dev = st.st_dev;
	t->secret[t->nsecrets].all_below = all_below;
	t->secret[t->nsecrets++].ino = st.st_ino;
}

static bool tree_add_place(void *ctx, const struct user_place *p)
{
	if (p->secret)
		tree_add_path(ctx, p->path, true);
	return true;
}

/* This directory and all above it: a link to one of them would bring the login's folder, or the
 * whole home, with files that are only safe when they are staged by their own writers. */
static void tree_add_ancestors(struct seed_tree *t, const char *dir)
{
	AUTO_FREE char *path = realpath(dir, NULL);
	unsigned levels = 0;

	while (path && *path && levels++ < TREE_ANCESTORS_MAX) {
		tree_add_path(t, path, false);
		*strrchr(path, '/') = '\0';
	}
	tree_add_path(t, "/", false);
}

_Static_assert(USER_PLACE_MAX + 2 * (TREE_ANCESTORS_MAX + 1) <= SEED_TREE_SECRETS_MAX,
	       "raise SEED_TREE_SECRETS_MAX");

void seed_tree_init(struct seed_tree *t, const struct seed_run *run,
		    const struct seed_tree_limits *limits)
{
	memset(t, 0, sizeof(*t));
	t->run = run;
	t->limits = limits ? *limits : usual_limits;
	user_place_each(&run->spec->dirs, tree_add_place, t);
	tree_add_ancestors(t, run->spec->dirs.claude_dir);
	tree_add_ancestors(t, run->spec->dirs.home);
}

static bool tree_is_secret_identity(const struct seed_tree *t, const struct stat *st)
{
	for (size_t i = 0; i < t->nsecrets; i++)
		if (t->secret[i].dev == st->st_dev && t->secret[i].ino == st->st_ino)
			return true;
	return false;
}

static bool tree_holds_secret(const struct seed_tree *t, const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return true;
	for (size_t i = 0; i < t->nsecrets; i++)
		if (t->secret[i].all_below && t->secret[i].dev == st.st_dev &&
		    t->secret[i].ino == st.st_ino)
			return true;
	return false;
}

/* Whether the path behind a symlink passes through a secret's name or place: a link to
 * ~/.ssh/id_ed25519, to a second, unlisted credential file, to a file deep in a browser's
 * profile. */
static bool tree_is_secret_path(const struct seed_tree *t, int fd)
{
	struct err ignored;
	AUTO_FREE char *path = place_path(fd, &ignored);

	if (!path)
		return true; /* cannot be checked: left out */
	for (const char *p = path; *p;) {
		const size_t len = strcspn(p, "/");
		AUTO_FREE char *name = mem_strndup(p, len);

		if (seed_secret_file_name(name))
			return true;
		p += len + (p[len] == '/');
	}
	for (char *slash; (slash = strrchr(path, '/')) && slash != path;) {
		*slash = '\0';
		if (tree_holds_secret(t, path))
			return true;
	}
	return false;
}

/* A link deep in a shared folder, as a foreign repository may contain one, may not lead out of that
 * folder. Those that the user makes, of the folder itself or of its entries, may. */
static bool tree_leads_out(const struct seed_tree *t, int fd, const struct stat *st)
{
	struct err ignored;
	AUTO_FREE char *path = t->inside ? place_path(fd, &ignored) : NULL;
	AUTO_CLOSE int dir = -1;

	if (!t->inside)
		return false;
	if (path && !S_ISDIR(st->st_mode))
		*strrchr(path, '/') = '\0';
	dir = path ? open(path[0] ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	return dir < 0 || !place_is_within(dir, t->base);
}

/* ---- opening ---- */

/* Opens a regular file or directory behind name. -1 with a note for anything else; ENOENT without
 * one when it does not exist. */
static int tree_open(struct seed_tree *t, int dirfd, const char *name, struct stat *st,
		     const char *shown)
{
	AUTO_CLOSE int fd = -1;
	struct stat link;

	if (fstatat(dirfd, name, &link, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (seed_secret_file_name(name))
		return tree_note(t, "%s is not shared: it can hold credentials", shown), -1;
	if (fstatat(dirfd, name, st, 0) < 0)
		return tree_note(t, "%s is not shared: %s", shown, strerror(errno)), -1;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return tree_note(t, "%s is not shared: neither a file nor a directory", shown), -1;
	/* O_NONBLOCK, and asked again behind the open: the entry may have been replaced by a FIFO
	 * meanwhile.
	 */
	fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) < 0)
		return tree_note(t, "%s is not shared: %s", shown, strerror(errno)), -1;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return tree_note(t, "%s is not shared: neither a file nor a directory", shown), -1;
	if (tree_is_secret_identity(t, st) || (S_ISLNK(link.st_mode) && tree_is_secret_path(t, fd)))
		return tree_note(t, "%s is not shared: it leads to credentials", shown), -1;
	if (S_ISLNK(link.st_mode) && tree_leads_out(t, fd, st))
		return tree_note(t, "%s is not shared: a link that leads out of its folder", shown),
		       -1;
	return mem_steal_fd(&fd);
}

/* Room for one more entry of this size within the bounds of the whole. */
static bool tree_has_room(struct seed_tree *t, unsigned long long size, const char *shown)
{
	if (t->full)
		return false;
	if (t->files < t->limits.files && size <= t->limits.bytes - t->bytes)
		return true;
	t->full = true;
	seed_note(t->run, "sharing stops at %s: more than %zu files or %llu MiB", shown,
		  t->limits.files, t->limits.bytes >> 20);
	return false;
}

static bool tree_fits(struct seed_tree *t, const struct stat *st, const char *shown)
{
	if ((unsigned long long)st->st_size <= t->limits.file_bytes)
		return true;
	tree_note(t, "%s is not shared: larger than %llu MiB", shown, t->limits.file_bytes >> 20);
	return false;
}

/* ---- copying ---- */

/* At most `size` bytes, the size that was checked: a file that grows meanwhile is cut there. */
static void tree_read(int from, unsigned long long size, struct buf *out)
{
	while (buf_len(out) < size) {
		const size_t left = (size_t)(size - buf_len(out)),
			     want = left < 65536 ? left : 65536;
		const ssize_t n = read(from, buf_room(out, want), want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		buf_grew(out, (size_t)n);
	}
}

bool seed_tree_is_harmless(struct seed_tree *t, const struct buf *text, const char *shown)
{
	if (!seed_credential_in_bytes(buf_data(text), buf_len(text)))
		return true;
	tree_note(t, "%s is not shared: it holds a credential", shown);
	return false;
}

/* A JSON file of claude's settings, which a plugin may bring, without its credentials. In another
 * one a name says nothing: package.json depends on "jsonwebtoken", a translation has a "password".
 * False: the file is not shared. */
static bool tree_clean(struct seed_tree *t, const char *name, struct buf *text, const char *shown)
{
	static const char *const settings[] = {".mcp.json",  "mcp.json",       ".lsp.json",
					       "hooks.json", "settings*.json", ".claude.json"};
	AUTO_BUF struct buf clean = {0};
	bool is_settings = false;

	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		is_settings = is_settings || fnmatch(settings[i], name, FNM_CASEFOLD) == 0;
	if (is_settings && jscan_is_valid((const char *)buf_data(text), buf_len(text), NULL)) {
		if (!seed_clean_json(t->run, text, NULL, shown, &clean))
			return false;
		buf_drop(text, buf_len(text));
		buf_add(text, buf_data(&clean), buf_len(&clean));
	}
	return seed_tree_is_harmless(t, text, shown);
}

static int tree_copy_file(struct seed_tree *t, int from, const struct stat *st, int dst,
			  const char *name, const char *shown, struct err *e)
{
	mode_t mode = st->st_mode & S_IXUSR ? 0700 : SEED_FILE_MODE; /* skills bring scripts */
	AUTO_BUF struct buf text = {0};
	AUTO_CLOSE int to = -1;

	if (!tree_fits(t, st, shown) || !tree_has_room(t, (unsigned long long)st->st_size, shown))
		return 0;
	tree_read(from, (unsigned long long)st->st_size, &text);
	if (!tree_clean(t, name, &text, shown))
		return 0;
	to = openat(dst, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (to < 0)
		return err_sys(e, "create %s", shown);
	t->files++;
	t->bytes += buf_len(&text);
	if (file_write_all(to, buf_data(&text), buf_len(&text), e) < 0)
		return err_wrap(e, "%s", shown);
	return 0;
}

static int tree_copy_entries(struct seed_tree *t, int from, int to, const char *shown,
			     const struct tree_level *level, struct err *e);

/* The entries of the shared folder are the user's own; what is in one of them stays in it. */
static int tree_copy_inside(struct seed_tree *t, int from, int to, const char *shown,
			    const struct tree_level *level, struct err *e)
{
	const bool outermost = level->depth == 1;
	int rc;

	if (outermost) {
		t->inside = true;
		t->base = (struct place){level->dev, level->ino};
	}
	rc = tree_copy_entries(t, from, to, shown, level, e);
	if (outermost)
		t->inside = false;
	return rc;
}

static bool tree_may_enter(struct seed_tree *t, const struct stat *st, const struct tree_level *up,
			   const char *shown)
{
	for (const struct tree_level *l = up; l; l = l->up) {
		if (l->dev != st->st_dev || l->ino != st->st_ino)
			continue;
		tree_note(t, "%s is not shared: a link that leads back to a folder it is in",
			  shown);
		return false;
	}
	if (up && up->depth + 1 >= t->limits.depth) {
		tree_note(t, "%s is not shared: more than %u folders deep", shown, t->limits.depth);
		return false;
	}
	return tree_has_room(t, 0, shown);
}

static int tree_copy_dir(struct seed_tree *t, int from, const struct stat *st, int dst,
			 const char *name, const char *shown, const struct tree_level *up,
			 struct err *e)
{
	struct tree_level level = {
		.up = up, .dev = st->st_dev, .ino = st->st_ino, .depth = up ? up->depth + 1 : 0};
	AUTO_CLOSE int to = -1;

	if (!tree_may_enter(t, st, up, shown))
		return 0;
	if (mkdirat(dst, name, 0700) < 0)
		return err_sys(e, "make directory %s", shown);
	to = openat(dst, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return err_sys(e, "open %s", shown);
	t->files++;
	return tree_copy_inside(t, from, to, shown, &level, e);
}

static int tree_copy_entry(struct seed_tree *t, int from, const char *name, int to,
			   const char *above, const struct tree_level *level, struct err *e)
{
	AUTO_FREE char *shown = mem_format("%s/%s", above, name);
	AUTO_CLOSE int fd = -1;
	struct stat st;

	fd = tree_open(t, from, name, &st, shown);
	if (fd < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return tree_copy_dir(t, fd, &st, to, name, shown, level, e);
	return tree_copy_file(t, fd, &st, to, name, shown, e);
}

static int tree_copy_entries(struct seed_tree *t, int from, int to, const char *shown,
			     const struct tree_level *level, struct err *e)
{
	int own = fcntl(from, F_DUPFD_CLOEXEC, 3);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		tree_note(t, "%s is not shared: %s", shown, strerror(errno));
		if (own >= 0)
			close(own);
		return 0;
	}
	while (rc == 0 && !t->full && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = tree_copy_entry(t, from, entry->d_name, to, shown, level, e);
	closedir(dir);
	return rc;
}

int seed_tree_copy_dir(struct seed_tree *t, int src_dirfd, const char *name, int dst_dirfd,
		       const char *shown, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;

	fd = tree_open(t, src_dirfd, name, &st, shown);
	if (fd < 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return tree_note(t, "%s is not shared: not a directory", shown), 0;
	return tree_copy_dir(t, fd, &st, dst_dirfd, name, shown, NULL, e);
}

int seed_tree_read_file(struct seed_tree *t, int src_dirfd, const char *name, struct buf *out,
			const char *shown)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	struct err e;

	fd = tree_open(t, src_dirfd, name, &st, shown);
	if (fd < 0)
		return 0;
	if (!S_ISREG(st.st_mode))
		return tree_note(t, "%s is not shared: not a file", shown), 0;
	if (!tree_fits(t, &st, shown) || !tree_has_room(t, (unsigned long long)st.st_size, shown))
		return 0;
	if (file_read_fd(fd, (size_t)t->limits.file_bytes, out, &e) < 0)
		return tree_note(t, "%s is not shared: %s", shown, e.text), 0;
	t->files++;
	t->bytes += buf_len(out);
	return 1;
}
