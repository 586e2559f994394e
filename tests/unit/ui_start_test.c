/* areas: base loop
 * files: src/ui/starter.c src/ui/form.c src/ui/suggest.c src/client/recent.c src/conf/env.c
 * What the new-session form becomes, and a ccvmctl that is run for it: here a script beside the
 * test. */
#include "unit/unit.h"

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "loop/loop.h"
#include "ui/form.h"
#include "ui/starter.h"

static void join(const struct strv *list, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++)
		buf_addf(out, "%s%s", i ? "|" : "", list->v[i]);
}

static void test_form(void **state)
{
	static const struct {
		const char *fields[FORM_FIELDS];
		const char *arguments, *environment;
	} cases[] = {
		{{[FORM_MODE] = "live"}, "new|--writable-cwd|--", ""},
		{{[FORM_MODE] = "overlay", [FORM_NAME] = "-x y"},
		 "new|--name|-x y|--read-only-cwd|--",
		 ""},
		{{[FORM_MODE] = "live",
		  [FORM_ARGUMENTS] = "--model a  -c",
		  [FORM_PROMPT] = "fix the tests"},
		 "new|--writable-cwd|--|--model|a|-c|fix the tests",
		 ""},
		{{[FORM_MODE] = "live", [FORM_ARGUMENTS] = "--shell"},
		 "new|--writable-cwd|--shell|--",
		 ""},
		{{[FORM_MODE] = "live",
		  [FORM_MEMORY] = "2048",
		  [FORM_CORES] = "2",
		  [FORM_POOL] = "8",
		  [FORM_ALLOWLIST] = "a b"},
		 "new|--writable-cwd|--",
		 "CCVM_MEMORY=2048|CCVM_CORES=2|CCVM_VM_DISK_SIZE=8|CCVM_EGRESS_ALLOWLIST=a b"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static struct model m;
		AUTO_STRV struct strv argv = {0}, env = {0};
		AUTO_BUF struct buf arguments = {0}, environment = {0};

		for (int f = 0; f < FORM_FIELDS; f++)
			snprintf(m.form[f].text, MODEL_TEXT, "%s",
				 cases[i].fields[f] ? cases[i].fields[f] : "");
		form_arguments(&m, &argv);
		form_environment(&m, &env);
		join(&argv, &arguments);
		join(&env, &environment);
		assert_string_equal(buf_text(&arguments), cases[i].arguments);
		assert_string_equal(buf_text(&environment), cases[i].environment);
	}
}

struct ended {
	struct starter *starter;
	int times;
	bool good, was_busy;
	char text[256];
};

static void on_end(void *ctx, bool good, const char *text)
{
	struct ended *e = ctx;

	e->times++;
	e->good = good;
	e->was_busy = starter_is_busy(e->starter);
	snprintf(e->text, sizeof(e->text), "%s", text);
}

/* A program named ccvmctl lies where this one does; a build has none there. */
static char *make_ccvmctl(const char *script)
{
	char *path = realpath("/proc/self/exe", NULL);
	char *name = strrchr(path, '/');
	char *whole;
	FILE *f;

	*name = '\0';
	whole = mem_format("%s/ccvmctl", path);
	free(path);
	f = fopen(whole, "we");
	assert_non_null(f);
	fputs(script, f);
	fclose(f);
	assert_int_equal(chmod(whole, 0700), 0);
	return whole;
}

static void run_one(struct loop *loop, struct ended *e, const char *argument, bool good,
		    const char *text)
{
	AUTO_STRV struct strv args = {0}, env = {0};
	const int times = e->times;
	struct err err;

	strv_add(&args, argument);
	strv_add(&env, "CCVM_TEST_WORD=word");
	assert_int_equal(starter_run(e->starter, "/", &args, &env, -1, &err), 0);
	assert_true(starter_is_busy(e->starter));
	while (e->times == times)
		loop_turn(loop, true);
	assert_int_equal(e->good, good);
	assert_string_equal(e->text, text);
	assert_false(e->was_busy);
}

static void test_starter(void **state)
{
	AUTO_FREE char *path = make_ccvmctl(
		"#!/bin/sh\necho \"$1 $CCVM_TEST_WORD\"; pwd; echo why >&2; test \"$1\" = good\n");
	AUTO_STRV struct strv args = {0};
	struct ended e = {0};
	struct err err;
	struct loop *loop = loop_new();

	(void)state;
	e.starter = starter_new(loop, on_end, &e);
	run_one(loop, &e, "good", true, "good word / ");
	run_one(loop, &e, "bad", false, "why ");
	run_one(loop, &e, "good", true, "good word / ");
	assert_int_equal(starter_run(e.starter, "/nonexistent", &args, &args, -1, &err), -1);
	assert_non_null(strstr(err.text, "start in /nonexistent"));
	while (starter_is_busy(e.starter))
		loop_turn(loop, true);
	assert_int_equal(e.times, 3);
	/* Freed while one runs: nothing more is said of it. */
	assert_int_equal(starter_run(e.starter, "/", &args, &args, -1, &err), 0);
	starter_free(e.starter);
	loop_run(loop);
	assert_int_equal(e.times, 3);
	assert_int_equal(loop_free(loop), 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_starter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
