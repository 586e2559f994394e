#include "session/policy.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/mounts.h"
#include "base/place.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define POLICY_PATH_MAX 2000

/* Directories of the guest that a workspace may neither be nor lie in: mounting there breaks the
 * guest. Below /tmp, /home, /root, /srv, /mnt, /opt and names the image does not have, anything
 * goes. */
static const char *const policy_guest_system[] = {
	"/bin",	 "/boot",     "/dev",	   "/etc",  "/lib", "/lib32", "/lib64",
	"/proc", "/run/ccvm", "/run/sshd", "/sbin", "/sys", "/usr",   "/nix"};
/* Directories that a workspace may lie in but not be. */
static const char *const policy_guest_parents[] = {"/",	   "/home", "/opt", "/root",	    "/run",
						   "/srv", "/tmp",  "/var", NAME_AGENT_HOME};

static int policy_refuse(struct err *e, const char *remedy)
{
	err_remedy(e, "%s", remedy);
	return err_exit_code(e, ERR_EXIT_POLICY);
}

static int policy_check_guest(const char *what, const char *path, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(policy_guest_system); i++)
		if (file_is_within(path, policy_guest_system[i]))
			return err_set(e, "%s %s would cover the guest's own %s", what, path,
				       policy_guest_system[i]);
	for (size_t i = 0; i < ARRAY_LEN(policy_guest_parents); i++)
		if (strcmp(path, policy_guest_parents[i]) == 0)
			return err_set(e, "%s %s is a system directory", what, path);
	return 0;
}

static bool policy_has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

int policy_check_path(const char *option, const char *path, struct err *e)
{
	static const char workspace[] = "the workspace";
	const char *what = option ? option : workspace;

	if (path[0] != '/' || strlen(path) > POLICY_PATH_MAX) {
		err_set(e, "%s's path is not absolute, or too long", what);
		return policy_refuse(e, "move the directory");
	}
	/* The guest reads the path from a file and mounts the directory there. */
	if (policy_has_control(path)) {
		err_set(e, "%s's path contains a control character, which a guest cannot mount",
			what);
		return policy_refuse(e, "rename the directory");
	}
	if (policy_check_guest(what, path, e) == 0)
		return 0;
	return option ? policy_refuse(e, "list another directory")
		      : policy_refuse(e, "start ccvm in a project directory");
}

/* ---- what is the user's ---- */

struct policy_shared {
	int fd;
	struct place place;
	const char *path, *option;
	bool strict; /* as a workspace is */
	struct err *e;
};

/* The directory that stands for a place: itself, the directory of a file, or the deepest one on
 * the way to what does not exist yet. -1: there is none. *exists tells whether the place is that
 * directory. */
static int policy_open_place(const char *path, bool *exists)
{
	AUTO_CLOSE int fd = place_open_deepest(path, exists);
	AUTO_FREE char *real = NULL;
	struct err ignored;
	struct stat st;
	char *slash;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return mem_steal_fd(&fd);
	*exists = false;
	real = place_path(fd, &ignored);
	if (!real)
		return -1;
	slash = strrchr(real, '/');
	slash[slash == real] = '\0';
	return open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void policy_refuse_place(const struct policy_shared *s, const struct user_place *p,
				const char *how)
{
	if (s->option)
		err_set(s->e, "%s would share %s, which %s %s (%s)", s->option, s->path, how,
			p->what, p->path);
	else
		err_set(s->e, "the workspace %s %s %s (%s), which must not reach a guest", s->path,
			how, p->what, p->path);
	err_exit_code(s->e, ERR_EXIT_POLICY);
	if (s->option)
		err_remedy(s->e,
			   s->strict ? "take it out of %s"
				     : "use a separate directory, or set %s to false",
			   s->option);
	else
		err_remedy(s->e, "start ccvm in a project directory");
}

/* As user_place_visit: false ends the look. */
static bool policy_visit(void *ctx, const struct user_place *p)
{
	const struct policy_shared *s = ctx;
	bool exists;
	AUTO_CLOSE int fd = policy_open_place(p->path, &exists);
	struct place place;

	if (fd < 0 || !place_of(fd, &place))
		return true;
	if (place_is_within(fd, s->place)) {
		policy_refuse_place(s, p, "holds");
		return false;
	}
	/* What an option shares may lie beside claude's settings; the transcripts do. */
	if (exists && p->closed && (p->secret || s->strict) && place_is_within(s->fd, place)) {
		policy_refuse_place(s, p, "lies in");
		return false;
	}
	return true;
}

/* What is mounted below is shared with it, and is the place that was mounted there. */
static int policy_check_mounts(const char *path, const char *option, bool strict,
			       const struct user_dirs *d, struct err *e)
{
	AUTO_STRV struct strv points = {0};

	if (mounts_below(path, &points, e) < 0)
		return -1;
	for (size_t i = 0; i < points.n; i++) {
		AUTO_CLOSE int fd = open(points.v[i],
					 O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct policy_shared s = {
			.fd = fd, .path = points.v[i], .option = option, .strict = strict, .e = e};

		*e = (struct err){0};
		if (fd < 0 && errno == ENOTDIR) {
			err_set(e, "a file is mounted at %s, which would be shared with %s",
				points.v[i], path);
			return policy_refuse(e, "unmount it, or start ccvm in another directory");
		}
		if (fd >= 0 && place_of(fd, &s.place))
			user_place_each(d, policy_visit, &s);
		if (e->text[0])
			return err_wrap(e, "a mount below %s", path);
	}
	return 0;
}

static int policy_check(int fd, const char *path, const char *option, bool strict,
			const struct user_dirs *d, struct err *e)
{
	struct policy_shared s = {
		.fd = fd, .path = path, .option = option, .strict = strict, .e = e};

	*e = (struct err){0};
	if (!place_of(fd, &s.place))
		return err_sys(e, "look at %s", path);
	user_place_each(d, policy_visit, &s);
	return e->text[0] ? -1 : policy_check_mounts(path, option, strict, d, e);
}

int policy_check_shared(int fd, const char *path, const char *option, const struct user_dirs *d,
			struct err *e)
{
	return policy_check(fd, path, option, !option, d, e);
}

int policy_check_listed(int fd, const char *path, const char *option, const struct user_dirs *d,
			struct err *e)
{
	return policy_check(fd, path, option, true, d, e);
}
