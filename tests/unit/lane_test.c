/* areas: base
 * files: guest/init/lane.c guest/init/stage.c
 * Stages beside the boot: who waits for them, and that nobody waits for ever. */
#include "unit/unit.h"

#include "base/buf.h"
#include "base/file.h"
#include "init/lane.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

struct boot {	      /* the stages' own; theirs to define */
	int go, said; /* what a row waits for, and where the listener writes */
};

static int waits(struct boot *b, struct err *e)
{
	char byte;

	return read(b->go, &byte, 1) == 1 ? 0 : err_set(e, "not told to go on");
}

static int fails(struct boot *b, struct err *e)
{
	(void)b;
	return err_set(e, "no luck");
}

static void on_event(void *ctx, const struct stage *s, enum stage_event event, const struct err *e)
{
	const struct boot *b = ctx;

	if (event != STAGE_BEGUN)
		dprintf(b->said, "%s:%s ", s->name, e ? e->text : "done");
}

static const struct stage rows[] = {{"a", STAGE_FAIL_OPEN, fails},
				    {"b", STAGE_FAIL_OPEN, waits},
				    {"c", STAGE_FAIL_OPEN, fails}};

struct setting {
	char dir[40], lock[64];
	int go[2], said[2], locked;
	struct boot boot;
	struct lane lane;
};

static void setting_init(struct setting *t, unsigned seconds)
{
	strcpy(t->dir, "/tmp/ccvm-lane-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->lock, sizeof(t->lock), "%s/lock", t->dir);
	assert_int_equal(pipe2(t->go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(t->said, O_CLOEXEC), 0);
	t->boot = (struct boot){t->go[0], t->said[1]};
	t->lane = (struct lane){seconds, rows, ARRAY_LEN(rows)};
	t->locked = lane_lock(t->lock);
	assert_true(t->locked >= 0);
}

static void setting_fini(struct setting *t)
{
	int *const all[] = {t->go, t->said};
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		close(all[i][0]);
		close(all[i][1]);
	}
	assert_int_equal(file_remove_tree(AT_FDCWD, t->dir, &e), 0);
}

/* As ccvm-launch does it; 0 when the lock was had. */
static int try_lock(const char *path, int how)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	assert_true(fd >= 0);
	rc = flock(fd, how);
	close(fd);
	return rc;
}

static void assert_said(struct setting *t, const char *expected)
{
	char text[200];
	ssize_t n;

	fcntl(t->said[0], F_SETFL, O_NONBLOCK);
	n = read(t->said[0], text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, expected);
}

static void test_runs_beside(void **state)
{
	struct setting t;
	int status;
	pid_t pid;

	(void)state;
	setting_init(&t, 600);
	pid = lane_start(&t.lane, &t.boot, on_event, &t.boot);
	assert_true(pid > 0);
	assert_int_equal(try_lock(t.lock, LOCK_SH | LOCK_NB), -1);
	assert_int_equal(write(t.go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	/* its parent holds the lock as well */
	assert_int_equal(try_lock(t.lock, LOCK_SH | LOCK_NB), -1);
	close(t.locked);
	assert_int_equal(try_lock(t.lock, LOCK_SH | LOCK_NB), 0);
	assert_said(&t, "a:no luck b:done c:no luck ");
	setting_fini(&t);
}

/* Whoever waits is let go when the rows hang, also where the boot's signals are all blocked, and
 * when they crash. */
static void test_is_ended(void **state)
{
	static const int ends[] = {SIGALRM, SIGKILL};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct setting t;
		sigset_t all, before;
		int status;
		pid_t pid;

		(void)state;
		setting_init(&t, ends[i] == SIGALRM ? 1 : 600);
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, &before);
		pid = lane_start(&t.lane, &t.boot, on_event, &t.boot);
		sigprocmask(SIG_SETMASK, &before, NULL);
		assert_true(pid > 0);
		close(t.locked);
		assert_int_equal(try_lock(t.lock, LOCK_SH | LOCK_NB), -1);
		if (ends[i] == SIGKILL)
			kill(pid, SIGKILL);
		assert_int_equal(try_lock(t.lock, LOCK_SH), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == ends[i]);
		setting_fini(&t);
	}
}

/* One of an earlier boot stage, or of somebody else, is not taken over. */
static void test_lock_that_is_there(void **state)
{
	struct setting t;

	(void)state;
	setting_init(&t, 600);
	assert_int_equal(lane_lock(t.lock), -1);
	close(t.locked);
	assert_int_equal(lane_lock(t.lock), -1);
	setting_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_beside),
		cmocka_unit_test(test_is_ended),
		cmocka_unit_test(test_lock_that_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
