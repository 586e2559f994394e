/* areas: base conf proto
 * The small grammars: egress entries, names of variables, nearest names, JSON walking, help and
 * listing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/check.h"
#include "conf/conf.h"
#include "conf/egress_entry.h"
#include "base/jscan.h"
#include "conf/conf_pass.h"
#include "conf/conf_show.h"
#include "conf/nearest.h"
#include "conf/env.h"
#include "conf/option.h"

static const char *const egress_cases[][2] = {
	{"example.com", "example.com"},
	{"API.Example.COM.", "api.example.com"},
	{"*.Example.com", "*.example.com"},
	{"a_b.example.com", "a_b.example.com"},
	{"xn--bcher-kva.example", "xn--bcher-kva.example"},
	{"192.0.2.7", "192.0.2.7"},
	{"192.0.2.7/32", "192.0.2.7/32"},
	{"10.1.2.3/8", "10.0.0.0/8"},
	{"10.1.2.3/12", "10.0.0.0/12"},
	{"0.0.0.0/0", "0.0.0.0/0"},
	{"2001:DB8:0:0::1", "2001:db8::1"},
	{"2001:db8::ffff/33", "2001:db8::/33"},
	{"::1", "::1"},
	{"localhost", NULL},
	{"", NULL},
	{".", NULL},
	{"*", NULL},
	{"*.com.*", NULL},
	{"a..b", NULL},
	{".example.com", NULL},
	{"-a.example", NULL},
	{"a-.example", NULL},
	{"https://example.com", NULL},
	{"example.com:443", NULL},
	{"example.com/path", NULL},
	{"user@example.com", NULL},
	{"exa mple.com", NULL},
	{"1.2.3", NULL},
	{"1.2.3.4.5", NULL},
	{"256.1.1.1", NULL},
	{"10.0.0.0/33", NULL},
	{"10.0.0.0/", NULL},
	{"10.0.0.0/08", NULL},
	{"2001:db8::/129", NULL},
	{"b\xc3\xbc"
	 "cher.example",
	 "xn--bcher-kva.example"},
	{"*.B\xc3\x9c"
	 "CHER.example",
	 "*.xn--bcher-kva.example"},
	{"b\xff"
	 "cher.example",
	 NULL},
};

static void test_egress(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(egress_cases); i++) {
		struct err e;
		AUTO_FREE char *got = egress_entry_normalise(egress_cases[i][0], &e);

		if (!got != !egress_cases[i][1])
			fail_msg("\"%s\": got %s", egress_cases[i][0], got ? got : "nothing");
		if (got)
			assert_string_equal(got, egress_cases[i][1]);
	}
	assert_true(egress_entry_is_literal("10.0.0.0/8"));
	assert_false(egress_entry_is_literal("*.example.com"));
}

static void test_long_names(void **state)
{
	char label[70];
	AUTO_FREE char *name = NULL;
	struct err e;

	(void)state;
	memset(label, 'a', sizeof(label));
	label[64] = '\0';
	name = mem_format("%s.example", label);
	assert_null(egress_entry_normalise(name, &e));
}

static void test_credentials(void **state)
{
	static const char *const yes[] = {"ANTHROPIC_API_KEY",
					  "ANTHROPIC_AUTH_TOKEN",
					  "CLAUDE_CODE_OAUTH_TOKEN",
					  "AWS_SECRET_ACCESS_KEY",
					  "AWS_SESSION_TOKEN",
					  "AWS_BEARER_TOKEN_BEDROCK",
					  "anthropic_api_key",
					  "ANTHROPIC_SOME_NEW_TOKEN",
					  "CLAUDE_X_SECRET",
					  "ANTHROPIC_CUSTOM_HEADERS",
					  "CLAUDE_SESSION_INGRESS_TOKEN_FILE",
					  "GITHUB_TOKEN"};
	static const char *const no[] = {"MAX_THINKING_TOKENS",
					 "ANTHROPIC_BASE_URL",
					 "CLAUDE_CODE_USE_BEDROCK",
					 "LANG",
					 "MONKEY",
					 "AWS_REGION",
					 "CLAUDE_CODE_MAX_OUTPUT_TOKENS"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (!conf_pass_is_credential(yes[i]))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (conf_pass_is_credential(no[i]))
			fail_msg("%s", no[i]);
}

static void test_no_default_is_a_credential(void **state)
{
	/* clang-format off */
	static const char *const promised[] = {
		"ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "DISABLE_TELEMETRY",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "COLORTERM", "LANG", "LC_*", "NO_COLOR",
		"TERM_PROGRAM",
	};
	/* clang-format on */
	struct conf c;
	struct err e;

	(void)state;
	conf_init(&c);
	for (size_t i = 0, k; i < ARRAY_LEN(promised); i++) {
		for (k = 0; k < c.pass_env.n && strcmp(c.pass_env.v[k], promised[i]) != 0; k++)
			;
		if (k == c.pass_env.n)
			fail_msg("%s is not passed by default", promised[i]);
	}
	for (size_t i = 0; i < c.pass_env.n; i++)
		assert_int_equal(conf_pass_check(c.pass_env.v[i], &e), 0);
	conf_fini(&c);
}

static void test_pass_env(void **state)
{
	char *env[] = {"LANG=C.UTF-8",
		       "LC_TIME=de_DE",
		       "LC_=x",
		       "HOME=/x",
		       "ANTHROPIC_API_KEY=secret",
		       "ANTHROPIC_MODEL=m=1",
		       "CLAUDE_CODE_OAUTH_TOKEN=secret",
		       "LANG=second",
		       "novalue",
		       "=odd",
		       "MY_KEY=secret",
		       "MY_KEYS=1",
		       "VERTEX_NEW_TOKEN=secret",
		       "MY_SECRET_TOKEN=left to the user",
		       "AWS_PROFILE=work",
		       NULL};
	AUTO_STRV struct strv out = {0};
	struct conf c;

	(void)state;
	conf_init(&c);
	strv_add(&c.pass_env, "MY_*");
	/* may be listed, but a credential that matches it still stays */
	strv_add(&c.pass_env, "VERTEX_*");
	free(c.api_key_variable);
	c.api_key_variable = mem_strdup("MY_KEY");
	conf_pass_env(&c, env, &out);
	assert_int_equal(out.n, 6);
	assert_string_equal(out.v[0], "LANG=C.UTF-8");
	assert_string_equal(out.v[1], "LC_TIME=de_DE");
	assert_string_equal(out.v[2], "LC_=x");
	assert_string_equal(out.v[3], "ANTHROPIC_MODEL=m=1");
	assert_string_equal(out.v[4], "MY_KEYS=1");
	assert_string_equal(out.v[5], "MY_SECRET_TOKEN=left to the user");
	conf_fini(&c);
}

static void test_nearest(void **state)
{
	(void)state;
	assert_int_equal(nearest_distance("memory", "memory"), 0);
	assert_int_equal(nearest_distance("memroy", "memory"), 1);
	assert_int_equal(nearest_distance("Memory", "memory"), 0);
	assert_int_equal(nearest_distance("", "abc"), 3);
	assert_string_equal(option_nearest("egressAllowList"), "egressAllowlist");
	assert_string_equal(option_nearest("core"), "cores");
	assert_null(option_nearest("qqqqqqqq"));
	assert_string_equal(option_nearest_variable("CCVM_EVENT"), "CCVM_EVENTS");
}

static const struct {
	const char *text;
	bool valid;
} json_cases[] = {
	{"{}", true},
	{"[]", true},
	{" [1, 2 ,{\"a\":null}] ", true},
	{"\"\\ud800\"", true},
	{"1e400", true},
	{"-0", true},
	{"-0.10E+5", true},
	{"\"\\u00e9\\\"\\/\"", true},
	{"true", true},
	{"", false},
	{"{,}", false},
	{"[1,]", false},
	{"{\"a\":1,}", false},
	{"01", false},
	{"1.", false},
	{".5", false},
	{"+1", false},
	{"1e", false},
	{"-", false},
	{"nul", false},
	{"\"\\x\"", false},
	{"\"\\u12g4\"", false},
	{"\"a\nb\"", false},
	{"{\"a\" 1}", false},
	{"{a:1}", false},
	{"1 2", false},
	{"[1}", false},
	{"\"", false},
	{"NaN", false},
};

static void test_jscan(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(json_cases); i++)
		if (jscan_is_valid(json_cases[i].text, strlen(json_cases[i].text), NULL) !=
		    json_cases[i].valid)
			fail_msg("%s", json_cases[i].text);
	assert_false(jscan_is_valid("1\0", 2, NULL));
}

static void test_jscan_decodes(void **state)
{
	static const char text[] = "\"a\\n\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\ud800x\"";
	struct jscan s = {text, text + sizeof(text) - 1};
	AUTO_BUF struct buf out = {0};

	(void)state;
	assert_true(jscan_string(&s, &out));
	assert_string_equal(buf_text(&out),
			    "a\nA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\x80x");
}

/* ---- help and listing ---- */

static void capture(void (*print)(FILE *f), char **out)
{
	size_t n;
	FILE *f = open_memstream(out, &n);

	print(f);
	fclose(f);
}

static void test_help_names_everything(void **state)
{
	const struct env_row *v;
	AUTO_FREE char *help = NULL;
	AUTO_FREE char *mdoc = NULL;

	(void)state;
	capture(conf_print_help, &help);
	capture(conf_print_mdoc, &mdoc);
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		assert_non_null(strstr(help, o->name));
		assert_non_null(strstr(mdoc, o->name));
		assert_true(!o->variable || strstr(help, o->variable));
		assert_true(!o->variable || strstr(mdoc, o->variable));
	}
	for (size_t i = 0; (v = env_row(i)); i++) {
		assert_true(i >= ENV_OURS || strstr(help, v->name));
		assert_non_null(strstr(mdoc, v->name));
	}
	assert_non_null(strstr(help, "--read-only-cwd"));
	/* passEnv's default has a section of its own: its option does not fill a page. */
	const char *option = strstr(mdoc, ".It Cm passEnv\n");
	const char *section = strstr(mdoc, ".Sh ENVIRONMENT PASSED\n");

	assert_non_null(option);
	assert_non_null(section);
	assert_true(strstr(option, "Default:\nsee\n.Sx ENVIRONMENT PASSED .\n") <
		    strstr(option, ".It Cm extraClaudeMd\n"));
	assert_non_null(strstr(section, "\nANTHROPIC_BASE_URL, "));
	assert_null(strstr(section, "\"")); /* words, no JSON */
}

static void test_names_are_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_count(); i++) {
		assert_int_equal(option_find(option_at(i)->name), i);
		for (size_t j = 0; j < i; j++)
			assert_true(!option_at(i)->variable || !option_at(j)->variable ||
				    strcmp(option_at(i)->variable, option_at(j)->variable) != 0);
	}
}

static void test_print_json(void **state)
{
	AUTO_FREE char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	struct conf c;

	(void)state;
	conf_init(&c);
	conf_print(&c, f, true);
	fclose(f);
	assert_true(jscan_is_valid(text, n, NULL));
	assert_non_null(strstr(text, "\"memory\": {\"value\": 4096, \"source\": \"default\"}"));
	conf_fini(&c);
}

static void test_checks(void **state)
{
	struct err e;
	AUTO_FREE char *key = check_key("C-\\", &e);
	AUTO_FREE char *f12 = check_key("F12", &e);
	AUTO_FREE char *url = check_url("https://cache.example/x", &e);

	(void)state;
	assert_non_null(key);
	assert_non_null(f12);
	assert_non_null(url);
	assert_null(check_key("F13", &e));
	assert_null(check_key("C-", &e));
	assert_null(check_key("", &e));
	assert_null(check_url("ftp://x", &e));
	assert_null(check_url("https://", &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_egress),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_no_default_is_a_credential),
		cmocka_unit_test(test_pass_env),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_jscan),
		cmocka_unit_test(test_jscan_decodes),
		cmocka_unit_test(test_help_names_everything),
		cmocka_unit_test(test_names_are_unique),
		cmocka_unit_test(test_print_json),
		cmocka_unit_test(test_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
