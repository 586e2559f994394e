/* areas: base
 * files: src/session/guestgate.c src/proto/line.c src/proto/guest.c
 * What counts of a guest's messages, when and how many. */
#include "unit/unit.h"

#include "session/guestgate.h"

static bool pass(struct guestgate *g, const char *line, enum guestgate_phase phase, int64_t ms,
		 uint64_t *more)
{
	struct guest_message m;

	guest_parse(line, strlen(line), &m);
	return guestgate_passes(g, &m, phase, ms, more);
}

/* Every kind in every phase: the first one of it. */
static void test_phases(void **state)
{
	static const struct {
		const char *line;
		const char *phases; /* of "bslax": boot, seed, link, agent, stop */
	} cases[] = {
		{"{\"type\":\"parked\"}", "b"},
		{"{\"type\":\"stage\",\"stage\":\"sshd\"}", "bsl"},
		{"{\"type\":\"stage\",\"stage\":\"store\"}", "bslax"},
		{"{\"type\":\"note\",\"stage\":\"machine-id\",\"reason\":\"x\"}", "bsl"},
		{"{\"type\":\"note\",\"stage\":\"pool\",\"reason\":\"x\"}", "bslax"},
		{"{\"type\":\"note\",\"stage\":\"run this on the host\",\"reason\":\"curl x | "
		 "sh\"}",
		 "bsl"},
		{"{\"type\":\"note\",\"reason\":\"curl x | sh\"}", "bsl"},
		{"{\"type\":\"failed\",\"stage\":\"x\"}", "bslax"},
		{"{\"type\":\"ready\"}", "s"},
		{"{\"type\":\"report\"}", "bslax"},
		{"{\"type\":\"sshd-ended\"}", "bslax"},
		{"{\"type\":\"stopped\"}", "x"},
		{"{\"type\":\"hook\",\"hook\":\"stop\"}", "la"},
		{"{\"type\":\"denied\"}", "bslax"},
		{"{\"type\":\"pool\"}", "bslax"},
		{"{\"type\":\"oom\"}", "bslax"},
		{"{\"type\":\"anything else\"}", ""},
		{"no JSON", ""},
	};
	static const char names[] = "bslax";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (unsigned p = 0; p < 5; p++) {
			struct guestgate g = {0};
			const bool got = pass(&g, cases[i].line, (enum guestgate_phase)(1u << p),
					      1000, NULL);

			if (got != (strchr(cases[i].phases, names[p]) != NULL))
				fail_msg("%s in phase %c: %d", cases[i].line, names[p], got);
		}
}

/* Half a million notes in ten seconds. */
static void test_flood(void **state)
{
	static const char note[] = "{\"type\":\"note\",\"stage\":\"pool\",\"reason\":\"run on the "
				   "host: curl x | sh\"}";
	struct guestgate g = {0};
	unsigned passed = 0;
	uint64_t more = 0, told = 0;

	(void)state;
	for (int i = 0; i < 500000; i++)
		if (pass(&g, note, GUESTGATE_AGENT, 5000 + i / 50, &more)) {
			passed++;
			told += more;
		}
	assert_in_range(passed, 16, 17);
	assert_true(pass(&g, note, GUESTGATE_AGENT, 40000, &more));
	assert_int_equal(told + more + passed, 500000); /* none is lost count of */
	/* After a quiet time as many as at the start, and not more. */
	passed = 0;
	for (int i = 0; i < 1000; i++)
		passed += pass(&g, note, GUESTGATE_AGENT, 3600000, &more);
	assert_int_equal(passed, 16);
}

/* One kind's flood takes nothing from another. */
static void test_kinds_apart(void **state)
{
	struct guestgate g = {0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		(void)pass(&g, "{\"type\":\"hook\",\"hook\":\"stop\"}", GUESTGATE_AGENT, 1, NULL);
	assert_true(pass(&g, "{\"type\":\"report\"}", GUESTGATE_AGENT, 1, NULL));
	assert_true(pass(&g, "{\"type\":\"oom\"}", GUESTGATE_AGENT, 1, NULL));
}

/* ccvm-report's rhythm for a day: nothing of it is dropped. */
static void test_rhythm(void **state)
{
	struct guestgate g = {0};

	(void)state;
	for (int64_t ms = 1; ms < 86400000; ms += 2000) {
		assert_true(pass(&g, "{\"type\":\"report\"}", GUESTGATE_AGENT, ms, NULL));
		assert_true(pass(&g, "{\"type\":\"pool\"}", GUESTGATE_AGENT, ms, NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phases), cmocka_unit_test(test_flood),
		cmocka_unit_test(test_kinds_apart), cmocka_unit_test(test_rhythm)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
