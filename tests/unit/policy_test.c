/* areas: base
 * files: src/session/policy.c src/conf/user_place.c
 * Where ccvm may be started, and where not: by path, what the guest has there; by device and
 * inode, what is the user's. */
#include "unit/unit.h"

#include "session/policy.h"

#include <fcntl.h>
#include <stdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* ---- what the guest has at a path ---- */

static const struct {
	const char *workspace;
	const char *reason; /* part of the text; NULL: allowed */
} paths[] = {
	{"/home/user/project", NULL},
	{"/home/other", NULL},
	{"/root/project", NULL},
	{"/srv/x", NULL},
	{"/tmp/x", NULL},
	{"/opt/x", NULL},
	{"/mnt", NULL},
	{"/work", NULL},
	{"/usrlocal", NULL},
	{"/etcetera/x", NULL},
	{"/home/ccvm/x", NULL},
	{"/run/user/1000/other", NULL},
	{"/home/user/\xff name, with all sorts", NULL},
	{"/usr", "cover the guest's own /usr"},
	{"/usr/src/linux", "cover the guest's own /usr"},
	{"/etc", "cover the guest's own /etc"},
	{"/bin", "cover the guest's own /bin"},
	{"/lib64/x", "cover the guest's own /lib64"},
	{"/proc/self", "cover the guest's own /proc"},
	{"/sys", "cover the guest's own /sys"},
	{"/dev/shm", "cover the guest's own /dev"},
	{"/boot", "cover the guest's own /boot"},
	{"/nix/store/x", "cover the guest's own /nix"},
	{"/run/ccvm/x", "cover the guest's own /run/ccvm"},
	{"/run/sshd", "cover the guest's own /run/sshd"},
	{"/", "system directory"},
	{"/home", "system directory"},
	{"/root", "system directory"},
	{"/run", "system directory"},
	{"/tmp", "system directory"},
	{"/var", "system directory"},
	{"/opt", "system directory"},
	{"/srv", "system directory"},
	{"/home/ccvm", "system directory"},
	{"/home/user/a\nb", "control character"},
	{"/home/user/a\tb", "control character"},
	{"/home/user/a\x1b[2Jb", "control character"},
	{"relative", "not absolute"},
};

static void check(const char *workspace, int rc, const char *reason, const struct err *e)
{
	if (rc != (reason ? -1 : 0) || (reason && !strstr(e->text, reason)))
		fail_msg("%.200s: got %d (%s), wanted %s", workspace, rc, rc ? e->text : "",
			 reason ? reason : "no objection");
	if (reason && (e->exit_code != ERR_EXIT_POLICY || !e->remedy[0]))
		fail_msg("%.200s: exit code %d, remedy \"%s\"", workspace, e->exit_code, e->remedy);
}

static void check_path(const char *workspace, const char *reason)
{
	struct err e = {0};

	check(workspace, policy_check_path(NULL, workspace, &e), reason, &e);
}

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		check_path(paths[i].workspace, paths[i].reason);
}

static void test_length(void **state)
{
	char path[2002];

	(void)state;
	memset(path, 'd', sizeof(path));
	memcpy(path, "/w/", 3);
	path[2000] = '\0';
	check_path(path, NULL);
	path[2000] = 'd';
	path[2001] = '\0';
	check_path(path, "too long");
}

/* ---- what is the user's ---- */

/* A home whose claude directory is elsewhere, whose cache and keys are links, and which has no
 * ccvm configuration yet. */
static int make_home(void **state)
{
	/* clang-format off */
	static const char *const dirs[] = {
		"home", "home/project", "home/.claude", "home/.claude/skills",
		"home/.claude/projects", "home/.config", "home/.config/app", "home/.aws",
		"home/dotfiles", "home/dotfiles/ssh", "home/dotfiles/vim", "elsewhere",
		"elsewhere/claude", "elsewhere/claude/x", "big", "big/cache", "big/cache/ccvm",
		"big/cache/ccvm/images", "big/saved", "otherhome/.ssh", "otherhome/project",
		"home/.config/systemd/user", "big/other", "run", "run/ccvm", "run/ccvm/bababa",
		"run/other", "images", "images/mine", "images/mine/deep", "images/other",
		"home/.local", "home/.local/state", "home/.local/state/ccvm",
		"home/.local/state/ccvm/worktrees", "home/.mozilla",
	};
	/* clang-format on */
	static const char *const files[] = {"home/.claude/.credentials.json",
					    "elsewhere/claude/.credentials.json",
					    "home/dotfiles/netrc"};

	if (unit_make_dir(state) < 0)
		return -1;
	unit_make_tree(dirs, ARRAY_LEN(dirs), files, ARRAY_LEN(files));
	{
		AUTO_FREE char *ssh = unit_path("home/.ssh"), *cache = unit_path("home/.cache"),
			       *netrc = unit_path("home/.netrc"),
			       *skills = unit_path("home/innocent"),
			       *back = unit_path("elsewhere/back");

		return symlink("dotfiles/ssh", ssh) < 0 || symlink("../big/cache", cache) < 0 ||
				       symlink("dotfiles/netrc", netrc) < 0 ||
				       symlink(".aws", skills) < 0 || symlink("../home", back) < 0
			       ? -1
			       : 0;
	}
}

static const struct {
	const char *workspace; /* below the test's directory */
	const char *reason;
} shares[] = {
	{"home/project", NULL},
	{"home/.config/app", NULL},
	{"home/.claude/skills", "lies in claude's settings"},
	{"home/.claude/projects", "lies in claude's settings"},
	{"otherhome", "holds your Claude login"},
	{"otherhome/.ssh", "your SSH keys"},
	{"otherhome/project", NULL},
	{"home/.config/systemd/user", "services that run as you"},
	{"home/dotfiles/vim", NULL},
	{"elsewhere/claude/x", "lies in claude's settings"},
	{"big/other", NULL},
	{"big/saved", "the saved guests"},
	{"run/other", NULL},
	{"images/other", NULL},
	{"home/.local/state/ccvm/worktrees", NULL},
	{"home", "holds your Claude login"},
	{"home/.claude", "holds your Claude login"}, /* although CLAUDE_CONFIG_DIR is elsewhere */
	{"elsewhere/claude", "holds your Claude login"},
	{"elsewhere", "holds your Claude login"},
	{"elsewhere/back", "holds your Claude login"}, /* by another way */
	{".", "holds your Claude login"},
	{"home/.ssh", "your SSH keys"},
	{"home/dotfiles/ssh", "your SSH keys"},
	{"home/dotfiles", "holds"}, /* both .netrc and .ssh lead there */
	{"home/.aws", "AWS credentials"},
	{"home/innocent", "AWS credentials"},
	{"home/.mozilla", "your browser's profile"},
	{"home/.config", "holds ccvm's configuration"}, /* also before there is one */
	{"home/.local/state/ccvm", "ccvm's state directory"},
	{"home/.local/state", "ccvm's state directory"},
	{"home/.cache", "images and templates"},
	{"home/.cache/ccvm", "images and templates"},
	{"home/.cache/ccvm/images", "lies in the images and templates"},
	{"big", "holds the images and templates"},
	{"run", "keys of running sessions"},
	{"run/ccvm", "keys of running sessions"},
	{"run/ccvm/bababa", "lies in ccvm's run directory"},
	{"images", "holds the guest image"},
	{"images/mine", "the guest image"},
	{"images/mine/deep", "lies in the guest image"},
};

#define LISTED "extraDirs"

static int share(const char *name, const char *option, struct err *e)
{
	AUTO_FREE char *path = unit_path(name), *home = unit_path("home"),
		       *claude = unit_path("elsewhere/claude"),
		       *config = unit_path("home/.config/ccvm/config.json"),
		       *run = unit_path("run/ccvm"), *cache = unit_path("home/.cache/ccvm"),
		       *state = unit_path("home/.local/state/ccvm"),
		       *image = unit_path("images/mine"), *templates = unit_path("big/saved"),
		       *own_home = unit_path("otherhome");
	const struct user_dirs dirs = {home,  own_home, claude,	   config, run,
				       cache, state,	templates, image};
	AUTO_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return option && strcmp(option, LISTED) == 0
		       ? policy_check_listed(fd, path, option, &dirs, e)
		       : policy_check_shared(fd, path, option, &dirs, e);
}

static void test_shares(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
		struct err e = {0};

		check(shares[i].workspace, share(shares[i].workspace, NULL, &e), shares[i].reason,
		      &e);
	}
}

static void test_option(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(share("home/.claude/projects", "persistClaudeProjects", &e), 0);
	assert_int_equal(share("home/.claude", "persistClaudeProjects", &e), -1);
	assert_non_null(strstr(e.text, "persistClaudeProjects would share"));
	assert_non_null(strstr(e.remedy, "set persistClaudeProjects to false"));
	assert_int_equal(e.exit_code, ERR_EXIT_POLICY);
}

/* As strict as with a workspace, with another remedy. */
static void test_listed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
		struct err e = {0};
		const int rc = share(shares[i].workspace, LISTED, &e);

		assert_int_equal(rc, shares[i].reason ? -1 : 0);
		if (rc < 0)
			assert_string_equal(e.remedy, "take it out of extraDirs");
	}
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct err e = {0};

		check(paths[i].workspace, policy_check_path(LISTED, paths[i].workspace, &e),
		      paths[i].reason ? "" : NULL, &e);
	}
}

/* What was opened is judged, not what its name leads to by then. */
static void test_exchanged(void **state)
{
	AUTO_FREE char *project = unit_path("home/project"), *aside = unit_path("home/aside"),
		       *home = unit_path("home"), *aws = unit_path("home/.aws");
	const struct user_dirs dirs = {.home = home};
	AUTO_CLOSE int good = open(project, O_PATH | O_DIRECTORY | O_CLOEXEC),
		       bad = open(aws, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err e;

	(void)state;
	assert_int_equal(rename(project, aside), 0);
	assert_int_equal(symlink(".aws", project), 0);
	assert_int_equal(policy_check_shared(good, project, NULL, &dirs, &e), 0);
	assert_int_equal(policy_check_shared(bad, project, NULL, &dirs, &e), -1);
	assert_int_equal(unlink(project), 0);
	assert_int_equal(rename(aside, project), 0);
}

/* In a mount namespace of its own, where a mount ends with this child. */
static int share_with_mount(void *source)
{
	AUTO_FREE char *from = unit_path(source), *at = unit_path("home/project/mnt");
	struct err e = {0};

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(from, at, NULL, MS_BIND, NULL) < 0)
		return 3;
	return share("home/project", NULL, &e) < 0 ? 1 : 0;
}

static void test_mounts(void **state)
{
	AUTO_FREE char *at = unit_path("home/project/mnt");

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can mount: mounts below a workspace were NOT tried\n");
		skip();
	}
	assert_int_equal(mkdir(at, 0700), 0);
	assert_int_equal(WEXITSTATUS(unit_child(share_with_mount, "home")), 1);
	assert_int_equal(WEXITSTATUS(unit_child(share_with_mount, "home/.aws")), 1);
	assert_int_equal(WEXITSTATUS(unit_child(share_with_mount, "big/cache")), 1);
	assert_int_equal(WEXITSTATUS(unit_child(share_with_mount, "big/other")), 0);
	assert_int_equal(rmdir(at), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),  cmocka_unit_test(test_length),
		cmocka_unit_test(test_shares), cmocka_unit_test(test_option),
		cmocka_unit_test(test_listed), cmocka_unit_test(test_exchanged),
		cmocka_unit_test(test_mounts)};

	return cmocka_run_group_tests(tests, make_home, unit_remove_dir);
}
