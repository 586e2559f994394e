/* areas: base
 * String lists, secrets and errors as values. */
#include "unit/unit.h"

#include "base/err.h"

#include <errno.h>

static void test_strv(void **state)
{
	AUTO_STRV struct strv s = {0};
	size_t resizes = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		size_t before = s.size;

		strv_addf(&s, "%d", i);
		resizes += s.size != before;
		assert_null(s.v[s.n]);
	}
	assert_true(resizes < 20); /* adding one is cheap however many there are */
	assert_int_equal(s.n, 10000);
	assert_string_equal(s.v[0], "0");
	assert_string_equal(s.v[9999], "9999");
	strv_fini(&s);
	assert_null(s.v);
	strv_add(&s, "again");
	strv_take(&s, mem_strdup("and again"));
	assert_int_equal(s.n, 2);
	assert_string_equal(s.v[1], "and again");
	assert_null(s.v[2]);
}

static int is_wiped(void *ctx)
{
	const struct secret *s = ctx;

	return memcmp(secret_text(s), "\0\0\0\0\0\0", 6) == 0 ? 0 : 1;
}

static void test_secret(void **state)
{
	struct secret *s = secret_new("ab\0cde", 6);

	(void)state;
	assert_memory_equal(secret_text(s), "ab\0cde", 7);
	assert_int_equal(secret_size(s), 6);
	assert_int_equal(unit_child(is_wiped, s), 0); /* a forked child finds zeros */
	secret_free(s);
	secret_free(NULL);
}

static int overflow(void *ctx)
{
	(void)ctx;
	return mem_resize(NULL, SIZE_MAX / 2, 4) != NULL;
}

static void test_overflow(void **state)
{
	(void)state;
	unit_expect_abort(overflow, NULL, "a size that overflows");
}

static void test_err(void **state)
{
	struct err e;

	(void)state;
	memset(&e, 'x', sizeof(e)); /* setting starts from anything */
	errno = ENOENT;
	assert_int_equal(err_sys(&e, "open %s", "it"), -1);
	assert_string_equal(e.text, "open it: No such file or directory");
	assert_string_equal(e.remedy, "");
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(e.exit_code, 0);
	err_remedy(&e, "near");
	err_remedy(&e, "far");
	assert_string_equal(e.remedy, "near");
	err_exit_code(&e, ERR_EXIT_POLICY);
	err_exit_code(&e, ERR_EXIT_GUEST);
	assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
	assert_null(e.stage);
	assert_int_equal(err_stage(&e, "near"), -1);
	assert_int_equal(err_stage(&e, "far"), -1);
	assert_string_equal(e.stage, "near");
	err_wrap(&e, "context %d", 1);
	assert_string_equal(e.text, "context 1: open it: No such file or directory");
	assert_int_equal(e.sys, ENOENT);
}

static void test_err_long(void **state)
{
	AUTO_FREE char *s = mem_alloc(2 * ERR_TEXT_MAX);
	struct err e;

	(void)state;
	memset(s, 'y', 2 * ERR_TEXT_MAX - 1);
	err_sys(&e, "%s", s);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	err_wrap(&e, "%s", "context");
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	assert_string_equal(e.text + ERR_TEXT_MAX - 4, "...");
	err_remedy(&e, "%s", s);
	assert_int_equal(strlen(e.remedy), ERR_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strv),	 cmocka_unit_test(test_secret),
		cmocka_unit_test(test_overflow), cmocka_unit_test(test_err),
		cmocka_unit_test(test_err_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
