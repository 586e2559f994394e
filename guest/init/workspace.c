#include "init/boot.h"
#include "init/home.h"
#include "init/seedread.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes the mount point; each parent lets the agent through, also where the image's own directory
 * (such as /root) does not. */
static int workspace_make_path(char *path, struct err *e)
{
	for (char *p = path + 1;; p++) {
		char c = *p;
		struct stat st;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make %s", path);
		if (stat(path, &st) == 0 && !(st.st_mode & S_IXOTH) &&
		    chmod(path, (st.st_mode & 07777) | S_IXOTH) < 0)
			return err_sys(e, "chmod %s", path);
		*p = c;
		if (c == '\0')
			return 0;
	}
}

int workspace_mount(struct boot *b, struct err *e)
{
	int rc;

	if (seedread_path_file(BOOT_SEED_FILE(NAME_SEED_WORKDIR), b->workdir, sizeof(b->workdir),
			       e) < 0 ||
	    workspace_make_path(b->workdir, e) < 0)
		return -1;
	rc = files_bind(NAME_EXPORT_WORKSPACE, b->workdir, 0, e);
	b->workdir_mounted = rc == 0;
	b->workdir_fd = rc == 0 ? open(b->workdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return rc;
}

static int workspace_make_owned(struct boot *b, const char *path, struct err *e)
{
	if (mkdir(path, 0700) == 0 && lchown(path, b->uid, b->gid) < 0)
		return err_sys(e, "chown %s", path);
	return access(path, F_OK) < 0 ? err_sys(e, "make %s", path) : 0;
}

int workspace_mount_projects(struct boot *b, struct err *e)
{
	static const char projects[] = NAME_AGENT_HOME "/.claude/projects";
	AUTO_FREE char *path = NULL;
	char folder[NAME_MAX + 1];

	if (access(BOOT_SEED_FILE(NAME_SEED_PROJECTS), F_OK) != 0)
		return 0;
	if (seedread_folder_file(BOOT_SEED_FILE(NAME_SEED_PROJECTS), folder, sizeof(folder), e) < 0)
		return -1;
	path = mem_format("%s/%s", projects, folder);
	if (workspace_make_owned(b, NAME_AGENT_HOME "/.claude", e) < 0 ||
	    workspace_make_owned(b, projects, e) < 0 || workspace_make_owned(b, path, e) < 0)
		return -1;
	if (files_bind(NAME_EXPORT_PROJECTS, path, 0, e) < 0)
		return -1;
	b->projects = mem_steal_ptr(&path);
	return 0;
}

int workspace_mount_extra(struct boot *b, struct err *e)
{
	static const char file[] = BOOT_SEED_FILE(NAME_SEED_EXTRA);
	AUTO_STRV struct strv lines = {0};

	if (access(file, F_OK) != 0)
		return 0;
	if (seedread_extra_file(file, &lines, e) < 0)
		return -1;
	for (size_t i = 0; i < lines.n; i++) {
		char *path = lines.v[i] + 3;
		AUTO_FREE char *name = mem_format(NAME_EXPORT_EXTRA "%zu", i);

		if (workspace_make_path(path, e) < 0 ||
		    files_bind(name, path, lines.v[i][1] == 'o' ? MS_RDONLY : 0, e) < 0)
			return -1;
		strv_add(&b->extra, path);
	}
	return 0;
}

int workspace_home(struct boot *b, struct err *e)
{
	return home_populate(BOOT_SEED_FILES, BOOT_SEED_SHARE, NAME_AGENT_HOME, b->uid, b->gid, e);
}

int workspace_unmount(struct boot *b, struct err *e)
{
	int rc = 0;

	/* The share is written back after write(2) has returned, so a full disk on the host may not
	 * have been reported: syncfs(2) gives every error since the directory was opened. */
	if (b->workdir_fd >= 0 && syncfs(b->workdir_fd) < 0)
		rc = err_sys(e, "not everything the agent wrote is on the host");
	if (b->workdir_fd >= 0)
		close(b->workdir_fd);
	private_unmount(b);
	sync();
	if (b->workdir_mounted && umount2(b->workdir, 0) < 0)
		umount2(b->workdir, MNT_DETACH);
	if (b->projects)
		umount2(b->projects, MNT_DETACH);
	for (size_t i = b->extra.n; i-- > 0;)
		umount2(b->extra.v[i], MNT_DETACH);
	sync();
	return rc;
}
