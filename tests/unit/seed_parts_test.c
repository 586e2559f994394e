/* areas: base conf seed proto
 * The parts that are one value each, the egress files, the context text, clock and modes. */
#include "unit/seed_fixture.h"

#include <time.h>

#include "base/pack.h"
#include "base/strlist.h"
#include "proto/names.h"

static void test_plain(void **state)
{
	static const char *const args[] = {"-p", "", "two words", "\xff\n*"};
	AUTO_BUF struct buf b = {0};
	AUTO_FREE char *path = NULL;
	struct fixture f;
	struct err e;

	(void)state;
	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(args); i++)
		strlist_add(&f.args, args[i]);
	strv_add(&f.env, "LANG=C.UTF-8");
	strv_add(&f.env, "ANTHROPIC_API_KEY=x");
	strv_add(&f.env, "HOME_ALONE=x");
	fixture_seed(&f);
	fixture_assert(&f, NAME_SEED_WORKDIR, f.work);
	fixture_assert(&f, NAME_SEED_SHELL, "0");
	fixture_assert(&f, NAME_SEED_HOST_UID, "1234");
	fixture_assert(&f, NAME_SEED_HOST_GID, "567");
	fixture_assert(&f, NAME_SEED_AGENT_SUDO, "1");
	fixture_assert(&f, NAME_SEED_ACCEPT_ENV, "LANG\nANTHROPIC_API_KEY\n");
	path = mem_format("%s/%s", f.seed, NAME_SEED_CLAUDE_ARGS);
	assert_int_equal(file_read(AT_FDCWD, path, 1000, &b, &e), 0);
	assert_int_equal(buf_len(&b), 3 + 1 + 10 + 4);
	assert_memory_equal(buf_data(&b), "-p\0\0two words\0\xff\n*\0", buf_len(&b));
	fixture_fini(&f);
}

static void test_absent_by_default(void **state)
{
	static const char *const names[] = {
		NAME_SEED_PROJECTS,	  NAME_SEED_DISK,	  NAME_SEED_CLIPBOARD,
		NAME_SEED_EGRESS_ENFORCE, NAME_SEED_EGRESS_ALLOW, NAME_SEED_EGRESS_PORTS,
		NAME_SEED_CLAUDE_CONFIG,  NAME_SEED_CLAUDE_JSON,  NAME_SEED_GITIGNORE};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_seed(&f);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (fixture_has(&f, names[i]))
			fail_msg("%s is there", names[i]);
	fixture_assert(&f, NAME_SEED_CLAUDE_ARGS, "");
	fixture_fini(&f);
}

static void test_markers(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.conf.persist_claude_projects = true;
	f.conf.writable_cwd = false;
	f.spec.projects = "-srv-project";
	f.spec.pool = true;
	f.spec.shell = true;
	f.spec.agent_sudo = false;
	f.spec.clipboard = true;
	f.spec.clipboard_port = 9180;
	strv_add(&f.conf.egress_allowlist, "example.com");
	strv_add(&f.conf.egress_allowlist, "10.0.0.0/8");
	strv_add(&f.conf.egress_allowlist, "2001:db8::1");
	strv_add(&f.conf.egress_ports, "80");
	fixture_seed(&f);
	fixture_assert(&f, NAME_SEED_PROJECTS, "-srv-project");
	fixture_assert(&f, NAME_SEED_DISK, "1");
	fixture_assert(&f, NAME_SEED_SHELL, "1");
	fixture_assert(&f, NAME_SEED_AGENT_SUDO, "0");
	fixture_assert(&f, NAME_SEED_CLIPBOARD, "9180");
	fixture_assert(&f, NAME_SEED_EGRESS_ENFORCE, "1");
	fixture_assert(&f, NAME_SEED_EGRESS_ALLOW, "10.0.0.0/8\n2001:db8::1\n");
	fixture_assert(&f, NAME_SEED_EGRESS_PORTS, "443,80");
	fixture_fini(&f);
}

static void test_clock_and_entropy(void **state)
{
	AUTO_FREE char *first = NULL;
	AUTO_FREE char *second = NULL;
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;
	struct fixture f;
	struct stat st;
	struct err e;

	(void)state;
	fixture_init(&f);
	fixture_seed(&f);
	path = mem_format("%s/%s", f.seed, NAME_SEED_ENTROPY);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, NAME_SEED_ENTROPY_SIZE);
	first = fixture_get(&f, NAME_SEED_CLOCK);
	fd = open(f.seed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(seed_seal(fd, &e), 0);
	second = fixture_get(&f, NAME_SEED_CLOCK);
	assert_true(strtoll(second, NULL, 10) > strtoll(first, NULL, 10));
	assert_true(strtoll(second, NULL, 10) / 1000000000 - time(NULL) <= 1);
	fixture_fini(&f);
}

/* Counts the entries; each is what the file of its name is. */
static size_t count_packed(const struct fixture *f)
{
	AUTO_FREE char *path = mem_format("%s/%s", f->seed, NAME_SEED_PACK);
	AUTO_BUF struct buf pack = {0};
	struct pack_entry entry;
	struct err e;
	size_t at = 0, count = 0;

	assert_int_equal(file_read(AT_FDCWD, path, NAME_SEED_PACK_MAX, &pack, &e), 0);
	while (pack_next(buf_data(&pack), buf_len(&pack), &at, &entry, &e) == 1) {
		AUTO_FREE char *file = mem_format("%s/%s", f->seed, entry.name);
		AUTO_BUF struct buf bytes = {0};

		assert_int_equal(file_read(AT_FDCWD, file, NAME_SEED_PACK_MAX, &bytes, &e), 0);
		assert_int_equal(entry.n, buf_len(&bytes));
		if (entry.n)
			assert_memory_equal(entry.bytes, buf_data(&bytes), entry.n);
		count++;
	}
	assert_int_equal(at, buf_len(&pack));
	return count;
}

static size_t count_files(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_type == DT_REG;
	closedir(dir);
	return count;
}

/* All files, no folder, not itself; and anew each time. */
static void test_pack(void **state)
{
	AUTO_CLOSE int fd = -1;
	struct fixture f;
	struct err e;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.claude/settings.json", "{}");
	f.conf.share_config = true;
	fixture_seed(&f);
	assert_true(fixture_has(&f, NAME_SEED_CLAUDE_CONFIG));
	fd = open(f.seed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(seed_seal(fd, &e), 0);
	assert_true(count_packed(&f) > 8);
	assert_int_equal(count_packed(&f) + 1, count_files(f.seed));
	fixture_put(&f, "seed/another", "one");
	assert_int_equal(seed_seal(fd, &e), 0);
	assert_int_equal(count_packed(&f) + 1, count_files(f.seed));
	fixture_fini(&f);
}

static void test_seed_not_empty(void **state)
{
	AUTO_CLOSE int fd = -1;
	struct fixture f;
	struct err e;

	(void)state;
	fixture_init(&f);
	fixture_seed(&f);
	fd = open(f.seed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(seed_write(&f.spec, fd, NULL, NULL, &e), -1);
	assert_non_null(strstr(e.text, "seed: options of the run: create workdir"));
	fixture_fini(&f);
}

/* ---- context ---- */

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void test_context_live(void **state)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *mode = NULL;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_seed(&f);
	text = fixture_get(&f, NAME_SEED_CLAUDE_MD);
	mode = mem_format("Project mode: LIVE. Every edit below %s", f.work);
	has(text, mode);
	has(text, "history is discarded");
	has(text, "All storage is memory");
	has(text, "Network: open. A server on the user's own loopback is reached at 10.0.2.2.");
	has(text, "sudo without a password");
	has(text, "logins, SSH keys and cloud credentials are not here");
	fixture_fini(&f);
}

static void test_context_locked(void **state)
{
	AUTO_FREE char *text = NULL;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.conf.writable_cwd = false;
	f.conf.persist_claude_projects = true;
	f.conf.extra_claude_md = mem_strdup("my own words");
	f.spec.pool = true;
	f.spec.agent_sudo = false;
	strv_add(&f.conf.egress_allowlist, "example.com");
	strv_add(&f.conf.egress_allowlist, "10.0.0.0/8");
	fixture_seed(&f);
	text = fixture_get(&f, NAME_SEED_CLAUDE_MD);
	has(text, "Project mode: OVERLAY. Edits below");
	has(text, "history persists");
	has(text, "/scratch is an encrypted disk");
	has(text, "api.anthropic.com, example.com, 10.0.0.0/8 (ports 443)");
	has(text, "a refusal is final");
	has(text, "Ask the user");
	has(text, "Root in this guest: no");
	has(text, "\nmy own words\n");
	assert_null(strstr(text, "made for this session alone"));
	fixture_fini(&f);
}

static void test_context_off(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.conf.extra_claude_md = mem_strdup("");
	fixture_seed(&f);
	assert_false(fixture_has(&f, NAME_SEED_CLAUDE_MD));
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	     cmocka_unit_test(test_absent_by_default),
		cmocka_unit_test(test_markers),	     cmocka_unit_test(test_clock_and_entropy),
		cmocka_unit_test(test_pack),	     cmocka_unit_test(test_seed_not_empty),
		cmocka_unit_test(test_context_live), cmocka_unit_test(test_context_locked),
		cmocka_unit_test(test_context_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
