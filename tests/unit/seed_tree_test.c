/* areas: base conf seed proto
 * Copying shared folders: links, loops, odd files, bounds, and speed. */
#include "unit/seed_fixture.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "seed/seed_tree.h"

static void test_links(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "elsewhere/settings", "{\"a\": 1}");
	fixture_put(&f, "elsewhere/cmds/one.md", "one");
	fixture_put(&f, "home/.claude/agents/real.md", "real");
	fixture_link(&f, "../../elsewhere/settings", "home/.claude/settings.json");
	fixture_link(&f, "../../elsewhere/cmds", "home/.claude/commands");
	fixture_link(&f, "real.md", "home/.claude/agents/alias.md");
	fixture_link(&f, "/nonexistent/x", "home/.claude/agents/dangling.md");
	fixture_link(&f, "self.md", "home/.claude/agents/self.md");
	fixture_put(&f, "home/.claude/agents/sub/x.md", "x");
	fixture_put(&f, "home/.claude/agents/sub/deep/x.md", "x");
	fixture_link(&f, "..", "home/.claude/agents/sub/deep/loop");
	fixture_link(&f, "..", "home/.claude/agents/sub/out");
	fixture_seed(&f);
	fixture_assert(&f, "claude-config/settings.json", "{\"a\": 1}");
	fixture_assert(&f, "claude-config/commands/one.md", "one");
	fixture_assert(&f, "claude-config/agents/alias.md", "real");
	fixture_assert_noted(&f, "agents/dangling.md is not shared: No such file");
	fixture_assert_noted(&f, "agents/self.md is not shared: Too many levels");
	fixture_assert_noted(
		&f,
		"agents/sub/deep/loop is not shared: a link that leads back to a folder it is in");
	fixture_assert_noted(&f,
			     "agents/sub/out is not shared: a link that leads out of its folder");
	fixture_fini(&f);
}

static void make_socket(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

static void test_odd_files(void **state)
{
	struct fixture f;
	AUTO_FREE char *fifo = NULL;
	AUTO_FREE char *sock = NULL;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.claude/skills/x.md", "x");
	fixture_put(&f, "home/.claude/agents", "a file where a folder belongs");
	fixture_put(&f, "home/.claude/keybindings.json/oops", "a folder where a file belongs");
	fifo = mem_format("%s/home/.claude/skills/fifo", f.root);
	sock = mem_format("%s/home/.claude/skills/sock", f.root);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	make_socket(sock);
	fixture_link(&f, "/dev/zero", "home/.claude/skills/zero");
	fixture_link(&f, "/dev/zero", "home/.claude/CLAUDE.md");
	fixture_seed(&f);
	fixture_assert(&f, "claude-config/skills/x.md", "x");
	fixture_assert_noted(&f, "skills/fifo is not shared: neither");
	fixture_assert_noted(&f, "skills/sock is not shared: neither");
	fixture_assert_noted(&f, "skills/zero is not shared: neither");
	fixture_assert_noted(&f, "CLAUDE.md is not shared: neither");
	fixture_assert_noted(&f, "agents is not shared: not a directory");
	fixture_assert_noted(&f, "keybindings.json is not shared: not a file");
	assert_false(fixture_has(&f, "claude-config/keybindings.json"));
	fixture_fini(&f);
}

static void test_unreadable(void **state)
{
	struct fixture f;
	AUTO_FREE char *path = NULL;

	bool root = geteuid() == 0;

	(void)state;
	if (root)
		assert_int_equal(seteuid(65534), 0); /* root reads everything */
	fixture_init(&f);
	fixture_put(&f, "home/.claude/skills/x.md", "x");
	fixture_put(&f, "home/.claude/skills/closed.md", "x");
	path = mem_format("%s/home/.claude/skills/closed.md", f.root);
	chmod(path, 0);
	fixture_seed(&f);
	fixture_assert(&f, "claude-config/skills/x.md", "x");
	fixture_assert_noted(&f, "skills/closed.md is not shared: Permission denied");
	fixture_fini(&f);
	if (root)
		assert_int_equal(seteuid(0), 0);
}

static void test_modes_and_names(void **state)
{
	struct fixture f;
	AUTO_FREE char *script = NULL;
	AUTO_FREE char *staged = NULL;
	struct stat st;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.claude/skills/run.sh", "#!/bin/sh\n");
	fixture_put(&f, "home/.claude/skills/odd\n\x1b[2J\xff name", "odd");
	fixture_link(&f, "/nonexistent", "home/.claude/skills/esc\x1b[2J");
	script = mem_format("%s/home/.claude/skills/run.sh", f.root);
	staged = mem_format("%s/claude-config/skills/run.sh", f.seed);
	chmod(script, 0755);
	fixture_seed(&f);
	assert_int_equal(stat(staged, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	fixture_assert(&f, "claude-config/skills/odd\n\x1b[2J\xff name", "odd");
	fixture_assert_noted(&f, "skills/esc\\x1b[2J is not shared");
	fixture_fini(&f);
}

/* ---- bounds ---- */

static void copy_with(struct fixture *f, const struct seed_tree_limits *limits)
{
	struct seed_run run = {.spec = &f->spec, .note = fixture_on_note, .note_ctx = f};
	AUTO_CLOSE int from = open(f->claude, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int to = -1;
	struct seed_tree t;
	struct err e;

	mkdir(f->seed, 0700);
	to = open(f->seed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	seed_tree_init(&t, &run, limits);
	assert_int_equal(seed_tree_copy_dir(&t, from, "skills", to, "skills", &e), 0);
	seed_tree_finish(&t);
	assert_true(t.files <= limits->files);
	assert_true(t.bytes <= limits->bytes);
}

static void test_bounds(void **state)
{
	static const struct {
		struct seed_tree_limits limits;
		const char *note;
	} cases[] = {
		{{.files = 3, .bytes = 1 << 20, .file_bytes = 1 << 20, .depth = 9},
		 "sharing stops at"},
		{{.files = 99, .bytes = 20, .file_bytes = 1 << 20, .depth = 9}, "sharing stops at"},
		{{.files = 99, .bytes = 1 << 20, .file_bytes = 5, .depth = 9}, "larger than"},
		{{.files = 99, .bytes = 1 << 20, .file_bytes = 1 << 20, .depth = 2},
		 "more than 2 folders deep"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;

		fixture_init(&f);
		for (int k = 0; k < 8; k++) {
			AUTO_FREE char *name = mem_format("home/.claude/skills/f%d", k);

			fixture_put(&f, name, "ten bytes!");
		}
		fixture_put(&f, "home/.claude/skills/a/b/c", "x");
		copy_with(&f, &cases[i].limits);
		fixture_assert_noted(&f, cases[i].note);
		fixture_fini(&f);
	}
}

static void test_notes_are_bounded(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.claude/skills/x.md", "x");
	for (int i = 0; i < 500; i++) {
		AUTO_FREE char *name = mem_format("home/.claude/skills/broken%d", i);

		fixture_link(&f, "/nonexistent", name);
	}
	fixture_seed(&f);
	assert_true(f.notes.n < 20);
	fixture_assert_noted(&f, "484 more files were not shared");
	fixture_fini(&f);
}

/* Folders that link to each other grow with each level; the bound on entries stops that. */
static void test_link_maze_ends(void **state)
{
	static const struct seed_tree_limits limits = {
		.files = 2000, .bytes = 1 << 20, .file_bytes = 1 << 20, .depth = 32};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (int i = 0; i < 8; i++) {
		AUTO_FREE char *file = mem_format("maze/%d/f", i);

		fixture_put(&f, file, "x");
		for (int k = 0; k < 8; k++) {
			AUTO_FREE char *target = mem_format("../%d", k);
			AUTO_FREE char *link = mem_format("maze/%d/to%d", i, k);

			fixture_link(&f, target, link);
		}
	}
	fixture_put(&f, "home/.claude/skills/x", "x");
	fixture_link(&f, "../../../maze", "home/.claude/skills/m");
	copy_with(&f, &limits);
	fixture_assert_noted(&f, "sharing stops at");
	fixture_fini(&f);
}

/* Links into secret places are refused at any depth, whoever made them. */
static void test_links_into_secret_places(void **state)
{
	static const char *const places[] = {".mozilla/firefox/p", ".config/google-chrome/Default",
					     ".local/share/keyrings", ".config/rclone",
					     "Documents"};
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_put(&f, "home/.claude/skills/s/SKILL.md", "harmless");
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		AUTO_FREE char *file = mem_format("home/%s/data", places[i]),
			       *to_dir = mem_format("../../../%s", places[i]),
			       *to_file = mem_format("../../../%s/data", places[i]),
			       *dir_link = mem_format("home/.claude/skills/s/d%zu", i),
			       *file_link = mem_format("home/.claude/skills/s/f%zu", i),
			       *own_dir = mem_format("home/.claude/skills/e%zu", i);

		fixture_put(&f, file, "PRIVATE-WalnutStork");
		fixture_link(&f, to_dir, dir_link);
		fixture_link(&f, to_file, file_link);
		if (strcmp(places[i], "Documents") !=
		    0) /* an entry of the folder itself is the user's own link */
			fixture_link(&f, to_dir + 3, own_dir);
	}
	fixture_seed(&f);
	fixture_assert_absent(&f, "PRIVATE-WalnutStork");
	fixture_assert(&f, "claude-config/skills/s/SKILL.md", "harmless");
	fixture_fini(&f);
}

/* ---- speed ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_five_thousand_files(void **state)
{
	struct fixture f;
	double start;
	double took;

	(void)state;
	fixture_init(&f);
	for (int i = 0; i < 5000; i++) {
		AUTO_FREE char *name = mem_format("home/.claude/skills/s%d/f%d.md", i / 50, i);

		fixture_put(&f, name, "a small file of a skill\n");
	}
	start = now();
	fixture_seed(&f);
	took = now() - start;
	print_message("5000 files staged in %.3f s\n", took);
	fixture_assert(&f, "claude-config/skills/s99/f4999.md", "a small file of a skill\n");
	assert_int_equal(f.notes.n, 0);
	assert_true(took < 60.0); /* a deadline, not a figure: what is quadratic takes longer */
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_modes_and_names),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_notes_are_bounded),
		cmocka_unit_test(test_link_maze_ends),
		cmocka_unit_test(test_links_into_secret_places),
		cmocka_unit_test(test_five_thousand_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
