#include "proto/rundir.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

static bool rundir_is_ours(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* The directory that holds ours. */
static char *rundir_parent(const char *xdg, struct err *e)
{
	AUTO_FREE char *run = mem_format("/run/user/%u", (unsigned)geteuid());
	AUTO_FREE char *shm = mem_format("/dev/shm/ccvm-%u", (unsigned)geteuid());

	if (xdg && xdg[0] == '/')
		return mem_strdup(xdg);
	if (rundir_is_ours(run))
		return mem_steal_ptr(&run);
	/* A world-writable directory: the name could be squatted, so the owner is checked after
	 * mkdir. */
	if (mkdir(shm, 0700) < 0 && errno != EEXIST) {
		err_sys(e, "make %s", shm);
		return NULL;
	}
	if (!rundir_is_ours(shm)) {
		err_set(e, "%s belongs to another user", shm);
		return NULL;
	}
	return mem_steal_ptr(&shm);
}

char *rundir_base(const char *runtime, struct err *e)
{
	AUTO_FREE char *parent = rundir_parent(runtime, e);
	AUTO_FREE char *base = NULL;

	if (!parent)
		goto fail;
	base = mem_format("%s/ccvm", parent);
	if (mkdir(base, 0700) < 0 && errno != EEXIST) {
		err_sys(e, "make the run directory %s", base);
		goto fail;
	}
	if (!rundir_is_ours(base)) {
		err_set(e, "the run directory %s is not a directory that you own", base);
		goto fail;
	}
	if (access(base, R_OK | W_OK | X_OK) < 0) {
		err_sys(e, "use the run directory %s", base);
		goto fail;
	}
	return mem_steal_ptr(&base);
fail:
	err_exit_code(e, ERR_EXIT_GUEST);
	err_remedy(e, "set XDG_RUNTIME_DIR to a directory that you own, preferably on tmpfs");
	return NULL;
}

static int rundir_open_base(const char *runtime, char **path, struct err *e)
{
	AUTO_FREE char *base = rundir_base(runtime, e);
	int fd;

	if (!base)
		return -1;
	fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		err_sys(e, "lock %s", base);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*path = mem_steal_ptr(&base);
	return fd;
}

/* Three syllables, easy to say and to type: 1,000,000 ids. */
static void rundir_make_id(char *id)
{
	static const char consonants[] = "bdfghjklmnprstvwxyz", vowels[] = "aeiou";
	unsigned char random[6];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		mem_die("no random numbers");
	for (int i = 0; i < 3; i++) {
		*id++ = consonants[random[2 * i] % (sizeof(consonants) - 1)];
		*id++ = vowels[random[2 * i + 1] % (sizeof(vowels) - 1)];
	}
	*id = '\0';
}

/* Makes the directory and locks it, under the base's lock; -1 with errno and nothing left. */
static int rundir_make(int base_fd, char *id)
{
	AUTO_CLOSE int fd = -1;
	int made, code;

	do {
		rundir_make_id(id);
		made = mkdirat(base_fd, id, 0700);
	} while (made < 0 && errno == EEXIST);
	if (made < 0)
		return -1;
	fd = openat(base_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return mem_steal_fd(&fd);
	code = errno;
	/* new, so empty; needs no fd, which may be what ran out */
	unlinkat(base_fd, id, AT_REMOVEDIR);
	errno = code;
	return -1;
}

void rundir_leave(struct rundir *r)
{
	if (r->fd >= 0)
		close(r->fd);
	if (r->base_fd >= 0)
		close(r->base_fd);
	r->fd = r->base_fd = -1;
	free(r->path);
	r->path = NULL;
}

int rundir_create(struct rundir *r, const char *runtime, struct err *e)
{
	AUTO_FREE char *base = NULL;
	AUTO_CLOSE int base_fd = rundir_open_base(runtime, &base, e);

	r->fd = r->base_fd = -1;
	r->path = NULL;
	if (base_fd < 0)
		return -1;
	r->base_fd = openat(base_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r->fd = r->base_fd < 0 ? -1 : rundir_make(base_fd, r->id);
	if (r->fd < 0) {
		err_sys(e, "make a session directory in %s", base);
		rundir_leave(r);
		err_remedy(e, "check that %s is writable and has space", base);
		return err_exit_code(e, ERR_EXIT_GUEST);
	}
	r->path = mem_format("%s/%s", base, r->id); /* the base's lock goes with base_fd */
	return 0;
}

void rundir_remove(struct rundir *r)
{
	struct err ignored;

	if (!r->path)
		return;
	/* First the content, then the directory: a confined session may not change its parent
	 * otherwise. */
	(void)file_empty_dir(r->fd, &ignored);
	(void)unlinkat(r->base_fd, r->id, AT_REMOVEDIR);
	rundir_leave(r);
}

int rundir_keep(const struct rundir *r, struct err *e)
{
	return file_create(r->fd, RUNDIR_KEPT, "", 0, 0600, e);
}

static int rundir_open_session(int base_fd, const char *name, enum rundir_life *life)
{
	int fd;

	if (name[0] == '.')
		return -1;
	fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		*life = RUNDIR_ALIVE;
	else
		*life = faccessat(fd, RUNDIR_KEPT, F_OK, 0) == 0 ? RUNDIR_DRY : RUNDIR_DEAD;
	return fd;
}

static int rundir_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void rundir_names(int base_fd, struct strv *names)
{
	int fd = fcntl(base_fd, F_DUPFD_CLOEXEC, 3);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return;
	rewinddir(dir);
	while ((entry = readdir(dir)))
		strv_add(names, entry->d_name);
	closedir(dir);
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), rundir_compare);
}

int rundir_each(const char *runtime, rundir_visit *visit, void *ctx, struct err *e)
{
	AUTO_FREE char *base = NULL;
	AUTO_CLOSE int base_fd = rundir_open_base(runtime, &base, e);
	AUTO_STRV struct strv names = {0};

	if (base_fd < 0)
		return -1;
	rundir_names(base_fd, &names);
	for (size_t i = 0; i < names.n; i++) {
		enum rundir_life life;
		AUTO_CLOSE int fd = rundir_open_session(base_fd, names.v[i], &life);

		if (fd >= 0)
			visit(ctx, names.v[i], fd, life);
	}
	return 0;
}

struct rundir_sweep {
	struct strv dead;
};

static void rundir_note_dead(void *ctx, const char *id, int dirfd, enum rundir_life life)
{
	struct rundir_sweep *s = ctx;

	(void)dirfd;
	if (life == RUNDIR_DEAD)
		strv_add(&s->dead, id);
}

int rundir_clean_dead(const char *runtime)
{
	AUTO_FREE char *base = NULL;
	struct rundir_sweep s = {0};
	struct err e;
	AUTO_CLOSE int base_fd = -1;
	int removed = 0;

	if (rundir_each(runtime, rundir_note_dead, &s, &e) < 0)
		return 0;
	base_fd = rundir_open_base(runtime, &base, &e);
	for (size_t i = 0; base_fd >= 0 && i < s.dead.n; i++) {
		enum rundir_life life;
		AUTO_CLOSE int fd = rundir_open_session(base_fd, s.dead.v[i], &life);

		/* Checked again under the lock: the id may have been reused since. */
		if (fd >= 0 && life == RUNDIR_DEAD &&
		    file_remove_tree(base_fd, s.dead.v[i], &e) == 0)
			removed++;
	}
	strv_fini(&s.dead);
	return removed;
}

int rundir_remove_kept(const char *runtime, const char *id, struct err *e)
{
	AUTO_FREE char *base = NULL;
	AUTO_CLOSE int base_fd = rundir_open_base(runtime, &base, e);
	enum rundir_life life = RUNDIR_DEAD;
	AUTO_CLOSE int fd = -1;

	if (base_fd < 0)
		return -1;
	/* A name with a slash could be anything. */
	fd = strchr(id, '/') || !id[0] ? -1 : rundir_open_session(base_fd, id, &life);
	if (fd >= 0 && life == RUNDIR_ALIVE) {
		err_set(e, "%s is a running session", id);
		return err_remedy(e, "end it: ccvmctl stop %s", id);
	}
	if (fd < 0 || life != RUNDIR_DRY) {
		err_set(e, "no such dry run: %s", id);
		return err_remedy(e, "ccvmctl ls lists them");
	}
	return file_remove_tree(base_fd, id, e);
}
