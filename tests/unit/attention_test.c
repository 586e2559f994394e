/* areas: base
 * files: src/session/attention.c
 * What an agent does, from what its terminal shows. */
#include "unit/unit.h"

#include "session/attention.h"

#define ARROW "\xe2\x9d\xaf"
#define SIDE  "\xe2\x94\x82"

static const struct {
	const char *what, *title, *screen;
	enum attention wanted;
} cases[] = {
	{"nothing yet", "", "", ATTENTION_UNKNOWN},
	{"a shell", "vim", "$ make\n", ATTENTION_UNKNOWN},
	{"idle", "\xe2\x9c\xb3 Claude Code", ARROW " \n? for shortcuts\n", ATTENTION_IDLE},
	{"working", "\xe2\x97\x90 Fix the bug", "Thinking\n", ATTENTION_WORKING},
	{"working, braille", "\xe2\xa0\x82 Fix", "", ATTENTION_WORKING},
	{"a permission", "\xe2\x9c\xb3 x", "Do you want to create a.txt?\n " ARROW " 1. Yes\n   2. No\nEsc to cancel\n", ATTENTION_WAITING},
	{"in a frame", "\xe2\x97\x90 x", SIDE " Do you want to proceed? " SIDE "\n" SIDE " " ARROW " 2. No " SIDE "\n", ATTENTION_WAITING},
	{"a plan", "\xe2\x9c\xb3 x", "Would you like to proceed?\n" ARROW " 1. Yes\n", ATTENTION_WAITING},
	{"the login", "", "Select login method:\n " ARROW " 1. Claude account\n", ATTENTION_WAITING},
	{"the question is quoted, no choice", "\xe2\x9c\xb3 x", "I asked: Do you want to create a.txt?\n" ARROW " \n", ATTENTION_IDLE},
	{"a list somebody typed", "\xe2\x9c\xb3 x", ARROW " 1. buy milk\n", ATTENTION_IDLE},
	{"the arrow within a line", "\xe2\x97\x90 x", "Do you want to\nthe text " ARROW " 1. Yes\n", ATTENTION_WORKING},
	{"cut short", "\xe2", ARROW, ATTENTION_UNKNOWN},
};

static void test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct attention_verdict v = attention_judge(cases[i].title, cases[i].screen);

		if (v.state != cases[i].wanted)
			fail_msg("%s: got %s (%s)", cases[i].what, attention_name(v.state), v.why);
		assert_true(strlen(v.why) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_judge)};

	return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}
