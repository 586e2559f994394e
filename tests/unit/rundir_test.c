/* areas: base
 * files: src/proto/rundir.c
 * Session directories: made private and locked, judged alive or dead by the lock alone, cleaned
 * when dead. */
#include "unit/unit.h"

#include "proto/rundir.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int use_dir(void **state)
{
	(void)state;
	return unit_make_dir(state);
}

static void add_visit(void *ctx, const char *id, int dirfd, enum rundir_life life)
{
	struct stat st;

	assert_int_equal(fstat(dirfd, &st), 0);
	buf_addf(ctx, "%s%c ", id, "-+="[life]);
}

/* "id+ id- id= " for what is alive, dead and kept. */
static void expect_sessions(const char *wanted)
{
	AUTO_BUF struct buf got = {0};
	struct err e;

	assert_int_equal(rundir_each(unit_dir, add_visit, &got, &e), 0);
	assert_string_equal(buf_text(&got), wanted);
}

static bool is_locked(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int lock_in_child(void *ctx)
{
	return is_locked(ctx) ? 0 : 1;
}

static void test_create(void **state)
{
	AUTO_FREE char *base = unit_path("ccvm");
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *seed = NULL;
	AUTO_FREE char *alive = NULL;
	struct rundir r;
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(rundir_create(&r, unit_dir, &e), 0);
	assert_int_equal(strlen(r.id), 6);
	for (const char *p = r.id; *p; p++)
		assert_true(islower((unsigned char)*p));
	path = mem_format("%s/%s", base, r.id);
	assert_string_equal(r.path, path);
	assert_int_equal(stat(base, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(fcntl(r.fd, F_GETFD) & fcntl(r.base_fd, F_GETFD) & FD_CLOEXEC);
	assert_true(is_locked(path));
	assert_int_equal(unit_child(lock_in_child, path), 0);
	assert_false(is_locked(base)); /* held for the making only: other sessions may start */
	alive = mem_format("%s+ ", r.id);
	expect_sessions(alive);
	assert_int_equal(rundir_clean_dead(unit_dir), 0);
	seed = mem_format("%s/" RUNDIR_SEED, r.path);
	unit_write(seed, "key", 3);
	rundir_remove(&r);
	assert_null(r.path);
	rundir_remove(&r);
	expect_sessions("");
}

static void test_leave(void **state)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *dead = NULL;
	struct rundir r;
	struct err e;

	(void)state;
	assert_int_equal(rundir_create(&r, unit_dir, &e), 0);
	path = mem_strdup(r.path);
	dead = mem_format("%s- ", r.id);
	rundir_leave(&r);
	assert_false(is_locked(path));
	expect_sessions(dead);
	assert_int_equal(rundir_clean_dead(unit_dir), 1);
	assert_int_equal(access(path, F_OK), -1);
}

static void expect_not_removed(const char *id, const char *text)
{
	struct err e = {0};

	assert_int_equal(rundir_remove_kept(unit_dir, id, &e), -1);
	if (!strstr(e.text, text) || !e.remedy[0])
		fail_msg("%s (%s), wanted: %s", e.text, e.remedy, text);
}

static void test_keep(void **state)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *kept = NULL;
	AUTO_FREE char *other = unit_path("other");
	AUTO_FREE char *other_kept = unit_path("other/" RUNDIR_KEPT);
	struct rundir r, dead;
	struct err e;

	(void)state;
	assert_int_equal(rundir_create(&r, unit_dir, &e), 0);
	path = mem_strdup(r.path);
	kept = mem_format("%s= ", r.id);
	assert_int_equal(rundir_keep(&r, &e), 0);
	expect_not_removed(r.id, "is a running session"); /* the lock counts more than the mark */
	rundir_leave(&r);
	expect_sessions(kept);
	assert_int_equal(rundir_clean_dead(unit_dir), 0);
	assert_int_equal(access(path, F_OK), 0);

	assert_int_equal(rundir_create(&dead, unit_dir, &e), 0);
	rundir_leave(&dead);
	assert_int_equal(mkdir(other, 0700), 0);
	unit_write(other_kept, "", 0);
	expect_not_removed(dead.id, "no such dry run");
	expect_not_removed("../other", "no such dry run");
	expect_not_removed("..", "no such dry run");
	expect_not_removed("", "no such dry run");
	expect_not_removed("nobody", "no such dry run");
	assert_int_equal(access(other_kept, F_OK), 0);

	assert_int_equal(rundir_remove_kept(unit_dir, r.id, &e), 0);
	assert_int_equal(rundir_clean_dead(unit_dir), 1);
	expect_sessions("");
	assert_int_equal(file_remove_tree(AT_FDCWD, other, &e), 0);
}

static int in_base(const char *what)
{
	AUTO_FREE char *base = unit_path("ccvm");
	AUTO_FREE char *command = mem_format("ls -A %s | %s", base, what);

	return system(command);
}

/* Without an fd to open it, the new directory cannot be locked: it must not stay. */
static int create_without_fds(void *ctx)
{
	struct rundir r;
	struct err e = {0};
	int next = dup(0);

	(void)ctx;
	if (next < 0)
		return 2;
	close(next);
	/* one more is there for the base, none for the session's */
	if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next + 1, (rlim_t)next + 1}) < 0)
		return 3;
	if (rundir_create(&r, unit_dir, &e) == 0 || e.sys != EMFILE)
		return 4;
	rundir_remove(&r); /* does nothing */
	next = dup(0);
	return next >= 0 && strstr(e.text, "session directory") ? 0 : 5;
}

static void test_failed_create_leaves_nothing(void **state)
{
	(void)state;
	assert_int_equal(unit_child(create_without_fds, NULL), 0);
	assert_int_equal(in_base("grep -q ."), 256);
}

/* In a child: makes a session, says its id, and lives until it is killed. */
static void hold(int out)
{
	struct rundir r;
	struct err e;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
	if (rundir_create(&r, unit_dir, &e) < 0 || write(out, r.id, sizeof(r.id)) != sizeof(r.id))
		_exit(1);
	for (;;)
		pause();
}

static void test_clean_dead(void **state)
{
	AUTO_FREE char *file = unit_path("ccvm/no-session");
	AUTO_FREE char *hidden = unit_path("ccvm/.hidden");
	AUTO_FREE char *link = unit_path("ccvm/link");
	AUTO_FREE char *alive = NULL;
	AUTO_FREE char *dead = NULL;
	struct rundir gone;
	char id[RUNDIR_ID_SIZE];
	struct err e;
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		hold(ends[1]);
	assert_int_equal(read(ends[0], id, sizeof(id)), sizeof(id));
	assert_int_equal(rundir_create(&gone, unit_dir, &e), 0);
	rundir_leave(&gone);
	unit_write(file, "", 0);
	assert_int_equal(mkdir(hidden, 0700) | symlink(unit_dir, link), 0);
	assert_int_equal(rundir_clean_dead(unit_dir), 1);
	alive = mem_format("%s+ ", id);
	expect_sessions(alive);
	kill(pid, SIGKILL); /* nothing is cleaned by the session itself */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	dead = mem_format("%s- ", id);
	expect_sessions(dead);
	assert_int_equal(rundir_clean_dead(unit_dir), 1);
	expect_sessions("");
	assert_int_equal(access(file, F_OK) | access(hidden, F_OK) | access(link, F_OK), 0);
	close(ends[0]);
	close(ends[1]);
}

static void test_order(void **state)
{
	struct rundir r[8];
	AUTO_BUF struct buf got = {0};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		assert_int_equal(rundir_create(&r[i], unit_dir, &e), 0);
	assert_int_equal(rundir_each(unit_dir, add_visit, &got, &e), 0);
	assert_int_equal(buf_len(&got), 8 * ARRAY_LEN(r));
	for (const char *p = buf_text(&got); p[8]; p += 8)
		if (strncmp(p, p + 8, 6) >= 0)
			fail_msg("not in order: %s", buf_text(&got));
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		rundir_remove(&r[i]);
}

/* ---- a base that cannot be used ---- */

static int expect_refusal(void *ctx)
{
	struct err e = {0};
	struct rundir r;

	if (geteuid() == 0 && ctx &&
	    (setgroups(0, NULL) < 0 || setresuid(UNIT_NOBODY, UNIT_NOBODY, UNIT_NOBODY) < 0))
		return 2;
	if (rundir_create(&r, unit_dir, &e) == 0 || rundir_base(unit_dir, &e) ||
	    e.exit_code != ERR_EXIT_GUEST)
		return 3;
	if (!strstr(e.text, unit_dir) || !strstr(e.remedy, "XDG_RUNTIME_DIR")) {
		dprintf(2, "%s (%s)\n", e.text, e.remedy);
		return 4;
	}
	return rundir_clean_dead(unit_dir) == 0 ? 0 : 5; /* no harm, no message */
}

static void test_unwritable(void **state)
{
	AUTO_FREE char *base = unit_path("ccvm");
	struct err e;

	(void)state;
	assert_int_equal(file_remove_tree(AT_FDCWD, base, &e), 0);
	assert_int_equal(chmod(unit_dir, 0555), 0);
	assert_int_equal(unit_child(expect_refusal, base), 0);
	assert_int_equal(chmod(unit_dir, 0700), 0);
}

static void test_not_a_directory(void **state)
{
	AUTO_FREE char *base = unit_path("ccvm");
	struct err e;

	(void)state;
	assert_int_equal(file_remove_tree(AT_FDCWD, base, &e), 0);
	unit_write(base, "", 0);
	assert_int_equal(unit_child(expect_refusal, NULL), 0);
	assert_int_equal(unlink(base), 0);
	assert_int_equal(symlink("/tmp", base), 0); /* a link would put the keys anywhere */
	assert_int_equal(unit_child(expect_refusal, NULL), 0);
	assert_int_equal(unlink(base), 0);
}

static void test_without_variable(void **state)
{
	AUTO_FREE char *got = NULL;
	struct err e = {0};

	(void)state;
	got = rundir_base("relative", &e);
	if (!got)
		fail_msg("%s", e.text);
	if (strncmp(got, "/run/user/", 10) != 0 && strncmp(got, "/dev/shm/ccvm-", 14) != 0)
		fail_msg("%s is not on tmpfs by definition", got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_leave),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_failed_create_leaves_nothing),
		cmocka_unit_test(test_clean_dead),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_unwritable),
		cmocka_unit_test(test_not_a_directory),
		cmocka_unit_test(test_without_variable),
	};

	return cmocka_run_group_tests(tests, use_dir, unit_remove_dir);
}
