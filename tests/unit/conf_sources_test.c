/* areas: base conf proto
 * Every option from every source, and who wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "conf/conf.h"
#include "conf/conf_file.h"
#include "conf/conf_show.h"
#include "conf/option.h"

struct source_case {
	const char *name;
	const char *in_file;  /* JSON */
	const char *variable; /* its text, NULL: has none */
	const char *shown;    /* the variable's value as JSON */
	const char *bad;      /* a text that the variable must refuse */
};

static const struct source_case cases[] = {
	{"writableCwd", "false", "yes", "true", "2"},
	{"overlay.dir", "\"/a\"", "/b", "\"/b\"", "relative"},
	{"undo.size", "100", "0", "0", "-1"},
	{"memory", "600", "700", "700", "1.5"},
	{"cores", "1", "1", "1", "-1"},
	{"acceleration", "\"kvm\"", "tcg", "\"tcg\"", "TCG"},
	{"share.settings", "false", "1", "true", ""},
	{"share.claudeMd", "false", "true", "true", "on"},
	{"share.keybindings", "false", "TRUE", "true", "maybe"},
	{"share.commands", "false", "Yes", "true", "01"},
	{"share.agents", "false", "1", "true", " 1"},
	{"share.skills", "false", "1", "true", "1 "},
	{"share.outputStyles", "false", "1", "true", "y"},
	{"share.plugins", "true", "no", "false", "n"},
	{"share.config", "true", "0", "false", "off"},
	{"share.gitConfig", "false", "1", "true", "null"},
	{"persistClaudeProjects", "true", "false", "false", "?"},
	{"protect", "[\"git\", \"Makefile\"]", NULL, NULL, NULL},
	{"hide", "[\".env*\"]", NULL, NULL, NULL},
	{"extraDirs", "[\"/srv/data:ro\"]", NULL, NULL, NULL},
	{"privateDirs", "[\"node_modules\"]", NULL, NULL, NULL},
	{"vmDiskSize", "5", "8", "8", "8G"},
	{"clipboard.images", "true", "0", "false", "off"},
	{"egressAllowlist", "[\"a.example\"]", "B.example  2001:DB8::1",
	 "[\"b.example\", \"2001:db8::1\"]", "a/b"},
	{"egressPorts", "[1]", "443 8443", "[443, 8443]", "http"},
	{"hostLoopback", "false", "1", "true", "no!"},
	{"linkLocal", "true", "0", "false", "2"},
	{"agentSudo", "true", "0", "false", "none"},
	{"nix.enable", "true", NULL, NULL, NULL},
	{"nix.substituters", "[\"https://cache.example\"]", NULL, NULL, NULL},
	{"nix.trustedPublicKeys", "[\"cache.example-1:AAAA\"]", NULL, NULL, NULL},
	{"apiKeyVariable", "\"WORK_KEY\"", NULL, NULL, NULL},
	{"passEnv", "[\"FOO\"]", "BAR BAZ_*", "[\"FOO\", \"BAR\", \"BAZ_*\"]",
	 "CLAUDE_CODE_OAUTH_TOKEN"},
	{"extraClaudeMd", "\"text\"", "", "\"\"", "/nonexistent/text"},
	{"lockGuestMemory", "true", "0", "false", "x"},
	{"templateCacheSize", "100", "4096", "4096", "-1"},
	{"extraPackages", "[\"nodejs\"]", NULL, NULL, NULL},
	{"package", "\"other\"", NULL, NULL, NULL},
	{"tui.prefix", "\"C-a\"", NULL, NULL, NULL},
	{"tui.theme", "\"dark\"", NULL, NULL, NULL},
	{"tui.keys", "[\"stop=X\"]", NULL, NULL, NULL},
	{"tui.notify", "\"none\"", NULL, NULL, NULL},
	{"tui.warmSpare", "true", NULL, NULL, NULL},
	{"terminal.filter", "false", "1", "true", "maybe"},
	{"tui.history", "100", "2000", "2000", "100001"},
};

struct shown {
	const char *name;
	char value[4096];
	char source[128];
};

static void on_row(void *ctx, const char *name, const char *value, const char *source)
{
	struct shown *s = ctx;

	if (strcmp(name, s->name) != 0)
		return;
	snprintf(s->value, sizeof(s->value), "%s", value);
	snprintf(s->source, sizeof(s->source), "%s", source);
}

static struct shown show(const struct conf *c, const char *name)
{
	struct shown s = {.name = name};

	conf_show(c, on_row, &s);
	return s;
}

static char file_path[64];

/* Loads with this text as config file (NULL: none) and these variables (NULL-terminated). */
static int load(struct conf *c, const char *file, const char *const *vars,
		const struct conf_args *a, struct err *e)
{
	AUTO_STRV struct strv env = {0};

	memset(e, 0, sizeof(*e));
	unlink(file_path);
	if (file) {
		assert_int_equal(file_createf(AT_FDCWD, file_path, 0600, e, "%s", file), 0);
		strv_addf(&env, "CCVM_CONFIG=%s", file_path);
	}
	for (; vars && *vars; vars++)
		strv_add(&env, *vars);
	strv_add(&env, "PATH=/bin");
	conf_init(c);
	return conf_load(c, a, env.v, e);
}

static void test_table_is_complete(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(cases), option_count());
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(cases[i].name, option_at(i)->name);
}

static void test_each_source(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct source_case *sc = &cases[i];
		const struct option *o = option_at(i);
		AUTO_FREE char *file = mem_format("{\n\"%s\": %s}", sc->name, sc->in_file);
		AUTO_FREE char *var = mem_format("%s=%s", o->variable ? o->variable : "X",
						 sc->variable);
		const char *vars[] = {var, NULL};
		struct conf c;
		struct err e;
		struct shown s;

		assert_int_equal(load(&c, NULL, NULL, NULL, &e), 0);
		s = show(&c, sc->name);
		assert_string_equal(s.source, "default");
		conf_fini(&c);

		if (load(&c, file, NULL, NULL, &e) < 0)
			fail_msg("%s", e.text);
		s = show(&c, sc->name);
		assert_string_equal(s.value, sc->in_file);
		assert_string_equal(s.source, "file:2");
		conf_fini(&c);

		assert_int_equal(o->variable != NULL, sc->variable != NULL);
		if (!o->variable)
			continue;
		if (load(&c, file, vars, NULL, &e) < 0)
			fail_msg("%s", e.text);
		s = show(&c, sc->name);
		assert_string_equal(s.value, sc->shown);
		assert_string_equal(s.source, o->variable);
		assert_int_equal(c.notes.n, 0);
		conf_fini(&c);
	}
}

static void test_each_bad_variable(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct option *o = option_at(i);
		AUTO_FREE char *var = NULL;
		const char *vars[2] = {NULL, NULL};
		struct conf c;
		struct err e;

		if (!o->variable)
			continue;
		vars[0] = var = mem_format("%s=%s", o->variable, cases[i].bad);
		if (load(&c, NULL, vars, NULL, &e) == 0)
			fail_msg("accepted %s", var);
		if (strncmp(e.text, o->variable, strlen(o->variable)) != 0)
			fail_msg("%s is not named in: %s", o->variable, e.text);
		assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
		conf_fini(&c);
	}
}

/* A list of an object is no value of any option. */
static void test_each_bad_value_in_the_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *file = mem_format("{\n\n\"%s\": [{}]\n}", cases[i].name);
		AUTO_FREE char *place = mem_format("%s:3: %s", file_path, cases[i].name);
		struct conf c;
		struct err e;

		if (load(&c, file, NULL, NULL, &e) == 0)
			fail_msg("accepted %s", file);
		if (strncmp(e.text, place, strlen(place)) != 0)
			fail_msg("%s is not where it begins: %s", place, e.text);
		assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
		conf_fini(&c);
	}
}

static void test_flag_wins(void **state)
{
	const char *vars[] = {"CCVM_WRITABLE_CWD=1", NULL};
	struct conf_args a = {.writable_cwd = 0};
	struct conf c;
	struct err e;

	(void)state;
	assert_int_equal(load(&c, "{\"writableCwd\": true}", vars, &a, &e), 0);
	assert_false(c.writable_cwd);
	assert_string_equal(show(&c, "writableCwd").source, "flag");
	conf_fini(&c);
}

/* ---- the variable for all share options ---- */

struct group_case {
	const char *vars[3];
	const char *file;
	bool settings, commands, plugins, git;
};

/* clang-format off */
static const struct group_case group_cases[] = {
    {{"CCVM_SHARE_CLAUDE_CONFIG=0", NULL}, NULL, false, false, false, true},
    {{"CCVM_SHARE_CLAUDE_CONFIG=0", "CCVM_SHARE_COMMANDS=1", NULL}, NULL, false, true, false, true},
    {{"CCVM_SHARE_COMMANDS=1", "CCVM_SHARE_CLAUDE_CONFIG=0", NULL}, NULL, false, true, false, true},
    {{"CCVM_SHARE_CLAUDE_CONFIG=1", "CCVM_SHARE_SETTINGS=0", NULL},
     "{\"share\": {\"commands\": false}}",
     false,
     true,
     false,
     true},
    {{"CCVM_SHARE_CLAUDE_CONFIG=0", NULL},
     "{\"share\": {\"plugins\": true, \"commands\": true}}",
     false,
     false,
     false,
     true},
    {{"CCVM_SHARE_CLAUDE_CONFIG=0", "CCVM_SHARE_PLUGINS=1", NULL}, NULL, false, false, true, true},
    {{"CCVM_SHARE_CLAUDE_CONFIG=1", NULL}, NULL, true, true, false, true},
};
/* clang-format on */

static void test_group(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(group_cases); i++) {
		const struct group_case *g = &group_cases[i];
		struct conf c;
		struct err e;

		assert_int_equal(load(&c, g->file, g->vars, NULL, &e), 0);
		assert_int_equal(c.share_settings, g->settings);
		assert_int_equal(c.share_commands, g->commands);
		assert_int_equal(c.share_plugins, g->plugins);
		assert_int_equal(c.share_git_config, g->git);
		conf_fini(&c);
	}
}

static void test_bad_group(void **state)
{
	const char *vars[] = {"CCVM_SHARE_CLAUDE_CONFIG=all", NULL};
	struct conf c;
	struct err e;

	(void)state;
	assert_int_equal(load(&c, NULL, vars, NULL, &e), -1);
	assert_non_null(strstr(e.text, "CCVM_SHARE_CLAUDE_CONFIG"));
	assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
	conf_fini(&c);
}

/* ---- notes ---- */

static bool has_note(const struct conf *c, const char *part)
{
	for (size_t i = 0; i < c->notes.n; i++)
		if (strstr(c->notes.v[i], part))
			return true;
	return false;
}

static void test_notes(void **state)
{
	const char *vars[] = {"CCVM_MEMROY=1",
			      "CCVM_XYZZY=1",
			      "CCVM_IMAGE=/x",
			      "CCVM_CORES=4096",
			      "CCVM_MEMORY=16777216",
			      "CCVM_CLIPBOARD_IMAGES=1",
			      "CCVM_AGENT_SUDO=1",
			      "CCVM_EGRESS_ALLOWLIST=a.example",
			      NULL};
	struct conf c;
	struct err e;

	(void)state;
	assert_int_equal(load(&c, "{\"clipboard\": {\"images\": false}}", vars, NULL, &e), 0);
	assert_true(has_note(&c, "CCVM_MEMROY is ignored: did you mean CCVM_MEMORY?"));
	assert_true(has_note(&c, "CCVM_XYZZY is ignored"));
	assert_false(has_note(&c, "CCVM_IMAGE"));
	assert_true(has_note(&c, "cores lowered from 4096"));
	assert_true(has_note(&c, "memory lowered from 16777216"));
	assert_true(has_note(&c, "CCVM_CLIPBOARD_IMAGES can only switch"));
	assert_true(has_note(&c, "agentSudo is on"));
	assert_false(c.clipboard_images);
	assert_int_equal(c.cores, sysconf(_SC_NPROCESSORS_ONLN));
	assert_true(c.memory >= 512);
	conf_fini(&c);
}

static void test_default_is_lowered_silently(void **state)
{
	struct conf c;
	struct err e;

	(void)state;
	assert_int_equal(load(&c, NULL, NULL, NULL, &e), 0);
	assert_true(c.cores <= sysconf(_SC_NPROCESSORS_ONLN));
	assert_int_equal(c.notes.n, 0);
	conf_fini(&c);
}

static void test_text_from_file(void **state)
{
	AUTO_FREE char *path = mem_format("%s.text", file_path);
	AUTO_FREE char *var = mem_format("CCVM_CLAUDE_MD=%s", path);
	const char *vars[] = {var, NULL};
	struct conf c;
	struct err e;

	(void)state;
	assert_int_equal(file_createf(AT_FDCWD, path, 0600, &e, "my context\n"), 0);
	assert_int_equal(load(&c, "{\"extraClaudeMd\": \"other\"}", vars, NULL, &e), 0);
	assert_string_equal(c.extra_claude_md, "my context\n");
	conf_fini(&c);
	unlink(path);
}

/* ---- the image ---- */

static void test_image(void **state)
{
	const char *vars[] = {"CCVM_VM_DISK_SIZE=3", "CCVM_AGENT_SUDO=1", NULL};
	struct conf c;
	struct err e;

	(void)state;
	assert_int_equal(load(&c, "{\"nix\": {\"enable\": true}}", vars, NULL, &e), 0);
	assert_int_equal(
		conf_apply_image(
			&c,
			"{\"vmDiskSize\": 9, \"lockGuestMemory\": true, \"nix.enable\": false,"
			" \"clipboard.images\": false, \"agentSudo\": false, \"future\": [1]}",
			&e),
		0);
	assert_int_equal(c.vm_disk_size, 3);
	assert_true(c.lock_guest_memory);
	assert_string_equal(show(&c, "lockGuestMemory").source, "image");
	assert_false(c.nix_enable);
	assert_false(c.clipboard_images);
	assert_false(conf_agent_sudo(&c));
	assert_true(has_note(&c, "agentSudo stays off"));
	conf_fini(&c);
}

/* Each option that an image may set, in the place the order of precedence gives it. */
static void test_image_among_the_sources(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct source_case *sc = &cases[i];
		const struct option *o = option_at(i);
		bool cap = o->when == OPTION_IMAGE_RUN;
		/* What every later source must beat is a value of its own; an image only takes
		 * the two caps away. */
		AUTO_FREE char *image = mem_format("{\"%s\": %s}", sc->name,
						   cap ? "true" : sc->in_file);
		AUTO_FREE char *file = mem_format("{\"%s\": %s}", sc->name, sc->in_file);
		AUTO_FREE char *var = mem_format("%s=%s", o->variable ? o->variable : "X",
						 sc->variable);
		const char *vars[] = {var, NULL};
		struct conf c;
		struct err e;
		struct shown s;

		assert_int_equal(load(&c, NULL, NULL, NULL, &e), 0);
		assert_int_equal(conf_apply_image(&c, image, &e) | conf_apply_image(&c, image, &e),
				 0);
		s = show(&c, sc->name);
		assert_string_equal(s.source, o->not_image || cap ? "default" : "image");
		if (!o->not_image && !cap)
			assert_string_equal(s.value, sc->in_file);
		conf_fini(&c);

		assert_int_equal(load(&c, file, NULL, NULL, &e), 0);
		assert_int_equal(conf_apply_image(&c, image, &e), 0);
		assert_string_equal(show(&c, sc->name).source,
				    o->when == OPTION_IMAGE ? "image" : "file:1");
		conf_fini(&c);

		if (!o->variable)
			continue;
		assert_int_equal(load(&c, file, vars, NULL, &e), 0);
		assert_int_equal(conf_apply_image(&c, image, &e), 0);
		s = show(&c, sc->name);
		assert_string_equal(s.source, o->variable);
		assert_string_equal(s.value, sc->shown);
		conf_fini(&c);
	}
}

static void test_flag_beats_the_image(void **state)
{
	struct conf_args a = {.writable_cwd = 1};
	struct conf c;
	struct err e;

	(void)state;
	assert_int_equal(load(&c, NULL, NULL, &a, &e), 0);
	assert_int_equal(conf_apply_image(&c, "{\"writableCwd\": false}", &e), 0);
	assert_true(c.writable_cwd);
	conf_fini(&c);
}

static void test_image_grants_nothing(void **state)
{
	const char *vars[] = {"CCVM_CLIPBOARD_IMAGES=0", "CCVM_AGENT_SUDO=0", NULL};
	struct conf c;
	struct err e;

	(void)state;
	assert_int_equal(load(&c, NULL, vars, NULL, &e), 0);
	assert_int_equal(
		conf_apply_image(&c, "{\"clipboard.images\": true, \"agentSudo\": true}", &e), 0);
	assert_false(c.clipboard_images);
	assert_false(conf_agent_sudo(&c));
	assert_int_equal(conf_apply_image(&c, "{\"memory\": \"x\"}", &e), -1);
	assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
	assert_int_equal(conf_apply_image(&c, "nonsense", &e), -1);
	conf_fini(&c);
}

static void test_agent_sudo(void **state)
{
	struct conf c;

	(void)state;
	conf_init(&c);
	assert_true(conf_agent_sudo(&c));
	strv_add(&c.egress_allowlist, "a.example");
	assert_false(conf_agent_sudo(&c));
	c.agent_sudo = 1;
	assert_true(conf_agent_sudo(&c));
	conf_fini(&c);
}

static void test_memlock(void **state)
{
	struct conf c;
	struct err e = {0};

	(void)state;
	conf_init(&c);
	assert_int_equal(conf_check_memlock_limit(&c, 0, &e), 0);
	c.lock_guest_memory = true;
	assert_int_equal(conf_check_memlock_limit(&c, ~0ULL, &e), 0);
	assert_int_equal(conf_check_memlock_limit(&c, 8 << 20, &e), -1);
	assert_non_null(strstr(e.text, "RLIMIT_MEMLOCK is 8192 KiB"));
	assert_non_null(strstr(e.remedy, "memlock"));
	assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
	conf_fini(&c);
}

/* ---- handing over ---- */

static void test_round_trip(void **state)
{
	struct conf c;
	struct conf d;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *file = mem_format("{\"%s\": %s}", cases[i].name, cases[i].in_file);
		AUTO_FREE char *one = NULL;
		AUTO_FREE char *two = NULL;

		assert_int_equal(load(&c, file, NULL, NULL, &e), 0);
		one = conf_to_json(&c);
		conf_init(&d);
		if (conf_from_json(&d, one, &e) < 0)
			fail_msg("%s", e.text);
		two = conf_to_json(&d);
		assert_string_equal(one, two);
		assert_string_equal(show(&d, cases[i].name).source, "file:1");
		conf_fini(&c);
		conf_fini(&d);
	}
}

static void test_round_trip_text(void **state)
{
	AUTO_FREE char *one = NULL;
	struct conf c;
	struct conf d;
	struct err e;

	(void)state;
	conf_init(&c);
	c.extra_claude_md = mem_strdup(
		"a \"quote\", \\back\\, \x01\x1f\x7f\n\t \xe2\x82\xac \xff\xfe end");
	one = conf_to_json(&c);
	conf_init(&d);
	assert_int_equal(conf_from_json(&d, one, &e), 0);
	assert_string_equal(d.extra_claude_md, c.extra_claude_md);
	assert_int_equal(conf_from_json(&d, "{\"memory\": {\"value\": 1}}", &e), -1);
	assert_int_equal(conf_from_json(&d, "{\"memory\"", &e), -1);
	assert_int_equal(conf_from_json(&d, "{\"memory\": {\"source\": 99}}", &e), -1);
	conf_fini(&c);
	conf_fini(&d);
}

static int make_path(void **state)
{
	int fd;

	(void)state;
	strcpy(file_path, "/tmp/ccvm-sources-XXXXXX");
	fd = mkstemp(file_path);
	close(fd);
	return fd < 0 ? -1 : 0;
}

static int remove_path(void **state)
{
	(void)state;
	unlink(file_path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_complete),
		cmocka_unit_test(test_each_source),
		cmocka_unit_test(test_each_bad_variable),
		cmocka_unit_test(test_each_bad_value_in_the_file),
		cmocka_unit_test(test_flag_wins),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_bad_group),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_default_is_lowered_silently),
		cmocka_unit_test(test_text_from_file),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_image_among_the_sources),
		cmocka_unit_test(test_flag_beats_the_image),
		cmocka_unit_test(test_image_grants_nothing),
		cmocka_unit_test(test_agent_sudo),
		cmocka_unit_test(test_memlock),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_round_trip_text),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
