/* areas: base
 * files: src/conf/env.c
 * What an environment says of this computer. */
#include "unit/unit.h"

#include "base/mem.h"
#include "conf/env.h"

#include <string.h>

/* All of it as one line. */
static char *described(const char *const *entries)
{
	struct hostenv h;
	char *text;

	env_host_resolve(&h, (char *const *)(uintptr_t)entries);
	text = mem_format("cache=%s state=%s claude=%s templates=%s scratch=%s image=%s qemu=%s "
			  "machine=%s kvm=%s",
			  h.cache, h.state ? h.state : "-", h.claude_dir ? h.claude_dir : "-",
			  h.templates, h.scratch, h.image ? h.image : "-", h.qemu ? h.qemu : "-",
			  h.machine, h.kvm_device);
	env_host_fini(&h);
	return text;
}

#define USUAL_PROGRAMS "image=- qemu=- machine=microvm kvm=/dev/kvm"

static void test_places(void **state)
{
	static const struct {
		const char *env[6];
		const char *wanted;
	} cases[] = {
		{{"HOME=/h"},
		 "cache=/h/.cache/ccvm state=/h/.local/state/ccvm claude=/h/.claude "
		 "templates=/h/.cache/ccvm/templates "
		 "scratch=/h/.cache/ccvm " USUAL_PROGRAMS},
		{{"HOME=/h", "XDG_CACHE_HOME=/c", "XDG_STATE_HOME=/s", "CLAUDE_CONFIG_DIR=/d"},
		 "cache=/c/ccvm state=/s/ccvm claude=/d templates=/c/ccvm/templates "
		 "scratch=/c/ccvm " USUAL_PROGRAMS},
		/* relative ones are ignored, but not the one that has to be absolute: it is
		 * refused later */
		{{"HOME=/h", "XDG_CACHE_HOME=c", "XDG_STATE_HOME=", "CLAUDE_CONFIG_DIR=d",
		  "CCVM_SCRATCH_DIR=x"},
		 "cache=/h/.cache/ccvm state=/h/.local/state/ccvm claude=/h/.claude "
		 "templates=/h/.cache/ccvm/templates "
		 "scratch=x " USUAL_PROGRAMS},
		{{"CCVM_TEMPLATE_DIR=/t", "CCVM_SCRATCH_DIR=/x", "CCVM_IMAGE=", "CCVM_MACHINE=q35"},
		 "cache=/.cache/ccvm state=- claude=- templates=/t scratch=/x image=- qemu=- "
		 "machine=q35 kvm=/dev/kvm"},
		{{"HOME=/h", "HOME=/other", "CCVM_IMAGE=/i", "CCVM_QEMU=/q", "CCVM_KVM_DEV=/k",
		  "CCVM_TEMPLATE_DIR=t"},
		 "cache=/h/.cache/ccvm state=/h/.local/state/ccvm claude=/h/.claude "
		 "templates=/h/.cache/ccvm/templates "
		 "scratch=/h/.cache/ccvm image=/i qemu=/q machine=microvm kvm=/k"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *env[7] = {0};
		AUTO_FREE char *got = NULL;

		memcpy(env, cases[i].env, sizeof(cases[i].env));
		got = described(env);
		if (strcmp(got, cases[i].wanted) != 0)
			fail_msg("case %zu:\n%s, wanted\n%s", i, got, cases[i].wanted);
	}
}

static void test_switches(void **state)
{
	static const struct {
		const char *entry;
		enum hostenv_templates templates;
		bool sandbox, tmpfs;
	} cases[] = {
		{"X=1", HOSTENV_TEMPLATES_MAKE, true, false},
		{"CCVM_TEMPLATE=0", HOSTENV_TEMPLATES_OFF, true, false},
		{"CCVM_TEMPLATE=use", HOSTENV_TEMPLATES_USE, true, false},
		{"CCVM_TEMPLATE=1", HOSTENV_TEMPLATES_MAKE, true, false},
		{"CCVM_QEMU_SANDBOX=0", HOSTENV_TEMPLATES_MAKE, false, false},
		{"CCVM_QEMU_SANDBOX=", HOSTENV_TEMPLATES_MAKE, true, false},
		{"CCVM_SCRATCH_ALLOW_TMPFS=1", HOSTENV_TEMPLATES_MAKE, true, true},
		{"CCVM_SCRATCH_ALLOW_TMPFS=yes", HOSTENV_TEMPLATES_MAKE, true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *const env[] = {(char *)(uintptr_t)cases[i].entry, NULL};
		struct hostenv h;

		env_host_resolve(&h, env);
		if (h.template_mode != cases[i].templates || h.qemu_sandbox != cases[i].sandbox ||
		    h.scratch_may_be_tmpfs != cases[i].tmpfs)
			fail_msg("%s: %d %d %d", cases[i].entry, h.template_mode, h.qemu_sandbox,
				 h.scratch_may_be_tmpfs);
		env_host_fini(&h);
	}
}

/* These make guests fail: a user's programs do not know them. */
static void test_no_hooks(void **state)
{
	char *const env[] = {"CCVM_TEST_DISK_BYTES=0", "CCVM_TEST_KERNEL_WORDS=quiet", NULL};
	struct hostenv h;

	(void)state;
	env_host_resolve(&h, env);
	assert_int_equal(h.disk_bytes, -1);
	assert_null(h.kernel_words);
	env_host_fini(&h);
	assert_false(env_is_known("CCVM_TEST_DISK_BYTES"));
	assert_false(env_is_known("CCVM_TEST_KERNEL_WORDS"));
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ENV_VARIABLES; i++) {
		assert_non_null(env_row(i)->name);
		assert_non_null(env_row(i)->help);
		assert_true(env_is_known(env_row(i)->name));
		assert_int_equal(strncmp(env_row(i)->name, "CCVM_", 5) == 0, i < ENV_OURS);
	}
	assert_null(env_row(ENV_VARIABLES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_no_hooks),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
