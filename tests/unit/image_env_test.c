/* areas: base
 * files: src/ctl/image_env.c
 * What of the user's environment reaches the image builder. */
#include "unit/unit.h"

#include "ctl/image_env.h"

static const struct {
	const char *entry;
	bool passed;
} cases[] = {
	{"PATH=/usr/bin", true},
	{"HOME=/home/user", true},
	{"TMPDIR=", true},
	{"LC_ALL=C", true},
	{"https_proxy=http://proxy.example:3128", true},
	{"NO_PROXY=localhost", true},
	{"npm_config_registry=https://registry.example/", true},
	{"NPM_CONFIG_CAFILE=/etc/ca", true},
	{"SOURCE_DATE_EPOCH=1", true},
	{"CCVM_MIRROR=http://mirror.example", true},
	{"ANTHROPIC_API_KEY=k", false},
	{"CLAUDE_CODE_OAUTH_TOKEN=k", false},
	{"AWS_SECRET_ACCESS_KEY=k", false},
	{"WORK_KEY=k", false},	   /* a name that nobody can know */
	{"CCVM_CONFIG=/x", false}, /* of ccvm, not of the builder */
	{"BASH_ENV=/x", false},	   /* would run in the builder's shell */
	{"BASH_FUNC_sed%%=() { :; }", false},
	{"LD_PRELOAD=/x.so", false},
	{"NODE_OPTIONS=--require=/x", false},
	{"PATHS=/x", false}, /* names that only begin or end like one of the list */
	{"LC=x", false},
	{"MYHOME=/x", false},
	{"PATH", false},
	{"=PATH", false},
	{"", false},
};

static void each_entry(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_STRV struct strv out = {0};
		char *envp[] = {(char *)cases[i].entry, NULL};

		image_env(envp, &out);
		if ((out.n == 1) != cases[i].passed ||
		    (out.n && strcmp(out.v[0], cases[i].entry) != 0))
			fail_msg("%s: %zu entries", cases[i].entry, out.n);
	}
}

static void first_of_two(void **state)
{
	AUTO_STRV struct strv out = {0};
	char *envp[] = {"HOME=/a", "X=1", "HOME=/b", "LANG=C", NULL};

	(void)state;
	image_env(envp, &out);
	assert_int_equal(out.n, 2);
	assert_string_equal(out.v[0], "HOME=/a");
	assert_string_equal(out.v[1], "LANG=C");
	assert_null(out.v[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_entry),
					   cmocka_unit_test(first_of_two)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
