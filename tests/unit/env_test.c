/* areas: base
 * files: src/conf/env.c src/proto/hostenv.c src/proto/document.c
 * What an environment says of this computer. */
#include "unit/unit.h"

#include "base/mem.h"
#include "conf/env.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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
	hostenv_fini(&h);
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
		hostenv_fini(&h);
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
	hostenv_fini(&h);
	assert_false(env_is_known("CCVM_TEST_DISK_BYTES"));
	assert_false(env_is_known("CCVM_TEST_KERNEL_WORDS"));
}

/* By environment: the configuration file, and what decides where .claude.json is. */
static void test_configuration(void **state)
{
	static const struct {
		const char *env[4];
		const char *file; /* NULL: none */
		bool claude_dir_is_set;
	} cases[] = {
		{{"X=1"}, NULL, false},
		{{"HOME="}, NULL, false},
		{{"HOME=/h", "CLAUDE_CONFIG_DIR="}, "/h/.config/ccvm/config.json", false},
		{{"HOME=/h", "XDG_CONFIG_HOME=/c", "CLAUDE_CONFIG_DIR=d"},
		 "/c/ccvm/config.json",
		 true},
		{{"HOME=/h", "XDG_CONFIG_HOME=c"}, "/h/.config/ccvm/config.json", false},
		{{"HOME=/h", "XDG_CONFIG_HOME=/c", "CCVM_CONFIG=own"}, "own", false},
		{{"CCVM_CONFIG="}, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *env[5] = {0};
		struct hostenv h;

		memcpy(env, cases[i].env, sizeof(cases[i].env));
		env_host_resolve(&h, (char *const *)(uintptr_t)env);
		if (!h.config_file != !cases[i].file ||
		    (h.config_file && strcmp(h.config_file, cases[i].file) != 0) ||
		    h.claude_dir_is_set != cases[i].claude_dir_is_set)
			fail_msg("case %zu: %s, %d", i, h.config_file ? h.config_file : "-",
				 h.claude_dir_is_set);
		hostenv_fini(&h);
	}
}

/* What the clipboard's tools and git get: nothing of an environment but what is listed. */
static void test_of_other_programs(void **state)
{
	static char *const env[] = {"ANTHROPIC_API_KEY=PLANTED",
				    "HOME=/h",
				    "PATH=",
				    "DISPLAY=:1",
				    "XAUTHORITY=/a",
				    "WAYLAND_DISPLAY=w",
				    "XDG_RUNTIME_DIR=/r",
				    "XDG_CONFIG_HOME=c",
				    "GIT_CONFIG_GLOBAL=/g",
				    "GIT_CONFIG_NOSYSTEM=1",
				    "GIT_DIR=/elsewhere",
				    "LD_PRELOAD=x",
				    NULL};
	static const char *const display[] = {
		"HOME=/h",	     "PATH=",	   "XDG_RUNTIME_DIR=/r",
		"WAYLAND_DISPLAY=w", "DISPLAY=:1", "XAUTHORITY=/a"};
	static const char *const git[] = {"PATH=", "XDG_CONFIG_HOME=c", "GIT_CONFIG_GLOBAL=/g",
					  "GIT_CONFIG_NOSYSTEM=1"};
	AUTO_STRV struct strv for_display = {0}, for_git = {0};
	struct hostenv h;

	(void)state;
	env_host_resolve(&h, env);
	hostenv_display(&h, &for_display);
	hostenv_git(&h, &for_git);
	assert_int_equal(for_display.n, ARRAY_LEN(display));
	assert_int_equal(for_git.n, ARRAY_LEN(git));
	for (size_t i = 0; i < ARRAY_LEN(display); i++)
		assert_string_equal(for_display.v[i], display[i]);
	for (size_t i = 0; i < ARRAY_LEN(git); i++)
		assert_string_equal(for_git.v[i], git[i]);
	hostenv_fini(&h);
}

/* Through the fd of a child: every byte arrives, and nothing of the environment but what is named. */
static void test_travels(void **state)
{
	static char *const env[] = {"ANTHROPIC_API_KEY=PLANTED",
				    "HOME=/h\xe4 %41\n\"",
				    "PATH=\x7f\x01",
				    "CCVM_SCRATCH_ALLOW_TMPFS=1",
				    "CCVM_TEMPLATE=use",
				    "CCVM_QEMU_SANDBOX=0",
				    "CLAUDE_CONFIG_DIR=/d",
				    NULL};
	struct hostenv h, got;
	AUTO_BUF struct buf sent = {0}, again = {0};
	struct err e;
	int fd;

	(void)state;
	env_host_resolve(&h, env);
	fd = hostenv_to_fd(&h, &e);
	assert_true(fd >= 0);
	assert_int_equal(hostenv_from_fd(&got, fd, &e), 0);
	close(fd);
	document_put(&hostenv_shape, &h, &sent);
	document_put(&hostenv_shape, &got, &again);
	assert_string_equal(buf_text(&sent), buf_text(&again));
	assert_null(strstr(buf_text(&sent), "PLANTED"));
	assert_string_equal(got.home, h.home);
	assert_string_equal(got.path, "\x7f\x01");
	assert_true(got.scratch_may_be_tmpfs && !got.qemu_sandbox && got.claude_dir_is_set &&
		    got.template_mode == HOSTENV_TEMPLATES_USE && got.disk_bytes == -1);
	hostenv_fini(&got);
	/* those of the tests' build are in no document of this one */
	h.kernel_words = mem_strdup("quiet");
	h.disk_bytes = 0;
	buf_drop(&again, buf_len(&again));
	document_put(&hostenv_shape, &h, &again);
	assert_string_equal(buf_text(&sent), buf_text(&again));
	hostenv_fini(&h);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(hostenv_from_fd(&got, fd, &e), -1);
	close(fd);
	hostenv_fini(&got);
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
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_of_other_programs),
		cmocka_unit_test(test_travels),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
