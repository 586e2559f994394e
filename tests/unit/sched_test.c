/* areas: base
 * Short turns: the kernel says so of this thread, and not of its children. */
#include "unit/unit.h"

#include "base/sched.h"

#include <linux/types.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

struct attr { /* sched_setattr(2) */
	__u32 size, policy;
	__u64 flags;
	__s32 nice;
	__u32 priority;
	__u64 runtime, deadline, period;
};

static struct attr attr_now(void)
{
	struct attr a = {0};

	assert_int_equal(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0), 0);
	return a;
}

/* Turns can be asked for since 6.12. */
static int kernel_can(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	assert_int_equal(uname(&u), 0);
	assert_int_equal(sscanf(u.release, "%d.%d", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 12);
}

static int child_is_as_before(void *before)
{
	return attr_now().runtime == ((const struct attr *)before)->runtime ? 0 : 1;
}

static void test_short_turns(void **state)
{
	struct attr before = attr_now(), after;

	(void)state;
	sched_take_short_turns();
	sched_take_short_turns();
	after = attr_now();
	assert_int_equal(after.policy, before.policy);
	assert_int_equal(after.nice, before.nice);
	if (!kernel_can()) {
		print_message("this kernel is older than 6.12: nothing may have changed\n");
		assert_int_equal(after.runtime, before.runtime);
		return;
	}
	assert_int_equal(after.runtime, 100000);
	assert_true(before.runtime > after.runtime);
	assert_int_equal(unit_child(child_is_as_before, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_short_turns)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
