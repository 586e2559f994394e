/* areas: base
 * files: src/vm/accel.c
 * KVM or TCG, with files in the place of the device. */
#include "unit/unit.h"

#include "vm/accel.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>

enum device { FINE, MISSING, NOT_OURS };

static const char *const device_name[] = {
	[FINE] = "fine", [MISSING] = "missing", [NOT_OURS] = "not-ours"};

static const struct test_case {
	enum accel_choice choice;
	enum device device;
	struct accel wanted;
	int sys; /* 0: decided */
	const char *remedy;
} cases[] = {
	{ACCEL_AUTO, FINE, {"auto", "kvm", "max", true}, 0, NULL},
	{ACCEL_AUTO, MISSING, {"auto", "tcg", "max,-erms,-fsrm", false}, 0, NULL},
	{ACCEL_AUTO, NOT_OURS, {"auto", "tcg", "max,-erms,-fsrm", false}, 0, NULL},
	{ACCEL_KVM, FINE, {"kvm", "kvm", "host", true}, 0, NULL},
	{ACCEL_KVM, MISSING, {0}, ENOENT, "modprobe"},
	{ACCEL_KVM, NOT_OURS, {0}, EACCES, "usermod"},
	{ACCEL_TCG, FINE, {"tcg", "tcg", "max,-erms,-fsrm", false}, 0, NULL},
	{ACCEL_TCG, MISSING, {"tcg", "tcg", "max,-erms,-fsrm", false}, 0, NULL},
};

static int differs(const struct accel *a, const struct accel *b)
{
	return strcmp(a->mode, b->mode) != 0 || strcmp(a->accel, b->accel) != 0 ||
	       strcmp(a->cpu, b->cpu) != 0 || a->kvm != b->kvm;
}

/* In a child that permissions stop. */
static int check(void *ctx)
{
	const struct test_case *c = ctx;
	AUTO_FREE char *device = unit_path(device_name[c->device]);
	AUTO_FREE char *record = unit_path("no-record");
	struct accel got = {0};
	struct err e = {0};
	int rc;

	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setresuid(UNIT_NOBODY, UNIT_NOBODY, UNIT_NOBODY) < 0))
		return 2;
	rc = accel_resolve(c->choice, device, record, &got, &e);
	if (c->sys == 0 && rc == 0 && !differs(&got, &c->wanted))
		return 0;
	if (c->sys && rc < 0 && e.sys == c->sys && e.exit_code == ERR_EXIT_POLICY &&
	    strstr(e.text, device) && strstr(e.remedy, c->remedy))
		return 0;
	dprintf(2, "%d, accel %s, cpu %s, errno %d, %s (%s)\n", rc, rc ? "" : got.accel,
		rc ? "" : got.cpu, e.sys, e.text, e.remedy);
	return 1;
}

static void test_resolve(void **state)
{
	AUTO_FREE char *fine = unit_path(device_name[FINE]);
	AUTO_FREE char *not_ours = unit_path(device_name[NOT_OURS]);

	(void)state;
	assert_int_equal(chmod(unit_dir, 0755), 0);
	unit_write(fine, "", 0);
	unit_write(not_ours, "", 0);
	assert_int_equal(chmod(fine, 0666) | chmod(not_ours, geteuid() == 0 ? 0600 : 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (unit_child(check, (void *)&cases[i]) != 0)
			fail_msg("case %zu (%s device): see above", i,
				 device_name[cases[i].device]);
}

static void test_fall_back(void **state)
{
	AUTO_FREE char *record = unit_path("none");
	struct accel a;
	struct err e;

	(void)state;
	assert_int_equal(accel_resolve(ACCEL_AUTO, "/dev/null", record, &a, &e), 0);
	assert_true(accel_fall_back(&a));
	assert_false(differs(&a, &cases[1].wanted));
	assert_false(accel_fall_back(&a)); /* nothing is left to fall back to */
	assert_int_equal(accel_resolve(ACCEL_KVM, "/dev/null", record, &a, &e), 0);
	assert_false(accel_fall_back(&a)); /* the user insists */
	assert_true(a.kvm);
}

/* A record keeps auto from KVM, but not an explicit kvm. */
static void test_record(void **state)
{
	AUTO_FREE char *record = unit_path("cache/ccvm/kvm-failed");
	AUTO_FREE char *why = NULL;
	struct accel a;
	struct err e;

	(void)state;
	assert_null(accel_recorded(record));
	accel_record(record, "it stopped");
	accel_record(record, "it stopped again");
	why = accel_recorded(record);
	assert_string_equal(why, "it stopped again");
	assert_int_equal(accel_resolve(ACCEL_AUTO, "/dev/null", record, &a, &e), 0);
	assert_false(a.kvm);
	assert_int_equal(accel_resolve(ACCEL_KVM, "/dev/null", record, &a, &e), 0);
	assert_true(a.kvm);
}

/* Of another boot of the host, or no record at all. */
static void test_records_that_do_not_count(void **state)
{
	static const char *const texts[] = {
		"", "\n", "00000000-0000-0000-0000-000000000000\nit stopped\n", "it stopped\n"};
	AUTO_FREE char *record = unit_path("old");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		unlink(record);
		unit_write(record, texts[i], strlen(texts[i]));
		assert_null(accel_recorded(record));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve), cmocka_unit_test(test_fall_back),
		cmocka_unit_test(test_record), cmocka_unit_test(test_records_that_do_not_count)};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}
