/* areas: base conf seed proto
 * The git configuration, through the real git: what it reads on the host is what the guest's git
 * reads from the seed. */
#include "unit/seed_fixture.h"

#include "base/spawn.h"
#include "proto/names.h"
#include "seed/seed_gitconfig.h"
#include "seed/seed_gitrule.h"

/* What git reads from this configuration file for a key; "(none)" when it is not set. */
static void git_get(const char *file, const char *key, struct buf *out)
{
	char *argv[] = {"git", "config",    "--file",	 (char *)file,
			"-z",  "--get-all", (char *)key, NULL};
	char *envp[] = {"HOME=/nonexistent", NULL};
	struct err e;
	int status = spawn_output(argv, envp, 1 << 20, out, &e);

	if (status < 0)
		fail_msg("%s", e.text);
	if (spawn_exit_code(status) == 1)
		buf_addf(out, "(none)");
	else if (spawn_exit_code(status) != 0)
		fail_msg("git config %s: code %d", key, spawn_exit_code(status));
}

static void assert_git(const struct fixture *f, const char *key, const char *value)
{
	AUTO_FREE char *file = mem_format("%s/%s", f->seed, NAME_SEED_GITCONFIG);
	AUTO_BUF struct buf out = {0};

	git_get(file, key, &out);
	if (strcmp(buf_text(&out), value) != 0)
		fail_msg("%s is \"%s\", not \"%s\"", key, buf_text(&out), value);
}

static void git_init(const struct fixture *f)
{
	char *argv[] = {"git", "init", "-q", f->work, NULL};
	char *envp[] = {"HOME=/nonexistent", NULL};
	AUTO_BUF struct buf out = {0};
	struct err e;

	assert_int_equal(spawn_output(argv, envp, 1 << 20, &out, &e), 0);
}

static void test_identity_and_includes(void **state)
{
	AUTO_FREE char *config = NULL;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	git_init(&f);
	config = mem_format(
		"[user]\n\tname = Ada\n\temail = private@example.com\n\tsigningkey = ABCDEF\n"
		"[commit]\n\tgpgsign = true\n[tag]\n\tgpgSign = true\n[gpg]\n\tformat = ssh\n"
		"[include]\n\tpath = more\n[includeIf \"gitdir:%s/\"]\n\tpath = work\n"
		"[includeIf \"gitdir:/elsewhere/\"]\n\tpath = other\n",
		f.work);
	fixture_put(&f, "home/.gitconfig", config);
	fixture_put(&f, "home/more",
		    "[alias]\n\tlg = log --graph --format='%h %s'\n[core]\n\texcludesFile = "
		    "~/ignores\n");
	fixture_put(&f, "home/work", "[user]\n\temail = work@example.com\n");
	fixture_put(&f, "home/other", "[user]\n\temail = wrong@example.com\n");
	fixture_put(&f, "home/ignores", "*.o\n.idea/\n");
	fixture_seed(&f);
	assert_git(&f, "user.name", "Ada");
	{
		AUTO_FREE char *file = mem_format("%s/%s", f.seed, NAME_SEED_GITCONFIG);
		AUTO_BUF struct buf out = {0};

		git_get(file, "user.email", &out);
		/* both, and the last one wins as on the host */
		assert_memory_equal(buf_text(&out), "private@example.com\0work@example.com", 37);
	}
	assert_git(&f, "alias.lg", "log --graph --format='%h %s'");
	assert_git(&f, "commit.gpgsign", "false");
	assert_git(&f, "tag.gpgsign", "false");
	assert_git(&f, "user.signingkey", "(none)");
	assert_git(&f, "gpg.format", "(none)");
	assert_git(&f, "include.path", "(none)");
	assert_git(&f, "core.excludesfile", "~/.config/git/ignore");
	fixture_assert(&f, NAME_SEED_GITIGNORE, "*.o\n.idea/\n");
	fixture_fini(&f);
}

static void test_default_excludes(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.config/git/ignore", "build/\n");
	fixture_seed(&f);
	fixture_assert(&f, NAME_SEED_GITIGNORE, "build/\n");
	assert_git(&f, "core.excludesfile", "~/.config/git/ignore");
	fixture_fini(&f);
}

/* The file that the setting names may be an agent's to replace. */
static void test_excludes_that_lead_elsewhere(void **state)
{
	static const char *const targets[] = {"../.ssh/id_ed25519", "../.config/gh/hosts.yml",
					      "../key.txt"};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		fixture_init(&f);
		fixture_put(&f, "home/.gitconfig", "[core]\n\texcludesFile = ~/dot/gitignore\n");
		fixture_put(&f, "home/.ssh/id_ed25519", "PRIVATE-TealPlover");
		fixture_put(&f, "home/.config/gh/hosts.yml", "PRIVATE-TealPlover");
		fixture_put(
			&f, "home/key.txt",
			"-----BEGIN OPENSSH PRIVATE "
			"KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB\nPRIVATE-"
			"TealPlover\n");
		fixture_put(&f, "home/dot/x", "");
		fixture_link(&f, targets[i], "home/dot/gitignore");
		fixture_seed(&f);
		fixture_assert_absent(&f, "PRIVATE-TealPlover");
		assert_git(&f, "core.excludesfile", "(none)");
		fixture_fini(&f);
	}
}

static void test_local_stays_out(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.gitconfig", "[user]\n\tname = Ada\n");
	fixture_put(&f, "work/.git/config",
		    "[core]\n\trepositoryformatversion = 0\n\texcludesFile = "
		    "/etc/passwd\n[user]\n\tname = Local\n");
	fixture_put(&f, "work/.git/HEAD", "ref: refs/heads/main\n");
	fixture_put(&f, "work/.git/objects/x", "");
	fixture_put(&f, "work/.git/refs/x", "");
	fixture_seed(&f);
	assert_git(&f, "user.name", "Ada");
	assert_git(&f, "core.excludesfile", "(none)");
	assert_false(fixture_has(&f, NAME_SEED_GITIGNORE));
	fixture_fini(&f);
}

/* The author of the workspace may break its configuration, or make reading it block. */
static void test_hostile_workspace(void **state)
{
	AUTO_FREE char *path = NULL;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.gitconfig", "[user]\n\tname = Ada\n");
	fixture_put(&f, "work/.git/HEAD", "ref: refs/heads/main\n");
	fixture_put(&f, "work/.git/objects/x", "");
	fixture_put(&f, "work/.git/refs/x", "");
	fixture_put(&f, "work/.git/config", "[broken\n");
	fixture_seed(&f);
	assert_git(&f, "user.name", "Ada");
	fixture_assert_noted(&f, "git cannot read the configuration of");
	path = mem_format("%s/.git/config", f.work);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	fixture_seed(&f);
	assert_git(&f, "user.name", "Ada");
	fixture_assert_noted(&f, "git cannot read the configuration of");
	fixture_fini(&f);
}

static void test_no_git(void **state)
{
	AUTO_FREE char *path = mem_strdup(getenv("PATH"));
	struct fixture f;

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	fixture_init(&f); /* takes PATH along */
	setenv("PATH", path, 1);
	fixture_seed(&f);
	fixture_assert_noted(&f, "git configuration is not shared: git is not installed");
	assert_false(fixture_has(&f, NAME_SEED_GITCONFIG));
	fixture_fini(&f);
}

static void test_switched_off(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.gitconfig", "[user]\n\tname = Ada\n");
	f.conf.share_git_config = false;
	fixture_seed(&f);
	assert_false(fixture_has(&f, NAME_SEED_GITCONFIG));
	assert_int_equal(f.notes.n, 0);
	fixture_fini(&f);
}

/* ---- the rules ---- */

static const struct {
	const char *key;
	const char *value;
	bool kept;
	const char *note; /* part of it; NULL: none */
} rule_cases[] = {
	{"user.name", "Ada", true, NULL},
	{"init.defaultbranch", "main", true, NULL},
	{"safe.directory", "*", true, NULL},
	{"alias.st", "status", true, NULL},
	{"url.git@example.com:.insteadof", "ex:", true, NULL},
	{"url.https://user@example.com/.insteadof", "ex:", true, NULL},
	{"url.https://user:pw@example.com/.insteadof", "ex:", false, "it holds a credential"},
	{"url.https://ghp_0123456789abcdefghij@example.com/.insteadof", "ex:", false,
	 "it holds a credential"},
	{"remote.x.url", "https://user:pw@example.com/", false,
	 "remote.*.url is not shared: it holds a credential"},
	{"remote.x.url", "ssh://git@example.com/x", true, NULL},
	{"http.https://example.com.extraheader", "Authorization: x", false,
	 "it holds a credential"},
	{"http.proxy", "http://u:p@proxy", false, "it holds a credential"},
	{"http.proxy", "http://proxy:3128", true, NULL},
	{"credential.helper", "store", false, NULL},
	{"credential.https://example.com.username", "me", false, NULL},
	{"github.token", "x", false, "it holds a credential"},
	{"github.oauth", "x", false, "github.oauth is not shared: it holds a credential"},
	{"gitea.auth", "x", false, "it holds a credential"},
	{"jira.login", "me:pw", false, "jira.login is not shared: it holds a credential"},
	{"jira.login", "me", true, NULL},
	{"gitlab.pat2", "x", false, "it holds a credential"},
	{"gitlab.usetoken", "true", true, NULL},
	{"alias.pat", "push --tags", true, NULL},
	{"alias.get", "!git clone https://oauth2:$TOKEN@example.com/x", true, NULL},
	{"http.proxy", "u:pw@h:3128", false, "it holds a credential"},
	{"github.user", "ada", true, NULL},
	{"core.editor", "vim", true, NULL},
	{"core.editor", "/usr/bin/vim -u NONE", true, NULL},
	{"core.editor", "/opt/code/bin/code --wait", false,
	 "core.editor is not shared: the guest does not have"},
	{"core.editor", "code --wait", false, "does not have that program"},
	{"core.editor", "/nix/store/abc/bin/vim", false, NULL},
	{"core.pager", "delta", true, NULL}, /* among the extra packages below */
	{"core.pager", "less -R", true, NULL},
	{"pager.log", "false", true, NULL},
	{"core.fsmonitor", "true", false, "core.fsmonitor is not shared"},
	{"core.hookspath", "/home/a/hooks", false, "core.hookspath is not shared"},
	{"core.hookspath", "/nix/store/hooks", false, NULL},
	{"core.sshcommand", "ssh -i ~/.ssh/work", false, "core.sshcommand"},
	{"diff.tool", "vimdiff", true, NULL},
	{"diff.tool", "meld", false, "diff.tool"},
	{"difftool.meld.cmd", "meld $LOCAL $REMOTE", false, "difftool.*.cmd"},
	{"diff.algorithm", "histogram", true, NULL},
	{"filter.lfs.clean", "git-lfs clean -- %f", false, "filter.*.clean"},
	{"filter.lfs.required", "true", false, NULL},
	{"gpg.program", "/usr/bin/gpg2", false, NULL},
	{"commit.gpgsign", "true", false, NULL},
	{"alias.nix", "!/nix/store/abc/bin/x", false, NULL},
	{"nodot", "x", false, NULL},
	{"bad section.key", "x", false, NULL},
	{"a.1b", "x", false, NULL},
};

static void test_rules(void **state)
{
	AUTO_STRV struct strv packages = {0};

	(void)state;
	strv_add(&packages, "git-delta");
	for (size_t i = 0; i < ARRAY_LEN(rule_cases); i++) {
		AUTO_BUF struct buf list = {0};
		struct seed_gitconfig g = {0};
		bool kept;

		buf_add(&list, "global", 7);
		buf_addf(&list, "%s\n%s", rule_cases[i].key, rule_cases[i].value);
		buf_add(&list, "", 1);
		seed_gitconfig_make(buf_text(&list), buf_len(&list), &packages, &g);
		/* the first of what is always added */
		kept = strncmp(buf_text(&g.text), "[commit]", 8) != 0;
		if (kept != rule_cases[i].kept)
			fail_msg("%s=%s: %s", rule_cases[i].key, rule_cases[i].value,
				 kept ? "kept" : "dropped");
		if (!rule_cases[i].note)
			assert_int_equal(g.notes.n, 0);
		else if (g.notes.n != 1 || !strstr(g.notes.v[0], rule_cases[i].note))
			fail_msg("%s: note is \"%s\"", rule_cases[i].key,
				 g.notes.n ? g.notes.v[0] : "");
		for (size_t k = 0; k < g.notes.n; k++)
			assert_null(strstr(g.notes.v[k], "pw"));
		seed_gitconfig_fini(&g);
	}
}

/* ---- quoting ---- */

static const char *const values[] = {
	"",
	" lead and trail ",
	"a\\b",
	"\"quoted\"",
	"a;b#c",
	"line\nbreak\n",
	"tab\there",
	"back\bspc",
	"\r\n",
	"cr\r",
	"\\",
	"\\n",
	"\xff\xfe\x80",
	"\xc3\xa9",
	"a=b",
	"[x]",
	"\x01\x1b[2J",
	"'single'",
	"trailing\\",
	"many  spaces",
};

static void test_quoting_round_trip(void **state)
{
	AUTO_BUF struct buf text = {0};
	struct fixture f;
	AUTO_FREE char *file = NULL;
	struct err e;

	(void)state;
	fixture_init(&f);
	file = mem_format("%s/config", f.root);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		AUTO_FREE char *sub = mem_format("s%zu \"x\\ ]", i);

		seed_gitconfig_format(&text, "test", sub, "key", values[i]);
	}
	seed_gitconfig_format(&text, "test", NULL, "alone", NULL);
	assert_int_equal(file_create(AT_FDCWD, file, buf_data(&text), buf_len(&text), 0600, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		AUTO_FREE char *key = mem_format("test.s%zu \"x\\ ].key", i);
		AUTO_BUF struct buf got = {0};

		git_get(file, key, &got);
		assert_string_equal(buf_text(&got), values[i]);
	}
	{
		AUTO_BUF struct buf got = {0};

		git_get(file, "test.alone", &got);
		assert_string_equal(buf_text(&got),
				    ""); /* --get-all prints a key that stands alone as nothing */
	}
	fixture_fini(&f);
}

/* Odd values set by git itself survive the whole way. */
static void test_whole_way(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		AUTO_FREE char *file = mem_format("%s/.gitconfig", f.home);
		AUTO_FREE char *key = mem_format("test.S%zu.key", i);
		char *argv[] = {"git", "config", "--file", file, key, (char *)values[i], NULL};
		char *envp[] = {NULL};
		AUTO_BUF struct buf out = {0};
		struct err e;

		assert_int_equal(spawn_output(argv, envp, 100, &out, &e), 0);
	}
	fixture_seed(&f);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		AUTO_FREE char *host = mem_format("%s/.gitconfig", f.home);
		AUTO_FREE char *key = mem_format("test.S%zu.key", i);
		AUTO_BUF struct buf want = {0};

		git_get(host, key, &want);
		assert_git(&f, key, buf_text(&want));
	}
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity_and_includes),
		cmocka_unit_test(test_default_excludes),
		cmocka_unit_test(test_excludes_that_lead_elsewhere),
		cmocka_unit_test(test_local_stays_out),
		cmocka_unit_test(test_hostile_workspace),
		cmocka_unit_test(test_no_git),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_quoting_round_trip),
		cmocka_unit_test(test_whole_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
