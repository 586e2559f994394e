/* areas: base ssh
 * SSH's names of signals (RFC 4254 section 6.10). */
#include "unit/unit.h"

#include "ssh/sshlink.h"

static const struct {
	const char *name;
	int number;
} signals[] = {
    {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},   {"HUP", SIGHUP},	{"ILL", SIGILL},
    {"INT", SIGINT},   {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},
    {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
};

static void test_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		const char *name = sshlink_signal_name(signals[i].number);

		assert_int_equal(sshlink_signal_number(signals[i].name), signals[i].number);
		if (!name || strcmp(name, signals[i].name) != 0)
			fail_msg("%d: got %s, wanted %s", signals[i].number, name ? name : "nothing",
				 signals[i].name);
	}
}

static void test_none(void **state)
{
	static const char *const names[] = {"", "SIGTERM", "term", "TERM ", "STOP", "15", "CHLD"};
	static const int numbers[] = {0, -1, SIGCHLD, SIGSTOP, SIGWINCH, 64, 1000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(sshlink_signal_number(names[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		assert_null(sshlink_signal_name(numbers[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_ways), cmocka_unit_test(test_none)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
