/* areas: base fs proto
 * Which changes of git's configuration pass. How keys are read is compared with git itself by
 * tests/host/test_fs_policy.py. */
#include "unit/unit.h"

#include "fs/fs_gitconfig.h"

#include <string.h>

static struct fs_gitconfig_bytes bytes(const char *text)
{
	return (struct fs_gitconfig_bytes){text, strlen(text)};
}

/* The refusal, or "". */
static const char *judge(const char *before, const char *after)
{
	static const char *const worktrees[] = {"../../../sub", NULL};
	static char why[FS_GITCONFIG_WHY_MAX];
	const bool may = fs_gitconfig_may_follow(bytes(before), bytes(after), worktrees, why);

	assert_int_equal(may, why[0] == '\0');
	return why;
}

static void test_keys_that_pass(void **state)
{
	static const char *const passes[] = {
		"",
		"# a comment\n; another\n\n",
		"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n",
		"[branch \"a.b/c\"]\n\tremote = origin\n\tmerge = refs/heads/a.b/c\n",
		"[branch \"x\"]\n\tdescription = std::vector\n\tvscode-merge-base = origin/main\n",
		"[remote \"o\"]\n\turl = git@example.org:a/b.git\n\tfetch = "
		"+refs/heads/*:refs/remotes/o/*\n",
		"[remote \"o\"]\n\turl = https://example.org/a\n\tpushurl = "
		"ssh://git@example.org/a\n",
		"[remote \"o\"]\n\turl = ../up.git\n",
		"[remote \"o\"]\n\turl = ssh://[::1]/a\n",
		"[user]\n\tname = A\n\temail = a@example.org\n",
		"[submodule \"s\"]\n\turl = ../s.git\n\tactive = true\n\tupdate = rebase\n",
		"[core]\n\tworktree = ../../../sub\n",
		"[CORE]BARE=true",
		"[extensions]\n\tworktreeConfig = true\n\tobjectFormat = sha256\n",
		"[push]\n\tdefault = current\n[pull]\n\trebase = true\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(passes); i++) {
		if (judge("", passes[i])[0])
			fail_msg("%s: %s", passes[i], judge("", passes[i]));
		assert_string_equal(judge("[alias]\n\tx = !y\n", passes[i]), "");
	}
}

/* Each with the key that is told. */
static void test_keys_that_do_not(void **state)
{
	static const struct {
		const char *text, *key;
	} cases[] = {
		{"[core]\nfsmonitor = x\n", "core.fsmonitor"},
		{"[core]fsmonitor = x", "core.fsmonitor"},
		{"\xef\xbb\xbf[CORE]\r\n\tFsMonitor=x\r\n", "core.fsmonitor"},
		{"[core] # [user]\nname = a\nhooksPath = x\n", "core.name"},
		{"[core]\nhookspath\n", "core.hookspath"},
		{"[core]\nsshCommand = x\npager = y\n", "core.sshcommand"},
		{"[core]\nworktree = ../../../other\n", "core.worktree"},
		{"[core]\nworktree = /home/user\n", "core.worktree"},
		{"[alias]\nst = status\n", "alias.st"},
		{"[alias \"x\"]\ncommand = y\n", "alias.x.command"},
		{"[filter \"lfs\"]\nprocess = git-lfs filter-process\n", "filter.lfs.process"},
		{"[filter.lfs]\nclean = x\n", "filter.lfs.clean"},
		{"[diff \"x\"]\ncommand = y\n", "diff.x.command"},
		{"[diff]\nexternal = y\n", "diff.external"},
		{"[merge \"x\"]\ndriver = y\n", "merge.x.driver"},
		{"[include]\npath = x\n", "include.path"},
		{"[includeIf \"gitdir:/\"]\npath = x\n", "includeif.gitdir:/.path"},
		{"[credential]\nhelper = x\n", "credential.helper"},
		{"[credential \"https://example.org\"]\nusername = x\n",
		 "credential.https://example.org.username"},
		{"[gpg \"ssh\"]\nprogram = x\n", "gpg.ssh.program"},
		{"[url \"ext::x\"]\ninsteadOf = y\n", "url.ext::x.insteadof"},
		{"[remote \"o\"]\nurl = ext::sh -c x\n", "remote.o.url"},
		{"[remote \"o\"]\nurl = EXT://x\n", "remote.o.url"},
		{"[remote \"o\"]\nurl = \"e\"xt::x\n", "remote.o.url"},
		{"[remote \"o\"]\nurl = ext:\\\n:x\n", "remote.o.url"},
		{"[remote \"o\"]\nurl = -x\n", "remote.o.url"},
		{"[remote \"o\"]\nvcs = x\n", "remote.o.vcs"},
		{"[remote \"o\"]\nuploadpack = x\n", "remote.o.uploadpack"},
		{"[branch \"a\"]\nremote = ext::x\n", "branch.a.remote"},
		{"[submodule \"s\"]\nupdate = !x\n", "submodule.s.update"},
		{"[protocol \"ext\"]\nallow = always\n", "protocol.ext.allow"},
		{"[pager]\nlog = x\n", "pager.log"},
		{"[sequence]\neditor = x\n", "sequence.editor"},
		{"[init]\ntemplateDir = x\n", "init.templatedir"},
		{"[hook \"a\"]\ncommand = x\n", "hook.a.command"},
		{"[gc]\nrecentObjectsHook = x\n", "gc.recentobjectshook"},
		{"[lfs]\nstandalonetransferagent = x\n", "lfs.standalonetransferagent"},
		{"[uploadpack]\npackObjectsHook = x\n", "uploadpack.packobjectshook"},
		{"[later]\nkey = x\n", "later.key"},
		{"key = x\n", "key"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *why = mem_format("%s may run a command or read another file",
						 cases[i].key);

		assert_string_equal(judge("", cases[i].text), why);
		assert_string_equal(judge(cases[i].text, cases[i].text), "");
	}
}

static void test_what_changes(void **state)
{
	static const char was[] =
		"[credential]\nhelper = a\nhelper =\nhelper = b\n[alias]\nx = !y\n";
	static const struct {
		const char *after;
		bool may;
	} cases[] = {
		{"[credential]\nhelper = a\nhelper =\nhelper = b\n[alias]\nx = !y\n[user]\nname = "
		 "n\n",
		 true},
		{"[credential]\nhelper = a\nhelper =\nhelper = b\n", true}, /* a key less */
		{"[alias]\nx = !y\n", true},
		{"[alias]\nx = !z\n", false},
		{"[credential]\nhelper = a\nhelper = b\nhelper =\n[alias]\nx = !y\n",
		 false},			       /* another order */
		{"[credential]\nhelper = a\n", false}, /* the reset is gone */
		{"[credential]\nhelper =\nhelper = b\n", false},
		{"[alias]\nx = !y\nx = !y\n", false},
		{"[alias]\nx\n", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if ((judge(was, cases[i].after)[0] == '\0') != cases[i].may)
			fail_msg("%s: %s", cases[i].after, judge(was, cases[i].after));
}

static void test_what_git_cannot_read(void **state)
{
	static const char *const broken[] = {"[core\n",	      "[core]\nx = \"y\n", "[core]\n=\n",
					     "x y\n",	      "[a \"b]\n",	   "[a b]\n",
					     "\xef\xbb[a]\n", "[core]\nx = \\y\n"};
	AUTO_FREE char *huge = mem_alloc(FS_GITCONFIG_MAX + 2);
	char why[FS_GITCONFIG_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken); i++)
		assert_string_equal(judge("", broken[i]), "git cannot read it");
	assert_false(fs_gitconfig_may_follow(bytes(""), (struct fs_gitconfig_bytes){"[a]\0", 4},
					     NULL, why));
	memset(huge, '\n', FS_GITCONFIG_MAX + 1);
	assert_string_equal(judge("", huge), "git cannot read it");
	huge[FS_GITCONFIG_MAX] = '\0';
	assert_string_equal(judge("", huge), "");
}

static void test_attributes(void **state)
{
	char why[FS_GITCONFIG_WHY_MAX];

	(void)state;
	assert_true(fs_gitconfig_attributes_may_follow(
		bytes("*.a filter=x\n"), bytes("*.b text\n*.a filter=x\n# z\n"), why));
	assert_false(fs_gitconfig_attributes_may_follow(bytes("*.a filter=x\n"),
							bytes("*.b filter=x\n"), why));
	assert_false(fs_gitconfig_attributes_may_follow(bytes(""), bytes("* diff=x"), why));
	assert_false(fs_gitconfig_attributes_may_follow(bytes(""), bytes("* merge=x"), why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_that_pass), cmocka_unit_test(test_keys_that_do_not),
		cmocka_unit_test(test_what_changes),   cmocka_unit_test(test_what_git_cannot_read),
		cmocka_unit_test(test_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
