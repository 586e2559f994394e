/* areas: base
 * files: guest/init/stage.c
 * The guest's boot stages: their order, and what a failure does under either rule. */
#include "unit/unit.h"

#include "base/buf.h"
#include "init/stage.h"

struct boot { /* the stages' own; theirs to define */
	struct buf log;
};

static int works(struct boot *b, struct err *e)
{
	(void)e;
	buf_addf(&b->log, "run ");
	return 0;
}

static int fails(struct boot *b, struct err *e)
{
	buf_addf(&b->log, "run ");
	return err_set(e, "no luck");
}

static void on_event(void *ctx, const struct stage *s, enum stage_event event, const struct err *e)
{
	static const char *const names[] = {[STAGE_BEGUN] = "begun",
					    [STAGE_DONE] = "done",
					    [STAGE_SKIPPED_WITH_REASON] = "skipped",
					    [STAGE_FAILED] = "failed"};

	buf_addf(ctx, "%s:%s", s->name, names[event]);
	buf_addf(ctx, e ? "(%s) " : "%.0s ", e ? e->text : "");
}

#define CLOSED STAGE_FAIL_CLOSED
#define OPEN   STAGE_FAIL_OPEN

static const struct {
	struct stage table[3];
	size_t n;
	const char *log;
	const char *error; /* NULL: the boot goes on to its end */
} cases[] = {
	{{{0}}, 0, "", NULL},
	{{{"a", CLOSED, works}, {"b", OPEN, works}},
	 2,
	 "a:begun run a:done b:begun run b:done ",
	 NULL},
	{{{"a", CLOSED, works}, {"b", CLOSED, fails}, {"c", CLOSED, works}},
	 3,
	 "a:begun run a:done b:begun run b:failed(no luck) ",
	 "b: no luck"},
	{{{"a", OPEN, fails}, {"b", CLOSED, works}},
	 2,
	 "a:begun run a:skipped(no luck) b:begun run b:done ",
	 NULL},
	{{{"a", OPEN, fails}, {"b", OPEN, fails}, {"c", CLOSED, fails}},
	 3,
	 "a:begun run a:skipped(no luck) b:begun run b:skipped(no luck) c:begun run c:failed(no "
	 "luck) ",
	 "c: no luck"},
	{{{"a", CLOSED, fails}}, 1, "a:begun run a:failed(no luck) ", "a: no luck"},
};

static void test_run_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct boot b = {0};
		struct err e = {0};
		int rc = stage_run_all(cases[i].table, cases[i].n, &b, on_event, &b.log, &e);

		if (rc != (cases[i].error ? -1 : 0) || strcmp(buf_text(&b.log), cases[i].log) != 0)
			fail_msg("case %zu: %d\n  got    %s\n  wanted %s", i, rc, buf_text(&b.log),
				 cases[i].log);
		if (cases[i].error)
			assert_string_equal(e.text, cases[i].error);
		buf_fini(&b.log);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_run_all)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
