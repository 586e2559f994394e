/* areas: base conf seed proto
 * A secret planted in every place one can be: none of them is in the seed, and what is harmless
 * beside them is. */
#include "unit/seed_fixture.h"

#define SECRET "PLANTED-SECRET" /* every planted value holds it */

struct planted {
	const char *path;
	const char *text;
};

static const struct planted files[] = {
	{"home/.claude/.credentials.json",
	 "{\"claudeAiOauth\": {\"accessToken\": \"" SECRET "-1\"}}"},
	{"home/.claude/skills/deep/er/.credentials.json", "{\"x\": \"" SECRET "-2\"}"},
	{"home/.claude/skills/deep/.credentials.json.bak", SECRET "-3"},
	{"home/.claude/skills/deep/SKILL.md", "harmless skill"},
	{"home/.claude/commands/hello.md", "harmless command"},
	{"home/.claude/commands/sub/.netrc", "password " SECRET "-4"},
	{"home/.claude/agents/helper.md", "harmless agent"},
	{"home/.claude/output-styles/terse.md", "harmless style"},
	{"home/.claude/plugins/one/plugin.json", "{\"harmless\": \"plugin\"}"},
	{"home/.claude/plugins/one/.git/config", "url = https://x:" SECRET "@example.com"},
	{"home/.claude/CLAUDE.md", "harmless memory"},
	{"home/.claude/keybindings.json", "{\"harmless\": \"keys\"}"},
	{"home/.claude/settings.json",
	 "{\"model\": \"harmless\", \"env\": {\"ANTHROPIC_API_KEY\": \"" SECRET
	 "-5\", \"DISABLE_TELEMETRY\": \"1\","
	 " \"OPENAI_API_KEY\": \"" SECRET "-50\", \"NPM_TOKEN\": \"" SECRET "-51\","
	 " \"DATABASE_URL\": \"postgres://u:" SECRET
	 "-52@h/d\", \"HTTPS_PROXY\": \"http://u:" SECRET "-53@p:3128\","
	 " \"CLAUDE_CODE_OAUTH_TOKEN\": \"" SECRET "-6\", \"AWS_SECRET_ACCESS_KEY\": \"" SECRET
	 "-7\"},"
	 " \"apiKeyHelper\": \"echo " SECRET
	 "-54\", \"statusLine\": {\"type\": \"command\", \"command\": \"line --token " SECRET
	 "-55\"},"
	 " \"permissions\": {\"allow\": [\"Bash(curl -H 'Authorization: Bearer " SECRET
	 "-56' x)\"]},"
	 " \"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"http\", \"url\": \"http://h\", "
	 "\"headers\": {\"X\": \"" SECRET "-57\"}}]}]}}"},
	{"home/.claude/skills/deep/.env", "A=" SECRET "-60"},
	{"home/.claude/skills/deep/.env.production", "A=" SECRET "-61"},
	{"home/.claude/skills/deep/.npmrc", "//r/:_authToken=" SECRET "-62"},
	{"home/.claude/skills/deep/netrc", SECRET "-63"},
	{"home/.claude/skills/deep/id_rsa", SECRET "-64"},
	{"home/.claude/skills/deep/server.pem",
	 "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" SECRET "-65"},
	{"home/.claude/skills/deep/login-copy.txt",
	 "{\"claudeAiOauth\": {\"accessToken\": \"" SECRET "-66\"}}"},
	{"home/.claude/skills/deep/notes.txt", "key: sk-ant-api03-abcdefghijklmnop " SECRET "-67"},
	{"home/.claude/skills/deep/key.txt",
	 "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE\n" SECRET
	 "-68\n"},
	{"home/.claude/skills/deep/call.sh",
	 "curl -H 'Authorization: Bearer abcd1234efgh5678' " SECRET "-69"},
	{"home/.claude/skills/deep/aws.txt",
	 "aws_secret_access_key = abcdefgh0123456789abcdefgh0123456789abcd " SECRET "-76"},
	{"home/.claude/skills/deep/db.md", "psql postgres://u:" SECRET "-77@db.example.com/x"},
	{"home/.claude/skills/deep/keymap.key", "harmless keys"},
	{"home/.claude/skills/deep/en.pem", "harmless words"},
	{"home/.claude/skills/deep/id_rsa_howto.md",
	 "A key begins with `-----BEGIN RSA PRIVATE KEY-----`. harmless"},
	{"home/.claude/skills/deep/package.json",
	 "{\"dependencies\": {\"jsonwebtoken\": \"^9\", \"react-auth\": \"1\", \"@x/token\": "
	 "\"2\"}, \"scripts\": {\"token\": \"node t\"}, "
	 "\"password\": \"Password\"}"},
	{"home/.claude/skills/deep/.env.example", "TOKEN=harmless"},
	{"home/.claude/skills/deep/HOWTO.md", "Send `Authorization: Bearer $TOKEN`; a token looks "
					      "like ghp_xxxxxxxxxxxxxxxxxxxx. harmless"},
	{"home/.claude/plugins/one/.mcp.json",
	 "{\"mcpServers\": {\"m\": {\"command\": \"harmless\", \"args\": [\"--api-key\", \"" SECRET
	 "-70\"], \"env\": {\"K\": \"" SECRET "-71\"}}}}"},
	{"home/.claude/plugins/one/hooks/hooks.json",
	 "{\"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"http\", \"url\": \"http://harmless\", "
	 "\"headers\": {\"X-Team\": \"" SECRET "-98\"}}]}]}}"},
	{"home/.claude/plugins/one/.lsp.json",
	 "{\"go\": {\"command\": \"harmless\", \"env\": {\"GITHUB_TOKEN\": \"" SECRET
	 "-99\", \"GOFLAGS\": \"-v\"}}}"},
	{"home/.claude/history.jsonl", SECRET "-8"},
	{"home/.claude/projects/p/x.jsonl", SECRET "-9"},
	{"home/.claude/statsig/token", SECRET "-10"},
	{"home/.claude/shell-snapshots/s.sh", SECRET "-11"},
	{"home/.claude.json",
	 "{\"numStartups\": 7, \"primaryApiKey\": \"" SECRET
	 "-12\", \"oauthAccount\": {\"emailAddress\": \"harmless@x\","
	 " \"accessToken\": \"" SECRET "-13\"},"
	 " \"mcpServers\": {\"a\": {\"command\": \"harmless\", \"env\": {\"T\": \"" SECRET
	 "-14\"}},"
	 " \"c\": {\"url\": \"https://h/?api_key=" SECRET
	 "-72\"}, \"d\": {\"url\": \"http://u:" SECRET "-73@h/\"},"
	 " \"e\": {\"command\": \"harmless\", \"headersHelper\": \"echo " SECRET "-74\"}},"
	 " \"projects\": {\"/p\": {\"mcpServers\": {\"b\": {\"url\": \"http://harmless\", "
	 "\"headers\": "
	 "{\"Authorization\": "
	 "\"" SECRET "-15\"}, \"deep\": [{\"env\": \"" SECRET "-16\"}]}}, \"history\": [\"" SECRET
	 "-75\"]}}}"},
	{"home/.claude.json.backup", SECRET "-17"},
	{"home/.ssh/id_ed25519", SECRET "-18"},
	{"home/.aws/credentials", SECRET "-19"},
	{"home/.config/gcloud/token.json", SECRET "-20"},
	{"home/.config/gh/hosts.yml", SECRET "-21"},
	{"home/.netrc", SECRET "-22"},
	{"home/.git-credentials", "https://u:" SECRET "-23@example.com"},
	{"home/.gitconfig",
	 "[user]\n\tname = Harmless User\n\temail = harmless@example.com\n"
	 "[credential]\n\thelper = \"!echo password=" SECRET "-24\"\n"
	 "[credential \"https://example.com\"]\n\tusername = " SECRET "-25\n"
	 "[url \"https://user:" SECRET "-26@example.com/\"]\n\tinsteadOf = https://example.com/\n"
	 "[url \"git@example.com:\"]\n\tinsteadOf = harmless:\n"
	 "[http]\n\textraHeader = \"Authorization: Basic " SECRET
	 "-27\"\n\tproxy = http://u:" SECRET "-28@proxy:3128\n"
	 "[remote \"x\"]\n\turl = https://u:" SECRET "-29@example.com/x\n"
	 "[github]\n\toauthtoken = " SECRET "-30\n[sendemail]\n\tsmtpPass = " SECRET "-31\n"
	 "[alias]\n\tlg = log --graph\n\tup = !curl -H 'Authorization: token " SECRET "-32' x\n"
	 "[hub]\n\ttoken = " SECRET "-33\n[one]\n\tapi-token = " SECRET
	 "-80\n[two]\n\taccess-token = " SECRET "-81\n"
	 "[three]\n\tauthtoken = " SECRET "-82\n[four]\n\tpersonalaccesstoken = " SECRET "-83\n"
	 "[url \"https://Tok3nShort-" SECRET "@example.com/\"]\n\tinsteadOf = y:\n"
	 "[remote \"q\"]\n\turl = https://example.com/x?private_token=" SECRET "-84\n"
	 "[alias]\n\tdown = !API_KEY=" SECRET "-85 get\n\tin = !get -u me:" SECRET "-86\n"},
	{"elsewhere/dotfiles/commands/shared.md", "harmless elsewhere"},
	{"elsewhere/dotfiles/.credentials.json", SECRET "-34"},
	{"elsewhere/backup/.credentials.json", SECRET "-35"},
};

static const char *const variables[] = {
	"ANTHROPIC_API_KEY=" SECRET "-40", "CLAUDE_CODE_OAUTH_TOKEN=" SECRET "-41",
	"ANTHROPIC_AUTH_TOKEN=" SECRET "-42", "AWS_SESSION_TOKEN=" SECRET "-43",
	"ANTHROPIC_MODEL=harmless"};

static void plant(struct fixture *f)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		fixture_put(f, files[i].path, files[i].text);
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		strv_add(&f->env, variables[i]);
	/* Ways around the name: links to the file, through folders, under another name, hard
	 * links, the whole home. */
	fixture_link(f, "../../../elsewhere/dotfiles", "home/.claude/skills/linked");
	fixture_link(f, "../../.credentials.json", "home/.claude/skills/deep/notes.md");
	fixture_link(f, "../../../../elsewhere/backup/.credentials.json",
		     "home/.claude/skills/deep/copy.md");
	fixture_link(f, "../../../.ssh", "home/.claude/skills/deep/keys");
	fixture_link(f, "../../../.ssh/id_ed25519", "home/.claude/skills/deep/key.md");
	fixture_link(f, "../../../../home", "home/.claude/skills/deep/home");
	fixture_link(f, "../..", "home/.claude/agents/up");
	fixture_link(f, "../../.claude.json", "home/.claude/agents/record.md");
	fixture_link(f, "../../.config/gcloud", "home/.claude/agents/cloud");
	fixture_hardlink(f, "home/.claude/.credentials.json", "home/.claude/commands/hard.md");
	fixture_hardlink(f, "home/.claude.json", "home/.claude/commands/hard.json");
	f->conf.share_plugins = true;
	f->conf.share_config = true;
	f->conf.persist_claude_projects = true;
}

static void test_no_secret_crosses(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	plant(&f);
	fixture_seed(&f);
	fixture_assert_absent(&f, SECRET);
	fixture_fini(&f);
}

static void test_harmless_is_there(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	plant(&f);
	fixture_seed(&f);
	fixture_assert(&f, "claude-config/skills/deep/SKILL.md", "harmless skill");
	fixture_assert(&f, "claude-config/commands/hello.md", "harmless command");
	fixture_assert(&f, "claude-config/agents/helper.md", "harmless agent");
	fixture_assert(&f, "claude-config/output-styles/terse.md", "harmless style");
	fixture_assert(&f, "claude-config/plugins/one/plugin.json", "{\"harmless\": \"plugin\"}");
	fixture_assert(&f, "claude-config/CLAUDE.md", "harmless memory");
	fixture_assert(&f, "claude-config/keybindings.json", "{\"harmless\": \"keys\"}");
	fixture_assert(&f, "claude-config/settings.json",
		       "{\"model\": \"harmless\", \"env\": { \"DISABLE_TELEMETRY\": \"1\"}, "
		       "\"permissions\": {\"allow\": []},"
		       " \"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"http\", \"url\": "
		       "\"http://h\"}]}]}}");
	fixture_assert(&f, "claude-config/plugins/one/.mcp.json", "{\"mcpServers\": {}}");
	fixture_assert(&f, "claude-config/plugins/one/hooks/hooks.json",
		       "{\"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"http\", \"url\": "
		       "\"http://harmless\"}]}]}}");
	fixture_assert(&f, "claude-config/plugins/one/.lsp.json",
		       "{\"go\": {\"command\": \"harmless\", \"env\": { \"GOFLAGS\": \"-v\"}}}");
	for (size_t i = 0; i < ARRAY_LEN(files); i++) /* these cross by the byte */
		if (strstr(files[i].path, "package.json") || strstr(files[i].path, "keymap.key") ||
		    strstr(files[i].path, "en.pem") || strstr(files[i].path, "howto")) {
			AUTO_FREE char *path = mem_format("claude-config/%s",
							  files[i].path + strlen("home/.claude/"));

			fixture_assert(&f, path, files[i].text);
		}
	assert_true(fixture_has(&f, "claude-config/skills/deep/HOWTO.md"));
	fixture_assert(&f, "claude-config/skills/deep/.env.example", "TOKEN=harmless");
	fixture_assert(&f, "claude-config/skills/linked/commands/shared.md", "harmless elsewhere");
	fixture_assert(&f, "claude-json",
		       "{\"numStartups\": 7, \"oauthAccount\": {\"emailAddress\": \"harmless@x\"},"
		       " \"mcpServers\": {\"a\": {\"command\": \"harmless\"}, \"e\": {\"command\": "
		       "\"harmless\"}},"
		       " \"projects\": {}}");
	assert_false(fixture_has(&f, "claude-config/commands/hard.md"));
	assert_false(fixture_has(&f, "claude-config/skills/deep/notes.md"));
	fixture_assert_noted(&f, "commands/hard.md is not shared: it leads to credentials");
	fixture_assert_noted(&f, "agents/up is not shared: it leads to credentials");
	fixture_assert_noted(&f, "settings.json is shared without 11 credentials: "
				 "env.ANTHROPIC_API_KEY, env.OPENAI_API_KEY, env.NPM_TOKEN, "
				 "env.DATABASE_URL, env.HTTPS_PROXY, env.CLAUDE_CODE_OAUTH_TOKEN, "
				 "env.AWS_SECRET_ACCESS_KEY, apiKeyHelper, …");
	fixture_assert_noted(&f, "skills/deep/login-copy.txt is not shared: it holds a credential");
	fixture_assert_noted(&f, "skills/deep/.env is not shared: it can hold credentials");
	fixture_fini(&f);
}

/* The login of a CLAUDE_CONFIG_DIR elsewhere, itself a link. */
static void test_other_config_dir(void **state)
{
	struct fixture f;
	AUTO_FREE char *dir = NULL;

	(void)state;
	fixture_init(&f);
	dir = mem_format("%s/other", f.root);
	fixture_put(&f, "vault/login", SECRET);
	fixture_put(&f, "other/commands/a.md", "harmless");
	fixture_put(&f, "other/.claude.json", "{\"numStartups\": 3}");
	fixture_link(&f, "../vault/login", "other/.credentials.json");
	fixture_hardlink(&f, "vault/login", "other/commands/b.md");
	fixture_link(&f, "../../vault", "other/commands/vault");
	fixture_link(&f, "../../home", "other/commands/home"); /* brings every file of the home */
	fixture_put(&f, "home/diary", SECRET);
	strv_addf(&f.env, "CLAUDE_CONFIG_DIR=%s", dir);
	f.spec.dirs.claude_dir = dir;
	f.conf.share_config = true;
	fixture_seed(&f);
	fixture_assert_absent(&f, SECRET);
	fixture_assert(&f, "claude-config/commands/a.md", "harmless");
	fixture_assert(&f, "claude-json", "{\"numStartups\": 3}");
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_secret_crosses),
		cmocka_unit_test(test_harmless_is_there),
		cmocka_unit_test(test_other_config_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
