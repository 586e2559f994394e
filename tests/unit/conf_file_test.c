/* areas: base conf proto
 * The config file: what is read, and how each mistake is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "conf/conf.h"
#include "conf/conf_file.h"

static int read_text(struct conf *c, const char *text, struct err *e)
{
	memset(e, 0, sizeof(*e));
	conf_init(c);
	return conf_file_read_text(c, text, strlen(text), "config.json", e);
}

static void test_accepts(void **state)
{
	static const char text[] =
		"// a comment with \"quotes\" and { brackets\n"
		"{\n"
		"  \"memory\": 2048, // behind a value\n"
		"  \"share\": {\"settings\": false, \"outputStyles\": false},\n"
		"  \"share.plugins\": true,\n"
		"  \"extraClaudeMd\": \"see http://example.com // not a comment\",\n"
		"  \"egressAllowlist\": [\"API.Example.COM.\", \"*.example.org\", "
		"\"10.1.2.3/8\"],\n"
		"  \"egressPorts\": [443, 80, 443],\n"
		"  \"agentSudo\": false,\n"
		"  \"acceleration\": \"tcg\",\n"
		"  \"nix\": {\"enable\": true}\n"
		"}\n";
	struct conf c;
	struct err e;

	(void)state;
	if (read_text(&c, text, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(c.memory, 2048);
	assert_false(c.share_settings);
	assert_false(c.share_output_styles);
	assert_true(c.share_commands);
	assert_true(c.share_plugins);
	assert_string_equal(c.extra_claude_md, "see http://example.com // not a comment");
	assert_int_equal(c.egress_allowlist.n, 3);
	assert_string_equal(c.egress_allowlist.v[0], "api.example.com");
	assert_string_equal(c.egress_allowlist.v[2], "10.0.0.0/8");
	assert_int_equal(c.egress_ports.n, 2);
	assert_int_equal(c.agent_sudo, 0);
	assert_int_equal(c.acceleration, CONF_ACCEL_TCG);
	assert_true(c.nix_enable);
	conf_fini(&c);
}

static void test_empty(void **state)
{
	static const char *const texts[] = {
		"", " \n", "// nothing\n", "{}", "\xef\xbb\xbf{}", "{ } // end"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct conf c;
		struct err e;

		if (read_text(&c, texts[i], &e) < 0)
			fail_msg("\"%s\": %s", texts[i], e.text);
		assert_int_equal(c.memory, 4096);
		conf_fini(&c);
	}
}

struct bad_case {
	const char *text;
	const char *error;  /* part of the text */
	const char *remedy; /* part of the remedy, or NULL */
};

static const struct bad_case bad_cases[] = {
	{"{\"memroy\": 1}", "config.json:1: unknown option \"memroy\"", "Did you mean memory?"},
	{"{\n\n\"share\": {\n\"comands\": true}}",
	 "config.json:4: unknown option \"share.comands\"", "share.commands"},
	{"{\"plugins\": true}", "unknown option \"plugins\"", "share.plugins"},
	{"{\"zzzzzzzz\": true}", "unknown option \"zzzzzzzz\"", "config show"},
	{"{\"\\u001b[2J\": true}", "unknown option \"\\x1b[2J\"", NULL},
	{"{\"memory\": \"4096\"}", "config.json:1: memory: must be a number", NULL},
	{"{\"memory\": 511}", "memory: must be a whole number from 512", NULL},
	{"{\"memory\": 1e99}", "memory: must be a whole number", NULL},
	{"{\"memory\": 1024.5}", "memory: must be a whole number", NULL},
	{"{\"cores\": 0}", "cores: must be a whole number from 1", NULL},
	{"{\"vmDiskSize\": -1}", "vmDiskSize: must be a whole number from 0", NULL},
	{"{\"writableCwd\": 1}", "writableCwd: must be true or false", NULL},
	{"{\"writableCwd\": null}", "writableCwd: must be true or false", NULL},
	{"{\"agentSudo\": \"auto\"}", "agentSudo: must be true, false or null", NULL},
	{"{\"acceleration\": \"hvf\"}", "acceleration: must be auto, kvm or tcg, not \"hvf\"",
	 NULL},
	{"{\"share\": true}", "share must be an object", NULL},
	{"{\"share.settings\": {}}", "share.settings: must be true or false", NULL},
	{"{\"share\": {\"settings\": true},\n\"share.settings\": false}",
	 "config.json:2: share.settings is set twice", NULL},
	{"{\"memory\": 600, \"memory\": 700}", "memory is set twice", NULL},
	{"{\"egressAllowlist\": \"a.b\"}", "egressAllowlist: must be a list", NULL},
	{"{\"egressAllowlist\": [1]}", "must be a list of strings", NULL},
	{"{\"egressAllowlist\": [\"https://a.b/\"]}", "invalid host \"https://a.b/\"",
	 "without a scheme"},
	{"{\"egressPorts\": [0]}", "invalid port (must be from 1 to 65535)", NULL},
	{"{\"egressPorts\": [\"443\"]}", "must be a list of numbers", NULL},
	{"{\"passEnv\": [\"ANTHROPIC_AUTH_TOKEN\"]}", "would pass ANTHROPIC_AUTH_TOKEN",
	 "apiKeyVariable"},
	{"{\"passEnv\": [\"AWS_*\"]}", "would pass AWS_", NULL},
	{"{\"passEnv\": [\"*\"]}", "too wide", NULL},
	{"{\"passEnv\": [\"A B\"]}", "invalid variable name", NULL},
	{"{\"passEnv\": [\"\\u001b[2J\"]}", "passEnv: invalid variable name \"\\x1b[2J\"", NULL},
	{"{\"apiKeyVariable\": \"1X\"}", "invalid variable name", NULL},
	{"{\"nix\": {\"substituters\": [\"https://u:p@cache.example\"]}}", "without credentials",
	 NULL},
	{"{\"nix\": {\"trustedPublicKeys\": [\"nokey\"]}}", "invalid public key", NULL},
	{"{\"extraPackages\": [\"a b\"]}", "invalid package name", NULL},
	{"{\"tui\": {\"prefix\": \"ctrl-a\"}}", "invalid key", NULL},
	{"{\"tui\": {\"theme\": \"pink\"}}", "must be auto, dark, light or mono", NULL},
	{"{\"tui\": {\"notify\": false}}", "must be a string", NULL},
	{"{\"extraClaudeMd\": \"a\\u0000b\"}", "extraClaudeMd: unsupported JSON value", NULL},
	{"{\n\"memory\": 600,\n}", "config.json:3: not valid JSON at: }", "not after the last one"},
	{"{\n\"memory\": 600\n\"cores\": 1}", "config.json:3: not valid JSON at: \"cores\"", NULL},
	{"{\"memory\": 0600}", "not valid JSON", NULL},
	{"[1]", "config.json:1: not valid JSON at: [1]", NULL},
	{"{} {}", "not valid JSON at: {}", NULL},
	{"{\"memory\"", "not valid JSON", NULL},
	{"{\"a\": /* no */ 1}", "not valid JSON at: /* no */ 1}", NULL},
	{"{\"x\": \"unclosed // comment\n}", "not valid JSON", NULL},
};

static void test_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_cases); i++) {
		const struct bad_case *b = &bad_cases[i];
		struct conf c;
		struct err e;

		if (read_text(&c, b->text, &e) == 0)
			fail_msg("accepted: %s", b->text);
		if (!strstr(e.text, b->error))
			fail_msg("%s\n  says   %s\n  wanted %s", b->text, e.text, b->error);
		if (b->remedy && !strstr(e.remedy, b->remedy))
			fail_msg("%s\n  advises %s\n  wanted  %s", b->text, e.remedy, b->remedy);
		assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
		conf_fini(&c);
	}
}

static void test_deep(void **state)
{
	AUTO_BUF struct buf text = {0};
	struct conf c;
	struct err e;

	(void)state;
	buf_addf(&text, "{\"extraPackages\": ");
	for (int i = 0; i < 100000; i++)
		buf_add(&text, "[", 1);
	assert_int_equal(read_text(&c, buf_text(&text), &e), -1);
	assert_non_null(strstr(e.text, "not valid JSON"));
	conf_fini(&c);
}

/* ---- files ---- */

static char dir[64];

static int load(struct conf *c, const char *variable, const char *value, struct err *e)
{
	AUTO_STRV struct strv env = {0};

	strv_addf(&env, "%s=%s", variable, value);
	memset(e, 0, sizeof(*e));
	conf_init(c);
	return conf_load(c, NULL, env.v, e);
}

static void test_places(void **state)
{
	AUTO_FREE char *home = mem_format("%s/home", dir);
	AUTO_FREE char *below = mem_format("%s/home/.config/ccvm", dir);
	AUTO_FREE char *file = mem_format("%s/config.json", below);
	AUTO_FREE char *xdg = mem_format("%s/home/.config", dir);
	struct conf c;
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs(below, 0700, &e), 0);
	assert_int_equal(
		file_createf(AT_FDCWD, file, 0600, &e, "{\"cores\": 1, \"vmDiskSize\": 7}"), 0);
	assert_int_equal(load(&c, "HOME", home, &e), 0);
	assert_int_equal(c.vm_disk_size, 7);
	assert_string_equal(c.file, file);
	conf_fini(&c);
	assert_int_equal(load(&c, "XDG_CONFIG_HOME", xdg, &e), 0);
	assert_int_equal(c.vm_disk_size, 7);
	conf_fini(&c);
	assert_int_equal(load(&c, "CCVM_CONFIG", file, &e), 0);
	assert_int_equal(c.vm_disk_size, 7);
	conf_fini(&c);
	assert_int_equal(load(&c, "XDG_CONFIG_HOME", "relative", &e), 0);
	assert_int_equal(c.vm_disk_size, 0);
	conf_fini(&c);
}

static void test_bad_files(void **state)
{
	AUTO_FREE char *fifo = mem_format("%s/fifo", dir);
	AUTO_FREE char *large = mem_format("%s/large", dir);
	AUTO_FREE char *spaces = mem_alloc(CONF_FILE_MAX + 2);
	struct conf c;
	struct err e;

	(void)state;
	memset(spaces, ' ', CONF_FILE_MAX + 1);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(file_create(AT_FDCWD, large, spaces, CONF_FILE_MAX + 1, 0600, &e), 0);
	assert_int_equal(load(&c, "CCVM_CONFIG", fifo, &e), -1);
	assert_non_null(strstr(e.text, "not a regular file"));
	conf_fini(&c);
	assert_int_equal(load(&c, "CCVM_CONFIG", large, &e), -1);
	assert_non_null(strstr(e.text, "larger than"));
	assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
	conf_fini(&c);
	assert_int_equal(load(&c, "CCVM_CONFIG", "/nonexistent/config.json", &e), -1);
	assert_non_null(strstr(e.text, "/nonexistent/config.json"));
	conf_fini(&c);
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ccvm-conf-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	struct err e;

	(void)state;
	return file_remove_tree(AT_FDCWD, dir, &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refuses), cmocka_unit_test(test_deep),
		cmocka_unit_test(test_places),	cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
