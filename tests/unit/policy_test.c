/* areas: base
 * files: src/session/policy.c
 * Where ccvm may be started, and where not. */
#include "unit/unit.h"

#include "session/policy.h"

static const struct {
	const char *workspace;
	const char *reason; /* part of the text; NULL: allowed */
} cases[] = {
    {"/home/user/project", NULL},
    {"/home/user/.claude/projects", NULL}, /* beside the login */
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
    {"/home/user/\xff\x1b name, with all sorts", NULL},
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
    {"/home/user", "Claude login (/home/user/.claude/.credentials.json)"},
    {"/home/user/.claude", "Claude login"},
    {"/home/user/.claude/.credentials.json", "Claude login"},
    {"/run/user", "run directory"},
    {"/run/user/1000", "run directory"},
    {"/run/user/1000/ccvm", "run directory"},
    {"/home/user/a\nb", "newline"},
};

static void check(const char *workspace, const char *reason)
{
	const struct policy_paths p = {workspace, "/home/user/.claude", "/run/user/1000/ccvm"};
	struct err e = {0};
	int rc = policy_check_workspace(&p, &e);

	if (rc != (reason ? -1 : 0) || (reason && !strstr(e.text, reason)))
		fail_msg("%.200s: got %d (%s), wanted %s", workspace, rc, e.text,
			 reason ? reason : "no objection");
	if (reason && (e.exit_code != ERR_EXIT_POLICY || !e.remedy[0]))
		fail_msg("%.200s: exit code %d, remedy \"%s\"", workspace, e.exit_code, e.remedy);
}

static void test_workspaces(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(cases[i].workspace, cases[i].reason);
}

static void test_length(void **state)
{
	char path[2002];

	(void)state;
	memset(path, 'd', sizeof(path));
	memcpy(path, "/w/", 3);
	path[2000] = '\0';
	check(path, NULL);
	path[2000] = 'd';
	path[2001] = '\0';
	check(path, "too long");
}

static void test_projects(void **state)
{
	static const struct {
		const char *projects;
		bool refused;
	} rows[] = {{"/home/user/.claude/projects", false}, {"/mnt/transcripts", false}, {"/home/user/.claude2", false},
		    {"/home/user/.claude", true},	    {"/home/user", true},	 {"/", true},
		    {"/run/user/1000", true},		    {"/run/user/1000/ccvm/bababa", true}};
	const struct policy_paths p = {"/w", "/home/user/.claude", "/run/user/1000/ccvm"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = {0};

		if ((policy_check_projects(&p, rows[i].projects, &e) < 0) != rows[i].refused)
			fail_msg("%s: %s", rows[i].projects, e.text);
		if (rows[i].refused && (e.exit_code != ERR_EXIT_POLICY || !strstr(e.text, rows[i].projects) || !e.remedy[0]))
			fail_msg("%s: code %d, %s (%s)", rows[i].projects, e.exit_code, e.text, e.remedy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_workspaces), cmocka_unit_test(test_length),
					   cmocka_unit_test(test_projects)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
