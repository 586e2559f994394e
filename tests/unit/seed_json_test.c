/* areas: base conf seed proto
 * What is taken out of claude's JSON, and that nothing else changes by a byte. */
#include "unit/seed_fixture.h"

#include "base/jscan.h"
#include "seed/seed_json.h"

static const struct {
	const char *text;
	const char *clean; /* NULL: refused */
	int removed;
} cases[] = {
	/* kept byte for byte */
	{" { \"a\" : [ 1 , 2 ] ,\n \"b\" : { } } \n", " { \"a\" : [ 1 , 2 ] ,\n \"b\" : { } } \n",
	 0},
	{"{\"n\": [12345678901234567890, 1e400, -0, 1.0, 0.10, 1E+2]}",
	 "{\"n\": [12345678901234567890, 1e400, -0, 1.0, 0.10, 1E+2]}", 0},
	{"{\"s\": \"\\u00e9\xc3\xa9\\/\\ud83d\\ude00\\ud800\"}",
	 "{\"s\": \"\\u00e9\xc3\xa9\\/\\ud83d\\ude00\\ud800\"}", 0},
	{"{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}", 0},
	{"{\"env\": {\"PATH\": \"x\"}, \"headers\": 1}",
	 "{\"env\": {\"PATH\": \"x\"}, \"headers\": 1}", 0},
	{"{\"customApiKeyResponses\": {\"approved\": [\"abc\"]}}",
	 "{\"customApiKeyResponses\": {\"approved\": [\"abc\"]}}", 0},
	/* mcpServers */
	{"{\"mcpServers\": {\"s\": {\"env\": {\"K\": \"v\"}, \"command\": \"c\", \"headers\": "
	 "{}}}}",
	 "{\"mcpServers\": {\"s\": { \"command\": \"c\"}}}", 2},
	{"{\"mcpServers\": {\"env\": {\"command\": \"c\", \"env\": 1}}}",
	 "{\"mcpServers\": {\"env\": {\"command\": \"c\"}}}", 1},
	{"{\"mcpServers\": {\"apiKey\": {\"command\": \"c\"}}}",
	 "{\"mcpServers\": {\"apiKey\": {\"command\": \"c\"}}}", 0},
	{"{\"mcpServers\": {\"s\": {\"x\": [[{\"env\": 1}]], \"y\": {\"z\": {\"headers\": 2}}}}}",
	 "{\"mcpServers\": {\"s\": {\"x\": [[]]}}}", 2},
	{"{\"projects\": {\"/a\": {\"mcpServers\": {\"s\": {\"env\": 1}}}, \"/b\": "
	 "{\"mcpServers\": {\"s\": "
	 "{\"headers\": 1}}}}}",
	 "{\"projects\": {\"/a\": {\"mcpServers\": {}}, \"/b\": {\"mcpServers\": {}}}}", 2},
	{"{\"mcpServers\": [{\"env\": 1, \"a\": 2}]}", "{\"mcpServers\": [{ \"a\": 2}]}", 1},
	{"{\"mcpServers\": {\"mcpServers\": {\"mcpServers\": {\"env\": 1}}}}",
	 "{\"mcpServers\": {}}", 1},
	{"{\"mcp\\u0053ervers\": {\"s\": {\"\\u0065nv\": 1}}}", "{\"mcp\\u0053ervers\": {}}", 1},
	{"{\"mcpServers\": {\"s\": {\"ENV\": 1}}}", "{\"mcpServers\": {}}", 1},
	{"{\"mcpServers\": {\"s\": {\"env\": 1, \"env\": 2, \"a\": 3}}}",
	 "{\"mcpServers\": {\"s\": { \"a\": 3}}}", 2},
	/* names of credentials, anywhere */
	{"{\"primaryApiKey\": \"x\"}", "{}", 1},
	{"{\"a\": 1, \"primaryApiKey\": \"x\"}", "{\"a\": 1}", 1},
	{"{\"primaryApiKey\": \"x\", \"a\": 1}", "{ \"a\": 1}", 1},
	{"{\"a\": 1, \"primaryApiKey\": \"x\", \"b\": 2}", "{\"a\": 1, \"b\": 2}", 1},
	{"{\"primary\\u0041piKey\": \"x\"}", "{}", 1},
	{"[{\"x\": {\"refreshToken\": {\"deep\": [1]}}}]", "[]", 1},
	{"{\"env\": {\"A\": 1, \"ANTHROPIC_API_KEY\": \"x\", \"AWS_REGION\": \"r\"}}",
	 "{\"env\": {\"A\": 1, \"AWS_REGION\": \"r\"}}", 1},
	/* names of credentials in any spelling, with a text */
	{"{\"env\": {\"OPENAI_API_KEY\": \"x\", \"NPM_TOKEN\": \"x\", \"GITHUB_PAT\": \"x\", "
	 "\"DB_PASSWORD\": \"x\", \"PWD\": \"/\"}}",
	 "{\"env\": { \"PWD\": \"/\"}}", 4},
	{"{\"options\": {\"apiToken\": \"x\", \"api-token\": \"x\", \"personalaccesstoken\": "
	 "\"x\", \"maxTokens\": 4, \"maxToken\": 4, \"key\": \"k\"}}",
	 "{\"options\": { \"maxTokens\": 4, \"maxToken\": 4, \"key\": \"k\"}}", 3},
	{"{\"env\": {\"CLAUDE_CODE_MAX_OUTPUT_TOKENS\": \"31999\", \"KEYTIMEOUT\": \"1\", "
	 "\"COMPAT\": \"1\"}}",
	 "{\"env\": {\"CLAUDE_CODE_MAX_OUTPUT_TOKENS\": \"31999\", \"KEYTIMEOUT\": \"1\", "
	 "\"COMPAT\": \"1\"}}",
	 0},
	/* texts that hold one */
	{"{\"env\": {\"DATABASE_URL\": \"postgres://u:pw@h/d\", \"HTTPS_PROXY\": "
	 "\"http://u:pw@p:3128\", \"HTTP_PROXY\": \"http://p:3128\"}}",
	 "{\"env\": { \"HTTP_PROXY\": \"http://p:3128\"}}", 2},
	{"{\"a\": [\"x\", \"sk-ant-api03-abcdefghijklmnop\", \"y\"]}", "{\"a\": [\"x\", \"y\"]}",
	 1},
	{"{\"a\": [\"ghp_0123456789abcdefghij\", \"y\"]}", "{\"a\": [ \"y\"]}", 1},
	{"{\"permissions\": {\"allow\": [\"Bash(ls)\", \"Bash(curl -H 'X-Api-Key: abcd1234')\", "
	 "\"Bash(export TOKEN=$T)\"]}}",
	 "{\"permissions\": {\"allow\": [\"Bash(ls)\", \"Bash(export TOKEN=$T)\"]}}", 1},
	{"{\"ghp_0123456789abcdefghij\": 1, \"a\": 2}", "{ \"a\": 2}", 1},
	/* a value that is no credential, whatever its name */
	{"{\"env\": {\"SKIP_AUTH\": \"1\", \"USE_TOKEN\": \"false\", \"A_TOKEN\": \"\", "
	 "\"B_TOKEN\": \"$X\", \"C_TOKEN\": \"${X}\", \"D_TOKEN\": \"<x>\"}}",
	 "{\"env\": {\"SKIP_AUTH\": \"1\", \"USE_TOKEN\": \"false\", \"A_TOKEN\": \"\", "
	 "\"B_TOKEN\": \"$X\", \"C_TOKEN\": \"${X}\", \"D_TOKEN\": \"<x>\"}}",
	 0},
	{"{\"env\": {\"SORT_KEY\": \"a\", \"PRIMARY_KEY\": \"a\", \"CACHE_KEY\": \"a\", "
	 "\"LEADER_KEY\": \"a\", \"OPENAI_KEY_PROD\": \"a\"}}",
	 "{\"env\": {\"SORT_KEY\": \"a\", \"PRIMARY_KEY\": \"a\", \"CACHE_KEY\": \"a\", "
	 "\"LEADER_KEY\": \"a\"}}",
	 1},
	{"{\"permissions\": {\"allow\": [\"Bash(curl -H \\\"Authorization: Bearer $TOKEN\\\" "
	 "h)\"]}}",
	 "{\"permissions\": {\"allow\": [\"Bash(curl -H \\\"Authorization: Bearer $TOKEN\\\" "
	 "h)\"]}}",
	 0},
	{"{\"env\": {\"A\": \"1\", \"HTTPS_PROXY\": \"u:pw@h:3128\", \"NO_PROXY\": \"a,b:80\"}}",
	 "{\"env\": {\"A\": \"1\", \"NO_PROXY\": \"a,b:80\"}}", 1},
	/* an object that had nothing else */
	{"{\"extraKnownMarketplaces\": {\"m\": {\"source\": {\"source\": \"git\", \"url\": "
	 "\"https://u:pw@h/\"}}, \"n\": {}}, \"a\": 1}",
	 "{\"extraKnownMarketplaces\": { \"n\": {}}, \"a\": 1}", 1},
	/* arguments: the program goes with them */
	{"{\"mcpServers\": {\"s\": {\"command\": \"c\", \"args\": [\"-y\", \"--token\", \"abcd\", "
	 "\"--port\", \"80\"]}, \"t\": {\"command\": \"c\"}}}",
	 "{\"mcpServers\": { \"t\": {\"command\": \"c\"}}}", 1},
	{"{\"mcpServers\": {\"s\": {\"args\": [\"--api-key=abcd1234\", \"--verbose\"]}}}",
	 "{\"mcpServers\": {}}", 1},
	{"{\"mcpServers\": {\"s\": {\"args\": [\"--key=abcd1234\"]}}}", "{\"mcpServers\": {}}", 1},
	{"{\"mcpServers\": {\"s\": {\"args\": [\"run\", \"-e\", \"GITHUB_TOKEN=abcd1234\", "
	 "\"image\"]}}}",
	 "{\"mcpServers\": {}}", 1},
	{"{\"mcpServers\": {\"s\": {\"args\": [\"--header\", \"X-Api-Key:abcd1234\"]}}}",
	 "{\"mcpServers\": {}}", 1},
	{"{\"mcpServers\": {\"s\": {\"args\": [\"-phunter22\", \"db\"], \"command\": "
	 "\"/usr/bin/mysql\"}}}",
	 "{\"mcpServers\": {}}", 1},
	{"{\"mcpServers\": {\"s\": {\"command\": \"docker\", \"args\": [\"exec\", \"db\", "
	 "\"mysqldump\", \"-phunter22\"]}}}",
	 "{\"mcpServers\": {}}", 1},
	{"{\"mcpServers\": {\"s\": {\"command\": [\"sshpass\", \"-p\", \"hunter22\", \"ssh\", "
	 "\"host\"]}}}",
	 "{\"mcpServers\": {}}", 1},
	{"{\"mcpServers\": {\"s\": {\"command\": \"docker\", \"args\": [\"run\", \"-p\", \"8080\", "
	 "\"image\"]}}}",
	 "{\"mcpServers\": {\"s\": {\"command\": \"docker\", \"args\": [\"run\", \"-p\", \"8080\", "
	 "\"image\"]}}}",
	 0},
	{"{\"mcpServers\": {\"s\": {\"args\": [\"--user\", \"me:hunter22\"]}}}",
	 "{\"mcpServers\": {}}", 1},
	{"{\"mcpServers\": {\"s\": {\"args\": [\"--token\", \"$TOKEN\", \"--password\", "
	 "\"--user\", \"1000:1000\", \"--key=/etc/x.pem\"]}}}",
	 "{\"mcpServers\": {\"s\": {\"args\": [\"--token\", \"$TOKEN\", \"--password\", "
	 "\"--user\", \"1000:1000\", \"--key=/etc/x.pem\"]}}}",
	 0},
	{"{\"x\": [\"-y\", \"--token\", \"abcd\", \"z\"]}", "{\"x\": [\"-y\", \"z\"]}", 1},
	{"{\"x\": [\"--token\", {\"a\": {\"apiKey\": \"x\"}}, \"abcd\"]}", "{\"x\": [\"--token\"]}",
	 2},
	/* what cannot do without its command or URL goes as a whole */
	{"{\"mcpServers\": {\"s\": {\"url\": \"https://h/x?token=abcd1234\"}, \"t\": {\"url\": "
	 "\"https://h/x?page=12\"}}}",
	 "{\"mcpServers\": { \"t\": {\"url\": \"https://h/x?page=12\"}}}", 1},
	{"{\"mcpServers\": {\"s\": {\"type\": \"sse\", \"url\": \"https://u:pw@h/\", "
	 "\"headersHelper\": \"x\"}}}",
	 "{\"mcpServers\": {}}", 1},
	{"{\"statusLine\": {\"type\": \"command\", \"command\": \"curl -u me:hunter22 h\"}, \"a\": "
	 "1}",
	 "{ \"a\": 1}", 1},
	{"{\"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"http\", \"url\": \"https://h\", "
	 "\"headers\": {\"A\": \"b\"}}]}]}}",
	 "{\"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"http\", \"url\": \"https://h\"}]}]}}",
	 1},
	{"{\"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"notify "
	 "--token abcd1234\"}, {\"type\": \"command\", \"command\": \"ls\"}]}]}}",
	 "{\"hooks\": {\"Stop\": [{\"hooks\": [ {\"type\": \"command\", \"command\": \"ls\"}]}]}}",
	 1},
	/* programs that print one */
	{"{\"apiKeyHelper\": \"pass show x\", \"awsAuthRefresh\": \"aws sso login\", "
	 "\"otelHeadersHelper\": \"x\", \"gcpAuthRefresh\": \"x\", \"a\": 1}",
	 "{ \"a\": 1}", 4},
	{" \"TOKEN=abcd1234\" ", "null ", 1},
	/* refused */
	{"", NULL, 0},
	{"{\"a\": 1,}", NULL, 0},
	{"{\"primaryApiKey\": \"x\"", NULL, 0},
	{"{\"primaryApiKey\": nope}", NULL, 0},
	{"{} {\"primaryApiKey\": \"x\"}", NULL, 0},
	{"// comment\n{}", NULL, 0},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf out = {0};
		int removed = seed_json_sanitise(cases[i].text, strlen(cases[i].text), NULL, &out,
						 NULL);

		if (!cases[i].clean) {
			if (removed >= 0)
				fail_msg("accepted: %s", cases[i].text);
			continue;
		}
		assert_string_equal(buf_text(&out), cases[i].clean);
		assert_int_equal(removed, cases[i].removed);
		assert_true(jscan_is_valid(buf_text(&out), buf_len(&out), NULL));
		{
			AUTO_BUF struct buf again = {0};

			assert_int_equal(seed_json_sanitise(buf_text(&out), buf_len(&out), NULL,
							    &again, NULL),
					 0);
		}
	}
}

/* share.config: the record of this workspace alone, and without its history. */
static void test_workspace(void **state)
{
	static const char text[] = "{\"a\": 1, \"projects\": {\"/w\": {\"history\": [\"x\"], "
				   "\"trust\": true}, \"/other\": {\"trust\": true}, "
				   "\"/w/sub\": {}}, \"b\": {\"projects\": {\"/other\": 1}}}";
	AUTO_BUF struct buf out = {0};
	struct seed_json_removed removed;

	(void)state;
	assert_int_equal(seed_json_sanitise(text, strlen(text), "/w", &out, &removed), 3);
	assert_string_equal(buf_text(&out), "{\"a\": 1, \"projects\": {\"/w\": { \"trust\": "
					    "true}}, \"b\": {\"projects\": {\"/other\": 1}}}");
	assert_int_equal(removed.projects, 3);
	assert_int_equal(removed.credentials, 0);
}

/* Notes name the members left out, never a value. */
static void test_names(void **state)
{
	static const char text[] =
		"{\"env\": {\"NPM_TOKEN\": \"hush\"}, \"statusLine\": {\"command\": \"x --token "
		"hush1234\"}, \"mcpServers\": {\"github\": {\"args\": [\"--token=hush1234\"]}}, "
		"\"permissions\": {\"allow\": [\"Bash(TOKEN=hush1234 x)\"]}, "
		"\"ghp_0123456789abcdefghij\": 1, \"n1ApiKey\": \"hush\", "
		"\"n2ApiKey\": \"hush\", \"n3ApiKey\": \"hush\", \"n4ApiKey\": \"hush\", "
		"\"n5ApiKey\": \"hush\"}";
	/* clang-format off */
	static const char *const names[] = {
		"env.NPM_TOKEN", "statusLine", "mcpServers.github.args[]", "permissions.allow[]",
		"(a name that holds a credential)", "n1ApiKey", "n2ApiKey", "n3ApiKey",
	};
	/* clang-format on */
	AUTO_BUF struct buf out = {0};
	struct seed_json_removed removed;

	(void)state;
	assert_int_equal(seed_json_sanitise(text, strlen(text), NULL, &out, &removed), 10);
	assert_int_equal(removed.credentials, 10);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_string_equal(removed.names[i], names[i]);
	assert_null(strstr(buf_text(&out), "hush"));
}

static void test_deep(void **state)
{
	AUTO_BUF struct buf text = {0};
	AUTO_BUF struct buf out = {0};

	(void)state;
	for (int i = 0; i < 300000; i++)
		buf_add(&text, "{\"a\":", 5);
	assert_int_equal(seed_json_sanitise(buf_text(&text), buf_len(&text), NULL, &out, NULL), -1);
}

static void test_off_by_default(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.claude.json", "{\"a\": 1}");
	fixture_seed(&f);
	assert_false(fixture_has(&f, "claude-json"));
	f.conf.share_config = true;
	fixture_seed(&f);
	fixture_assert(&f, "claude-json", "{\"a\": 1}");
	fixture_fini(&f);
}

static void test_invalid_is_not_staged(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.conf.share_config = true;
	fixture_put(&f, "home/.claude.json", "{\"primaryApiKey\": \"SECRET\"");
	fixture_put(&f, "home/.claude/settings.json",
		    "{\"env\": {\"ANTHROPIC_API_KEY\": \"SECRET\"},}");
	fixture_seed(&f);
	assert_false(fixture_has(&f, "claude-json"));
	assert_false(fixture_has(&f, "claude-config"));
	fixture_assert_absent(&f, "SECRET");
	fixture_assert_noted(&f, ".claude.json is not shared: it is not valid JSON");
	fixture_assert_noted(&f, "settings.json is not shared: it is not valid JSON");
	fixture_fini(&f);
}

static void test_share_switches(void **state)
{
	static const char *const names[] = {"settings.json",  "CLAUDE.md", "keybindings.json",
					    "commands/x",     "agents/x",  "skills/x",
					    "output-styles/x"};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	bool *const switches[] = {&f.conf.share_settings,     &f.conf.share_claude_md,
				  &f.conf.share_keybindings,  &f.conf.share_commands,
				  &f.conf.share_agents,	      &f.conf.share_skills,
				  &f.conf.share_output_styles};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = mem_format("home/.claude/%s", names[i]);

		fixture_put(&f, path, "{}");
	}
	for (size_t off = 0; off <= ARRAY_LEN(names); off++) {
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			*switches[i] = i != off;
		fixture_seed(&f);
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			AUTO_FREE char *path = mem_format("claude-config/%s", names[i]);

			if (fixture_has(&f, path) != (i != off))
				fail_msg("%s with %zu off", names[i], off);
		}
	}
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),	       cmocka_unit_test(test_deep),
		cmocka_unit_test(test_workspace),      cmocka_unit_test(test_names),
		cmocka_unit_test(test_off_by_default), cmocka_unit_test(test_invalid_is_not_staged),
		cmocka_unit_test(test_share_switches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
