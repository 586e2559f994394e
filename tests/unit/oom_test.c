/* areas: base
 * files: guest/report/oom.c src/proto/line.c src/proto/guest.c
 * Which process the kernel says it has ended. */
#include "unit/unit.h"

#include "report/oom.h"

#include <stdio.h>

#define REST                                                                                       \
	" total-vm:9000kB, anon-rss:2000kB, file-rss:7kB, shmem-rss:48kB, UID:1000 pgtables:1kB "  \
	"oom_score_adj:0"

static const struct {
	const char *record;
	const char *seen; /* pid|process|kib; NULL: nothing */
} cases[] = {
	{"3,700,123456,-;Out of memory: Killed process 42 (claude)" REST "\n SUBSYSTEM=x\n",
	 "42|claude|2048"},
	{"3,700,1,-;Memory cgroup out of memory: Killed process 7 (node)" REST, "7|node|2048"},
	{"3,700,1,-;Out of memory: Killed process 7 (a) total-vm:)" REST, "7|a) total-vm:|2048"},
	{"3,700,1,-;Out of memory: Killed process 7 ()" REST, "7||2048"},
	{"3,700,1,-;Out of memory: Killed process 7 (0123456789abcdefXYZ)" REST,
	 "7|0123456789abcdef|2048"},
	/* written by a program: facility 1 and above */
	{"12,700,1,-;Out of memory: Killed process 42 (claude)" REST, NULL},
	{"3,700,1,-;Out of memory: Killed process 42", NULL},
	{"3,700,1,-;Out of memory: Killed process -1 (x)" REST, NULL},
	{"3,700,1,-;Out of memory: Killed process 42 (claude", NULL},
	{"3,700,1,-;oom_reaper: reaped process 42 (claude)", NULL},
	{"Out of memory: Killed process 42 (claude)" REST, NULL},
	{"", NULL},
	{";", NULL},
};

static void test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct oom_victim v;
		const bool found = oom_parse(cases[i].record, strlen(cases[i].record), &v);
		AUTO_FREE char *seen = mem_format("%lld|%s|%lld", (long long)v.pid, v.process,
						  (long long)v.kib);

		assert_int_equal(found, cases[i].seen != NULL);
		if (found)
			assert_string_equal(seen, cases[i].seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_records)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
