/* areas: base
 * files: src/vm/hosttsc.c
 * The counter's measured speed can be true, and is the same twice. */
#include "unit/unit.h"

#include "vm/hosttsc.h"

static void test_plausible(void **state)
{
	struct hosttsc_sample from = hosttsc_take();
	unsigned one = hosttsc_khz_since(&from);
	struct hosttsc_sample to = hosttsc_take();
	unsigned longer = hosttsc_khz_since(&from);
	unsigned difference = one > longer ? one - longer : longer - one;

	(void)state;
#if !defined(__x86_64__)
	assert_int_equal(one, 0);
	return;
#endif
	assert_true(to.ns - from.ns >= 20000000u);
	if (one < 500000 || one > 10000000)
		fail_msg("%u kHz", one);
	/* A guest's clock starts to be wrong long before this; a busy machine must not fail here. */
	if (difference > one / 100)
		fail_msg("%u kHz, then %u kHz", one, longer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_plausible)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
