/* areas: base
 * files: src/session/attempt.c
 * The table of a guest's start: what counts in which state, and what becomes of a fault. */
#include "unit/unit.h"

#include "session/attempt.h"

/* created starting seeding readY running stopping ended failed */
static const char state_letters[] = "ctsyrxef";

static struct attempt with_timeout(unsigned seconds)
{
	struct attempt a;

	attempt_init(&a);
	attempt_set_timeout(&a, seconds);
	return a;
}

static struct attempt in_state(size_t state)
{
	struct attempt a = with_timeout(180);

	a.state = (enum attempt_state)state;
	return a;
}

/* For each event, where it leads from each state; a dot: it does not count. */
static void test_events(void **state)
{
	static const struct {
		enum attempt_event event;
		const char *normal, *restarting, *ending;
	} cases[ATTEMPT_EVENTS] = {
		{ATTEMPT_ON_LAUNCH, "tttt....", "tttt....", "tttt...."},
		{ATTEMPT_ON_PARKED, ".s......", "........", "........"},
		{ATTEMPT_ON_READY, "..y.....", "........", "........"},
		{ATTEMPT_ON_AGENT, "...r....", "........", "........"},
		{ATTEMPT_ON_STOP, "xxxxx...", "xxxxx...", "xxxxx..."},
		{ATTEMPT_ON_ENDED, ".....e..", ".....e..", ".....e.."},
		{ATTEMPT_ON_FAILED, ".....f..", ".....f..", ".....f.."},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int how = 0; how < 3; how++) {
			const char *wanted = how == 0	? cases[i].normal
					     : how == 1 ? cases[i].restarting
							: cases[i].ending;
			char seen[ATTEMPT_STATES + 1] = "";

			for (size_t from = 0; from < ATTEMPT_STATES; from++) {
				struct attempt a = in_state(from);

				a.restarting = how == 1;
				a.ending = how == 2;
				seen[from] = attempt_on(&a, cases[i].event) ? state_letters[a.state]
									    : '.';
				if (seen[from] == '.' && a.state != (enum attempt_state)from)
					fail_msg("event %zu changed state %zu and does not count",
						 i, from);
			}
			if (strcmp(seen, wanted) != 0)
				fail_msg("event %zu, case %d: %s, wanted %s", i, how, seen, wanted);
		}
}

/* For each fault, the verdict in each state: Fails, Again, Emulated. */
static void test_faults(void **state)
{
	static const struct {
		enum attempt_fault fault;
		const char *kvm, *emulated, *insisted, *template;
	} cases[ATTEMPT_FAULTS] = {
		{ATTEMPT_SILENCE, "FEAAFFFF", "FAAAFFFF", "FAAAFFFF", "FEAAFFFF"},
		{ATTEMPT_QEMU_GAVE_UP, "FEFFFFFF", "FFFFFFFF", "FFFFFFFF", "FAAAFFFF"},
		{ATTEMPT_BAD_TEMPLATE, "FAAAFFFF", "FAAAFFFF", "FAAAFFFF", "FAAAFFFF"},
		{ATTEMPT_CRASH, "FAAAFFFF", "FAAAFFFF", "FAAAFFFF", "FAAAFFFF"},
		{ATTEMPT_KVM_STOPPED, "FEEEFFFF", "FFFFFFFF", "FFFFFFFF", "FEEEFFFF"},
	};
	static const char letters[] = {[ATTEMPT_FAILS] = 'F',
				       [ATTEMPT_AGAIN] = 'A',
				       [ATTEMPT_EMULATED] = 'E',
				       [ATTEMPT_UNDER_WAY] = 'U'};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int how = 0; how < 4; how++) {
			const char *const wanted[] = {cases[i].kvm, cases[i].emulated,
						      cases[i].insisted, cases[i].template};
			char seen[ATTEMPT_STATES + 1] = "";

			for (size_t in = 0; in < ATTEMPT_STATES; in++) {
				struct attempt a = in_state(in);
				enum attempt_verdict v;

				attempt_use_kvm(&a, how != 1, how != 2);
				attempt_use_template(&a, how == 3);
				v = attempt_on_fault(&a, cases[i].fault);
				seen[in] = letters[v];
				assert_int_equal(a.restarting, v != ATTEMPT_FAILS);
				assert_int_equal(a.template_refused, v == ATTEMPT_AGAIN);
				assert_int_equal(a.kvm, how != 1 && v != ATTEMPT_EMULATED);
				if (v != ATTEMPT_FAILS)
					assert_int_equal(attempt_on_fault(&a, ATTEMPT_CRASH),
							 ATTEMPT_UNDER_WAY);
			}
			if (strcmp(seen, wanted[how]) != 0)
				fail_msg("fault %zu, case %d: %s, wanted %s", i, how, seen,
					 wanted[how]);
		}
}

/* Nothing starts over once it may not, and each reason alone is enough. */
static void test_no_other_attempt(void **state)
{
	static const struct {
		unsigned timeout_s, starts;
		bool ending, confined;
		enum attempt_verdict wanted;
	} cases[] = {
		{180, 1, false, false, ATTEMPT_AGAIN}, {180, 2, false, false, ATTEMPT_AGAIN},
		{180, 3, false, false, ATTEMPT_FAILS}, {180, 1, true, false, ATTEMPT_FAILS},
		{180, 1, false, true, ATTEMPT_FAILS},  {20, 2, false, false, ATTEMPT_AGAIN},
		{19, 1, false, false, ATTEMPT_FAILS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct attempt a = with_timeout(cases[i].timeout_s);

		for (unsigned n = 0; n < cases[i].starts; n++)
			assert_true(attempt_on(&a, ATTEMPT_ON_LAUNCH));
		if (cases[i].ending)
			attempt_end(&a);
		if (cases[i].confined)
			attempt_confine(&a);
		assert_int_equal(attempt_on_fault(&a, ATTEMPT_SILENCE), cases[i].wanted);
		if (!cases[i].ending)
			continue;
		attempt_go_on(&a); /* the failure was not one */
		assert_int_equal(attempt_on_fault(&a, ATTEMPT_SILENCE), ATTEMPT_AGAIN);
	}
}

/* A template that KVM's QEMU did not take: cold, then emulated, and that may use its own template. */
static void test_the_long_way(void **state)
{
	struct attempt a = with_timeout(180);

	(void)state;
	attempt_use_kvm(&a, true, true);
	attempt_use_template(&a, true);
	assert_true(attempt_on(&a, ATTEMPT_ON_LAUNCH));
	assert_int_equal(attempt_on_fault(&a, ATTEMPT_QEMU_GAVE_UP), ATTEMPT_AGAIN);
	assert_true(a.template_refused && a.kvm);
	attempt_use_template(&a, false);
	assert_true(attempt_on(&a, ATTEMPT_ON_LAUNCH));
	assert_false(a.restarting);
	assert_int_equal(attempt_on_fault(&a, ATTEMPT_QEMU_GAVE_UP), ATTEMPT_EMULATED);
	assert_true(!a.template_refused && !a.kvm && a.kvm_is_to_blame);
	assert_true(attempt_on(&a, ATTEMPT_ON_LAUNCH));
	/* the third was the last */
	assert_int_equal(attempt_on_fault(&a, ATTEMPT_SILENCE), ATTEMPT_FAILS);
}

/* Silence may be the computer's: it is no record against KVM. */
static void test_blame(void **state)
{
	struct attempt a = in_state(ATTEMPT_STARTING);

	(void)state;
	attempt_use_kvm(&a, true, true);
	assert_int_equal(attempt_on_fault(&a, ATTEMPT_SILENCE), ATTEMPT_EMULATED);
	assert_false(a.kvm_is_to_blame);
}

/* Only a guest that got `go`, in this attempt, may have something to write back. */
static void test_writes(void **state)
{
	struct attempt a = with_timeout(180);

	(void)state;
	assert_true(attempt_on(&a, ATTEMPT_ON_LAUNCH) && !a.may_have_written);
	assert_true(attempt_on(&a, ATTEMPT_ON_PARKED) && a.may_have_written);
	assert_int_equal(attempt_on_fault(&a, ATTEMPT_CRASH), ATTEMPT_AGAIN);
	assert_true(attempt_on(&a, ATTEMPT_ON_LAUNCH) && !a.may_have_written);
	assert_true(attempt_on(&a, ATTEMPT_ON_PARKED));
	attempt_give_up_writes(&a);
	assert_false(a.may_have_written);
}

/* A failure names what was being done, also when it shows while the session stops. */
static void test_stages(void **state)
{
	static const struct {
		enum attempt_event event;
		const char *stage;
	} cases[] = {
		{ATTEMPT_ON_LAUNCH, "boot"},  {ATTEMPT_ON_PARKED, "guest"},
		{ATTEMPT_ON_READY, "ssh"},    {ATTEMPT_ON_LAUNCH, "boot"},
		{ATTEMPT_ON_PARKED, "guest"}, {ATTEMPT_ON_STOP, "guest"},
		{ATTEMPT_ON_FAILED, "guest"},
	};
	struct attempt a = with_timeout(180);

	(void)state;
	assert_string_equal(attempt_stage(&a), "start");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(attempt_on(&a, cases[i].event));
		assert_string_equal(attempt_stage(&a), cases[i].stage);
	}
}

static void test_patience(void **state)
{
	static const struct {
		unsigned timeout_s, starts, ms;
	} cases[] = {{180, 1, 45000}, {180, 2, 45000}, {180, 3, 90000},
		     {20, 1, 5000},   {19, 1, 19000},  {1, 1, 1000}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct attempt a = with_timeout(cases[i].timeout_s);

		for (unsigned n = 0; n < cases[i].starts; n++)
			attempt_on(&a, ATTEMPT_ON_LAUNCH);
		assert_int_equal(attempt_patience_ms(&a), cases[i].ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_no_other_attempt),
		cmocka_unit_test(test_the_long_way),
		cmocka_unit_test(test_blame),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
