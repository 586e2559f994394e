/* areas: base conf proto
 * Own flags are taken at any place before "--"; every other byte reaches claude. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "conf/conf_args.h"

static void split(const char *const *args, struct conf_args *out)
{
	AUTO_STRV struct strv argv = {0};
	struct err e;

	strv_add(&argv, "ccvm");
	for (; *args; args++)
		strv_add(&argv, *args);
	assert_int_equal(conf_args_split((int)argv.n, argv.v, out, &e), 0);
}

static void join(const struct strv *v, struct buf *out)
{
	for (size_t i = 0; i < v->n; i++)
		buf_addf(out, "%s%s", i ? "|" : "", v->v[i]);
}

struct split_case {
	const char *args[8];
	const char *rest;
	bool shell, debug, help, version;
	int writable;
};

static const struct split_case cases[] = {
	{{NULL}, "", .writable = -1},
	{{"--help", NULL}, "--help", .writable = -1},
	{{"--version", NULL}, "--version", .writable = -1},
	{{"--ccvm-help", NULL}, "", .help = true, .writable = -1},
	{{"--ccvm-version", NULL}, "", .version = true, .writable = -1},
	{{"--ccvm-debug", "-p", "hi", NULL}, "-p|hi", .debug = true, .writable = -1},
	{{"-p", "--ccvm-debug", "hi", NULL}, "-p|hi", .debug = true, .writable = -1},
	{{"-p", "hi", "--ccvm-debug", NULL}, "-p|hi", .debug = true, .writable = -1},
	{{"--shell", "-c", "make test", NULL}, "-c|make test", .shell = true, .writable = -1},
	{{"--read-only-cwd", NULL}, "", .writable = 0},
	{{"--writable-cwd", NULL}, "", .writable = 1},
	{{"--writable-cwd", "--read-only-cwd", NULL}, "", .writable = 0},
	{{"--read-only-cwd", "x", "--writable-cwd", NULL}, "x", .writable = 1},
	{{"--", "--shell", NULL}, "--|--shell", .writable = -1},
	{{"--shell", "--", "--", "--ccvm-help", NULL},
	 "--|--|--ccvm-help",
	 .shell = true,
	 .writable = -1},
	{{"--shell=1", "--ccvm-debugx", "-shell", "", NULL},
	 "--shell=1|--ccvm-debugx|-shell|",
	 .writable = -1},
	{{"mcp", "list", "--dangerously-skip-permissions", NULL},
	 "mcp|list|--dangerously-skip-permissions",
	 .writable = -1},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct split_case *c = &cases[i];
		AUTO_BUF struct buf rest = {0};
		struct conf_args a;

		split(c->args, &a);
		join(&a.rest, &rest);
		assert_string_equal(buf_text(&rest), c->rest);
		assert_int_equal(a.shell, c->shell);
		assert_int_equal(a.debug, c->debug);
		assert_int_equal(a.help, c->help);
		assert_int_equal(a.version, c->version);
		assert_int_equal(a.writable_cwd, c->writable);
		conf_args_fini(&a);
	}
}

/* ---- property: random argv ---- */

static uint32_t random_state = 1;

static uint32_t random_next(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % below;
}

static const char *const own[] = {"--shell",	     "--ccvm-debug", "--writable-cwd",
				  "--read-only-cwd", "--ccvm-help",  "--ccvm-version"};

static bool is_own(const char *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(own[i], arg) == 0)
			return true;
	return false;
}

/* All bytes but NUL, own flags, "--", and own flags with one byte changed. */
static char *random_arg(void)
{
	uint32_t kind = random_next(6);
	char *arg;
	size_t n;

	if (kind == 0)
		return mem_strdup(own[random_next(ARRAY_LEN(own))]);
	if (kind == 1)
		return mem_strdup(random_next(3) ? "-" : "--");
	if (kind == 2) {
		arg = mem_strdup(own[random_next(ARRAY_LEN(own))]);
		arg[random_next((uint32_t)strlen(arg))] = (char)(1 + random_next(255));
		return arg;
	}
	n = random_next(40);
	arg = mem_alloc(n + 1);
	for (size_t i = 0; i < n; i++)
		arg[i] = (char)(1 + random_next(255));
	return arg;
}

/* The rule, said the other way round: what is left is argv without own flags before the first "--". */
static void check_split(const struct strv *argv, const struct conf_args *a)
{
	size_t kept = 0;
	bool behind = false;

	for (size_t i = 1; i < argv->n; i++) {
		behind = behind || strcmp(argv->v[i], "--") == 0;
		if (!behind && is_own(argv->v[i]))
			continue;
		assert_true(kept < a->rest.n);
		assert_string_equal(a->rest.v[kept++], argv->v[i]);
	}
	assert_int_equal(kept, a->rest.n);
}

static void test_property(void **state)
{
	(void)state;
	for (int round = 0; round < 4000; round++) {
		AUTO_STRV struct strv argv = {0};
		struct conf_args a;
		struct err e;
		uint32_t n = random_next(12);

		strv_add(&argv, "ccvm");
		while (n--)
			strv_take(&argv, random_arg());
		assert_int_equal(conf_args_split((int)argv.n, argv.v, &a, &e), 0);
		check_split(&argv, &a);
		conf_args_fini(&a);
	}
}

static void test_every_position(void **state)
{
	static const char *const words[] = {"-p", "a b", "", "\xff\xfe", "*", "x\ny"};

	(void)state;
	for (size_t flag = 0; flag < ARRAY_LEN(own); flag++)
		for (size_t at = 0; at <= ARRAY_LEN(words); at++) {
			const char *args[ARRAY_LEN(words) + 2] = {NULL};
			struct conf_args a;

			for (size_t i = 0; i < ARRAY_LEN(args) - 1; i++)
				args[i] = i == at ? own[flag] : words[i - (i > at)];
			split(args, &a);
			assert_int_equal(a.rest.n, ARRAY_LEN(words));
			for (size_t i = 0; i < ARRAY_LEN(words); i++)
				assert_string_equal(a.rest.v[i], words[i]);
			conf_args_fini(&a);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_property),
		cmocka_unit_test(test_every_position),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
