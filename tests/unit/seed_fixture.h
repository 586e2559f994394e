/* seed_fixture: a home in a temporary directory, a seed made from it, and searches in both. */
#ifndef CCVM_TEST_SEED_FIXTURE_H
#define CCVM_TEST_SEED_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_pass.h"
#include "conf/env.h"
#include "seed/seed.h"

struct fixture {
	char root[PATH_MAX]; /* holds home/, work/ and seed/ */
	char *home, *claude, *work, *seed;
	struct conf conf;
	struct strv env, sent; /* what is sent of it, by conf_pass_env */
	struct hostenv host;   /* what it says */
	struct strv notes;
	struct buf args;
	struct seed_spec spec;
};

static inline void fixture_init(struct fixture *f)
{
	struct err e;

	memset(f, 0, sizeof(*f));
	strcpy(f->root, "/tmp/ccvm-seed-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	f->home = mem_format("%s/home", f->root);
	f->claude = mem_format("%s/home/.claude", f->root);
	f->work = mem_format("%s/work", f->root);
	f->seed = mem_format("%s/seed", f->root);
	assert_int_equal(file_mkdirs(f->claude, 0700, &e), 0);
	assert_int_equal(file_mkdirs(f->work, 0700, &e), 0);
	conf_init(&f->conf);
	strv_addf(&f->env, "HOME=%s", f->home);
	strv_addf(&f->env, "PATH=%s", getenv("PATH"));
	strv_add(&f->env, "GIT_CONFIG_NOSYSTEM=1");
	f->spec = (struct seed_spec){.conf = &f->conf,
				     .workdir = f->work,
				     .args = &f->args,
				     .uid = 1234,
				     .gid = 567,
				     .workdir_fd = open(f->work, O_PATH | O_DIRECTORY | O_CLOEXEC),
				     .dirs = {.home = f->home, .claude_dir = f->claude},
				     .agent_sudo = true};
}

static inline void fixture_fini(struct fixture *f)
{
	struct err e;

	assert_int_equal(file_remove_tree(AT_FDCWD, f->root, &e), 0);
	close(f->spec.workdir_fd);
	conf_fini(&f->conf);
	strv_fini(&f->env);
	strv_fini(&f->sent);
	hostenv_fini(&f->host);
	strv_fini(&f->notes);
	buf_fini(&f->args);
	free(f->home);
	free(f->claude);
	free(f->work);
	free(f->seed);
}

/* Writes a file below the root, with its folders. */
static inline void fixture_put(const struct fixture *f, const char *path, const char *text)
{
	AUTO_FREE char *full = mem_format("%s/%s", f->root, path);
	AUTO_FREE char *dir = mem_strndup(full, (size_t)(strrchr(full, '/') - full));
	struct err e;

	if (file_mkdirs(dir, 0755, &e) < 0 ||
	    file_createf(AT_FDCWD, full, 0644, &e, "%s", text) < 0)
		fail_msg("%s", e.text);
}

static inline void fixture_link(const struct fixture *f, const char *target, const char *path)
{
	AUTO_FREE char *full = mem_format("%s/%s", f->root, path);

	assert_int_equal(symlink(target, full), 0);
}

static inline void fixture_hardlink(const struct fixture *f, const char *target, const char *path)
{
	AUTO_FREE char *from = mem_format("%s/%s", f->root, target);
	AUTO_FREE char *to = mem_format("%s/%s", f->root, path);

	assert_int_equal(link(from, to), 0);
}

static inline void fixture_on_note(void *ctx, const char *note)
{
	strv_add(&((struct fixture *)ctx)->notes, note);
}

static inline int fixture_try(struct fixture *f, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	strv_fini(&f->sent);
	conf_pass_env(&f->conf, f->env.v, &f->sent);
	for (size_t i = 0; i < f->sent.n; i++)
		f->sent.v[i][strcspn(f->sent.v[i], "=")] = '\0';
	hostenv_fini(&f->host);
	env_host_resolve(&f->host, f->env.v);
	f->spec.host = &f->host;
	f->spec.variables = f->sent.v;
	strv_fini(&f->notes);
	assert_int_equal(file_remove_tree(AT_FDCWD, f->seed, e), 0);
	assert_int_equal(mkdir(f->seed, 0700), 0);
	fd = open(f->seed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	memset(e, 0, sizeof(*e));
	return seed_write(&f->spec, fd, fixture_on_note, f, e);
}

static inline void fixture_seed(struct fixture *f)
{
	struct err e;

	if (fixture_try(f, &e) < 0)
		fail_msg("%s", e.text);
}

/* The content of a file of the seed, or NULL. Free it. */
static inline char *fixture_get(const struct fixture *f, const char *name)
{
	AUTO_FREE char *full = mem_format("%s/%s", f->seed, name);
	AUTO_BUF struct buf b = {0};
	struct err e;

	if (file_read(AT_FDCWD, full, 64u << 20, &b, &e) < 0)
		return NULL;
	return mem_strdup(buf_text(&b));
}

static inline bool fixture_has(const struct fixture *f, const char *name)
{
	AUTO_FREE char *full = mem_format("%s/%s", f->seed, name);

	return access(full, F_OK) == 0;
}

static inline void fixture_assert(const struct fixture *f, const char *name, const char *content)
{
	AUTO_FREE char *got = fixture_get(f, name);

	if (!got)
		fail_msg("%s is missing in the seed", name);
	assert_string_equal(got, content);
}

static inline bool fixture_noted(const struct fixture *f, const char *part)
{
	for (size_t i = 0; i < f->notes.n; i++)
		if (strstr(f->notes.v[i], part))
			return true;
	return false;
}

static inline void fixture_assert_noted(const struct fixture *f, const char *part)
{
	if (fixture_noted(f, part))
		return;
	for (size_t i = 0; i < f->notes.n; i++)
		print_error("note: %s\n", f->notes.v[i]);
	fail_msg("no note says \"%s\"", part);
}

/* Calls fn for each file below dir with its whole content. */
static inline void fixture_walk(const char *dir,
				void (*fn)(void *ctx, const char *path, const struct buf *b),
				void *ctx)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		AUTO_FREE char *path = mem_format("%s/%s", dir, entry->d_name);
		AUTO_BUF struct buf b = {0};
		struct stat st;
		struct err e;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		assert_int_equal(lstat(path, &st), 0);
		/* no links, no devices in a seed */
		assert_true(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
		assert_int_equal(st.st_mode & 077, 0);
		if (S_ISDIR(st.st_mode)) {
			fixture_walk(path, fn, ctx);
			continue;
		}
		assert_int_equal(file_read(AT_FDCWD, path, 64u << 20, &b, &e), 0);
		fn(ctx, path, &b);
	}
	closedir(d);
}

static inline void fixture_find_in(void *ctx, const char *path, const struct buf *b)
{
	const char *secret = ctx;

	if (buf_len(b) && memmem(buf_data(b), buf_len(b), secret, strlen(secret)))
		fail_msg("\"%s\" found in %s", secret, path);
	if (strstr(path, secret))
		fail_msg("\"%s\" found as the name %s", secret, path);
}

static inline void fixture_assert_absent(const struct fixture *f, const char *secret)
{
	fixture_walk(f->seed, fixture_find_in, (void *)secret);
	for (size_t i = 0; i < f->notes.n; i++)
		if (strstr(f->notes.v[i], secret))
			fail_msg("\"%s\" found in the note: %s", secret, f->notes.v[i]);
}

#endif
