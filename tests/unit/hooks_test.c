/* areas: base
 * files: guest/report/hooks.c
 * The names that ccvm-report takes from ccvm-hook, and from an agent that sends something else. */
#include "unit/unit.h"

#include "report/hooks.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_names(void **state)
{
	static const char *const good[] = {"start", "prompt",  "permission",
					   "stop",  "failure", "end"};
	static const char *const bad[] = {
		"", "Stop", "stop ", "sto", "stopp", "permissionpermission", "\n", "stop\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_string_equal(hooks_name(good[i], strlen(good[i])), good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(hooks_name(bad[i], strlen(bad[i])));
	assert_null(hooks_name("stop\0x", 6));
}

/* What is no name, or too long, is skipped; after ten in a second nothing passes. */
static void test_socket(void **state)
{
	int pair[2], passed = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_null(hooks_next(pair[0]));
	assert_int_equal(send(pair[1], "nonsense", 8, 0), 8);
	assert_int_equal(send(pair[1], "stop, and much more than a name has", 35, 0), 35);
	assert_int_equal(send(pair[1], "", 0, 0), 0);
	assert_int_equal(send(pair[1], "permission", 10, 0), 10);
	assert_string_equal(hooks_next(pair[0]), "permission");
	for (int i = 0; i < 10 && send(pair[1], "stop", 4, 0) == 4; i++)
		passed += hooks_next(pair[0]) != NULL;
	/* 19 when a second passed in between */
	assert_in_range(passed, 9, 10);
	close(pair[0]);
	close(pair[1]);
	assert_null(hooks_next(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
					   cmocka_unit_test(test_socket)};

	return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
