/* areas: base loop
 * files: src/session/pulse.c src/session/nudge.c
 * The guest's signs of life, and the nudging of QEMU: what is called, and how often. */
#include "unit/unit.h"

#include "base/buf.h"
#include "loop/loop.h"
#include "session/nudge.h"
#include "session/pulse.h"

struct said {
	struct loop *loop;
	struct buf text;
	bool deaf; /* QEMU takes no command */
	int turns; /* that are left */
};

static void on_silence(void *ctx)
{
	buf_addf(&((struct said *)ctx)->text, "silence ");
}

static void on_quiet(void *ctx)
{
	buf_addf(&((struct said *)ctx)->text, "quiet ");
}

static void test_pulse(void **state)
{
	static const struct pulse_callbacks cb = {on_silence, on_quiet};
	struct said s = {.loop = loop_new()};
	struct pulse *p = pulse_new(s.loop, &cb, &s);

	(void)state;
	pulse_expect(p, 0);
	pulse_stop(p);
	loop_run(s.loop); /* nothing is due */
	pulse_expect(p, 3600000);
	pulse_expect(p, 0);
	pulse_heard(p); /* the deadline stands */
	loop_run(s.loop);
	assert_string_equal(buf_text(&s.text), "silence ");
	/* One tick is nothing, nor are two with a sign between; a third does not tell again. */
	pulse_tick(p);
	pulse_heard(p);
	pulse_tick(p);
	assert_string_equal(buf_text(&s.text), "silence ");
	pulse_tick(p);
	pulse_tick(p);
	assert_string_equal(buf_text(&s.text), "silence quiet ");
	pulse_heard(p);
	pulse_tick(p);
	pulse_tick(p);
	assert_string_equal(buf_text(&s.text), "silence quiet quiet ");
	pulse_free(p);
	assert_int_equal(loop_free(s.loop), 0);
	buf_fini(&s.text);
}

static bool wake(void *ctx)
{
	struct said *s = ctx;

	buf_addf(&s->text, s->deaf ? "deaf " : "wake ");
	return !s->deaf;
}

static void look(void *ctx)
{
	struct said *s = ctx;

	buf_addf(&s->text, "look ");
	if (--s->turns == 0)
		loop_stop(s->loop);
}

static void expect(struct said *s, const char *wanted)
{
	assert_string_equal(buf_text(&s->text), wanted);
	buf_drop(&s->text, buf_len(&s->text));
}

static void test_nudge(void **state)
{
	static const struct nudge_callbacks cb = {wake, look};
	struct said s = {.loop = loop_new(), .turns = 2};
	struct nudge *n = nudge_new(s.loop, &cb, &s);

	(void)state;
	/* One command at a time, whatever comes of it; this end looks each time. */
	nudge_start(n);
	loop_run(s.loop);
	expect(&s, "wake look look ");
	nudge_now(n);
	expect(&s, "");
	nudge_answered(n);
	nudge_now(n);
	expect(&s, "wake ");
	/* Another attempt has another QEMU. */
	nudge_stop(n);
	loop_run(s.loop);
	expect(&s, "");
	s.deaf = true;
	nudge_now(n);
	nudge_now(n);
	expect(&s, "deaf deaf ");
	nudge_free(n);
	assert_int_equal(loop_free(s.loop), 0);
	buf_fini(&s.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pulse),
					   cmocka_unit_test(test_nudge)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
