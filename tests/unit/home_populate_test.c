/* areas: base conf seed proto
 * files: guest/init/seedread.c guest/init/home.c
 * The agent's home from a seed: the host's writer and the guest's reader together, and a seed
 * nobody would write. */
#include "unit/seed_fixture.h"

#include "init/home.h"
#include "proto/names.h"

static char *guest_home(const struct fixture *f)
{
	char *home = mem_format("%s/guest", f->root);

	assert_int_equal(mkdir(home, 0700), 0);
	return home;
}

static void assert_file(const char *home, const char *name, const char *content)
{
	AUTO_FREE char *path = mem_format("%s/%s", home, name);
	AUTO_BUF struct buf b = {0};
	struct stat st;
	struct err e;

	if (file_read(AT_FDCWD, path, 1 << 20, &b, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(buf_text(&b), content);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0200, 0200); /* writable */
}

static uid_t agent_uid(void)
{
	return geteuid() == 0 ? 4321 : geteuid();
}

static void populate(const struct fixture *f, const char *home)
{
	struct err e;

	if (home_populate(f->seed, f->seed, home, agent_uid(), getegid(), &e) < 0)
		fail_msg("%s", e.text);
}

static void test_whole(void **state)
{
	AUTO_FREE char *home = NULL;
	AUTO_FREE char *context = NULL;
	AUTO_FREE char *memory = NULL;
	AUTO_FREE char *script = NULL;
	struct fixture f;
	struct stat st;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.claude/settings.json", "{\"a\": 1}");
	fixture_put(&f, "home/.claude/CLAUDE.md", "host memory");
	fixture_put(&f, "home/.claude/commands/sub/x.md", "command");
	fixture_put(&f, "home/.claude/skills/run.sh", "#!/bin/sh\n");
	fixture_put(&f, "home/.claude.json", "{\"numStartups\": 1}");
	fixture_put(&f, "home/.gitconfig", "[user]\n\tname = Ada\n");
	fixture_put(&f, "home/.config/git/ignore", "*.o\n");
	script = mem_format("%s/home/.claude/skills/run.sh", f.root);
	chmod(script, 0755);
	f.conf.share_config = true;
	fixture_seed(&f);
	home = guest_home(&f);
	populate(&f, home);

	context = fixture_get(&f, NAME_SEED_CLAUDE_MD);
	memory = mem_format("host memory\n\n%s", context);
	assert_file(home, ".claude/settings.json", "{\"a\": 1}");
	assert_file(home, ".claude/CLAUDE.md", memory);
	assert_file(home, ".claude/commands/sub/x.md", "command");
	assert_file(home, ".claude.json", "{\"numStartups\": 1}");
	assert_file(home, ".config/git/ignore", "*.o\n");
	free(script);
	script = mem_format("%s/.claude/skills/run.sh", home);
	assert_int_equal(stat(script, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(st.st_uid, agent_uid());
	free(script);
	script = mem_format("%s/.config/git", home);
	assert_int_equal(stat(script, &st), 0);
	assert_int_equal(st.st_uid, agent_uid());
	fixture_fini(&f);
}

static void test_context_alone(void **state)
{
	AUTO_FREE char *home = NULL;
	AUTO_FREE char *context = NULL;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_seed(&f);
	home = guest_home(&f);
	populate(&f, home);
	context = fixture_get(&f, NAME_SEED_CLAUDE_MD);
	assert_file(home, ".claude/CLAUDE.md", context);
	fixture_fini(&f);
}

static void test_nothing_is_clobbered(void **state)
{
	AUTO_FREE char *home = NULL;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.claude/settings.json", "{\"from\": \"host\"}");
	fixture_put(&f, "home/.gitconfig", "[user]\n\tname = Ada\n");
	f.conf.extra_claude_md = mem_strdup("");
	fixture_seed(&f);
	fixture_put(&f, "guest/.claude/settings.json", "mine");
	fixture_put(&f, "guest/.claude/CLAUDE.md", "mine too");
	fixture_put(&f, "guest/.gitconfig", "mine as well");
	home = mem_format("%s/guest", f.root);
	populate(&f, home);
	assert_file(home, ".claude/settings.json", "mine");
	assert_file(home, ".claude/CLAUDE.md", "mine too");
	assert_file(home, ".gitconfig", "mine as well");
	fixture_fini(&f);
}

/* A seed with links, a home with links: nothing outside either is read or written. */
static void test_links_are_not_followed(void **state)
{
	AUTO_FREE char *home = NULL;
	struct fixture f;
	struct err e;

	(void)state;
	fixture_init(&f);
	home = guest_home(&f);
	fixture_put(&f, "outside/secret", "secret");
	fixture_put(&f, "outside/target", "untouched");
	fixture_put(&f, "seed/claude-config/commands/good.md", "good");
	fixture_put(&f, "seed/claude-config/agents/evil.md", "evil");
	fixture_put(&f, "seed/claude-md", "context");
	fixture_link(&f, "../../../outside/secret", "seed/claude-config/commands/link.md");
	fixture_link(&f, "../../outside", "seed/claude-config/skills");
	fixture_link(&f, "../outside/secret", "seed/claude-json");
	fixture_put(&f, "guest/.claude/x", "");
	fixture_link(&f, "../../outside", "guest/.claude/agents");
	fixture_link(&f, "../../outside/target", "guest/.claude/CLAUDE.md");
	assert_int_equal(home_populate(f.seed, f.seed, home, agent_uid(), getegid(), &e), -1);
	assert_non_null(strstr(e.text, "home: "));
	assert_file(home, ".claude/commands/good.md", "good");
	assert_file(f.root, "outside/target", "untouched");
	assert_int_not_equal(faccessat(AT_FDCWD, home, F_OK, 0), -1);
	{
		AUTO_FREE char *evil = mem_format("%s/outside/evil.md", f.root);
		AUTO_FREE char *link = mem_format("%s/.claude/commands/link.md", home);
		AUTO_FREE char *skills = mem_format("%s/.claude/skills", home);
		AUTO_FREE char *json = mem_format("%s/.claude.json", home);

		assert_int_equal(access(evil, F_OK), -1);
		assert_int_equal(access(link, F_OK), -1);
		assert_int_equal(access(skills, F_OK), -1);
		assert_int_equal(access(json, F_OK), -1);
	}
	fixture_fini(&f);
}

static void test_deep_seed(void **state)
{
	AUTO_FREE char *home = NULL;
	AUTO_BUF struct buf path = {0};
	struct fixture f;
	struct err e;

	(void)state;
	fixture_init(&f);
	home = guest_home(&f);
	buf_addf(&path, "seed/claude-config");
	for (int i = 0; i < 100; i++)
		buf_addf(&path, "/d");
	buf_addf(&path, "/file");
	fixture_put(&f, buf_text(&path), "deep");
	fixture_put(&f, "seed/gitconfig", "[user]\n");
	assert_int_equal(home_populate(f.seed, f.seed, home, agent_uid(), getegid(), &e), -1);
	assert_non_null(strstr(e.text, "nested deeper"));
	assert_file(home, ".gitconfig", "[user]\n"); /* the rest is there all the same */
	fixture_fini(&f);
}

static void test_no_seed(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(home_populate("/nonexistent", "/tmp", "/tmp", 0, 0, &e), -1);
	assert_non_null(strstr(e.text, "/nonexistent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_context_alone),
		cmocka_unit_test(test_nothing_is_clobbered),
		cmocka_unit_test(test_links_are_not_followed),
		cmocka_unit_test(test_deep_seed),
		cmocka_unit_test(test_no_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
