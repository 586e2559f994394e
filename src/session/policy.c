#include "session/policy.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"

#include <string.h>

/* Directories of the guest that a workspace may neither be nor lie in: mounting there breaks the guest. Below
 * /tmp, /home, /root, /srv, /mnt, /opt and names the image does not have, anything goes. */
static const char *const policy_guest_system[] = {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64",
						  "/proc", "/run/ccvm", "/run/sshd", "/sbin", "/sys", "/usr", "/nix"};
/* Directories that a workspace may lie in but not be. */
static const char *const policy_guest_parents[] = {"/", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/var",
						   NAME_AGENT_HOME};

static int policy_refuse(struct err *e, const char *remedy)
{
	err_remedy(e, "%s", remedy);
	return err_exit_code(e, ERR_EXIT_POLICY);
}

static int policy_check_guest(const char *workspace, struct err *e)
{
	static const char remedy[] = "start ccvm in a project directory";

	for (size_t i = 0; i < ARRAY_LEN(policy_guest_system); i++)
		if (file_is_within(workspace, policy_guest_system[i])) {
			err_set(e, "the workspace %s would cover the guest's own %s", workspace, policy_guest_system[i]);
			return policy_refuse(e, remedy);
		}
	for (size_t i = 0; i < ARRAY_LEN(policy_guest_parents); i++)
		if (strcmp(workspace, policy_guest_parents[i]) == 0) {
			err_set(e, "the workspace %s is a system directory", workspace);
			return policy_refuse(e, remedy);
		}
	return 0;
}

int policy_check_workspace(const struct policy_paths *p, struct err *e)
{
	AUTO_FREE char *login = mem_format("%s/.credentials.json", p->claude_dir);

	if (strlen(p->workspace) > 2000 || strchr(p->workspace, '\n')) {
		err_set(e, "the workspace's path is too long or holds a newline");
		return policy_refuse(e, "move or rename the directory");
	}
	if (policy_check_guest(p->workspace, e) < 0)
		return -1;
	if (file_is_within(login, p->workspace)) {
		err_set(e, "the workspace %s holds your Claude login (%s), which must not reach a guest", p->workspace, login);
		return policy_refuse(e, "start ccvm in a project directory below it");
	}
	if (file_is_within(p->run_base, p->workspace) || file_is_within(p->workspace, p->run_base)) {
		err_set(e, "the workspace %s holds, or lies in, ccvm's run directory with the keys of running sessions", p->workspace);
		return policy_refuse(e, "start ccvm in a project directory, or point XDG_RUNTIME_DIR elsewhere");
	}
	return 0;
}

int policy_check_projects(const struct policy_paths *p, const char *projects, struct err *e)
{
	AUTO_FREE char *login = mem_format("%s/.credentials.json", p->claude_dir);

	if (!file_is_within(login, projects) && !file_is_within(p->run_base, projects) && !file_is_within(projects, p->run_base))
		return 0;
	err_set(e, "persistClaudeProjects would share %s, which holds your Claude login or the keys of running sessions", projects);
	return policy_refuse(e, "make the projects folder a directory of its own, or set persistClaudeProjects to false");
}
