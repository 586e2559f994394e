/* areas: base
 * files: src/session/layer.c src/proto/rundir.c
 * Where the edits of an overlay session are: made, removed, and cleaned up after sessions that were
 * killed, but not those that run. */
#include "unit/unit.h"

#include "session/layer.h"

#include <stdio.h>
#include <sys/stat.h>

static int use_dir(void **state)
{
	(void)state;
	return unit_make_dir(state);
}

static struct rundir make_run(void)
{
	struct rundir r;
	struct err e;

	assert_int_equal(rundir_create(&r, unit_dir, &e), 0);
	return r;
}

static void fill(const struct layer *l)
{
	struct err e;

	assert_int_equal(layer_prepare(l, &e), 0);
	assert_int_equal(layer_prepare(l, &e), 0); /* of a further attempt */
	assert_int_equal(mkdirat(l->fd, "tree/a", 0700), 0);
	assert_int_equal(file_create(l->fd, "tree/a/b", "x", 1, 0600, &e), 0);
}

static void test_in_the_run_directory(void **state)
{
	struct rundir r = make_run();
	struct layer l;
	struct err e;

	(void)state;
	layer_init(&l);
	assert_false(layer_is_made(&l));
	layer_remove(&l);
	assert_int_equal(layer_make(&l, &r, RUNDIR_OVERLAY, -1, &e), 0);
	assert_true(layer_is_made(&l));
	fill(&l);
	assert_int_equal(faccessat(r.fd, RUNDIR_OVERLAY "/tree/a/b", F_OK, 0), 0);
	layer_remove(&l);
	layer_remove(&l);
	assert_int_equal(faccessat(r.fd, RUNDIR_OVERLAY "/tree", F_OK, 0), -1);
	rundir_remove(&r);
}

static void test_on_disk(void **state)
{
	AUTO_FREE char *path = unit_path("disk");
	AUTO_FREE char *foreign = unit_path("disk/other");
	struct rundir first = make_run(), second = make_run(), third = make_run();
	struct layer killed, runs, l;
	AUTO_FREE char *left = NULL;
	struct err e;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(mkdir(foreign, 0700), 0);
	layer_init(&killed);
	layer_init(&runs);
	layer_init(&l);
	assert_int_equal(
		layer_make(&killed, &first, RUNDIR_OVERLAY, open(path, O_PATH | O_CLOEXEC), &e), 0);
	assert_int_equal(
		layer_make(&runs, &second, RUNDIR_OVERLAY, open(path, O_PATH | O_CLOEXEC), &e), 0);
	fill(&killed);
	fill(&runs);
	left = mem_format("%s/%s", path, killed.name);
	close(killed.fd); /* the lock goes with it */
	close(killed.outer_fd);
	assert_int_equal(access(left, F_OK), 0);
	assert_int_equal(layer_make(&l, &third, RUNDIR_OVERLAY, open(path, O_PATH | O_CLOEXEC), &e),
			 0);
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(access(foreign, F_OK), 0);
	assert_int_equal(faccessat(runs.fd, "tree/a/b", F_OK, 0), 0);
	layer_remove(&runs);
	layer_remove(&l);
	assert_int_equal(rmdir(foreign), 0);
	assert_int_equal(rmdir(path), 0); /* nothing is left in it */
	rundir_remove(&first);
	rundir_remove(&second);
	rundir_remove(&third);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_in_the_run_directory, use_dir),
		cmocka_unit_test_setup(test_on_disk, use_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
