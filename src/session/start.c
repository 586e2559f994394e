/* start: from a request to what a guest needs: options, checks, image, run directory, seed;
 * later this process gives up its access to everything but the run directory. */
#include "session/wiring.h"
#include "session/confine.h"
#include "session/policy.h"
#include "session/transcripts.h"
#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/place.h"
#include "proto/clip.h"
#include "seed/seed.h"
#include "vm/image_verify.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* This program's directory; the others lie beside it. */
static char *start_libexec(struct err *e)
{
	char *self = realpath("/proc/self/exe", NULL);

	if (!self)
		err_sys(e, "find this program's directory");
	else
		*strrchr(self, '/') = '\0';
	return self;
}

/* What struct user_dirs borrows. */
struct start_dirs {
	char *own_home, *config_file, *run_base; /* owned */
	struct user_dirs dirs;
};

static void start_dirs_fini(struct start_dirs *d)
{
	char *const all[] = {d->own_home, d->config_file, d->run_base};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		free(all[i]);
}

static char *start_absolute(const struct session *s, const char *path)
{
	if (!path)
		return NULL;
	return path[0] == '/' ? mem_strdup(path) : mem_format("%s/%s", s->workspace, path);
}

static int start_dirs_find(const struct session *s, struct start_dirs *d, struct err *e)
{
	const struct hostenv *host = &s->request.host;
	const struct passwd *user = getpwuid(getuid());

	memset(d, 0, sizeof(*d));
	d->own_home = user && user->pw_dir ? mem_strdup(user->pw_dir) : NULL;
	d->config_file = start_absolute(s, host->config_file);
	d->run_base = rundir_base(host->runtime, e);
	d->dirs = (struct user_dirs){
		.home = host->home ? host->home : "/nonexistent",
		.own_home = d->own_home,
		.claude_dir = host->claude_dir ? host->claude_dir : "/nonexistent/.claude",
		.config_file = d->config_file,
		.run_base = d->run_base,
		.cache = host->cache,
		.state = host->state,
		.templates = host->templates,
		.image = s->image.path,
	};
	return d->run_base ? 0 : -1;
}

/* The working directory, opened once. What its path leads to later does not matter to this session. */
static int start_workspace(struct session *s, struct err *e)
{
	s->workspace_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	s->workspace = s->workspace_fd < 0 ? NULL : place_path(s->workspace_fd, e);
	if (!s->workspace) {
		err_set(e, "the current directory no longer exists");
		err_remedy(e, "change to an existing directory");
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	journal_rename(s->journal,
		       s->request.name ? s->request.name : strrchr(s->workspace, '/') + 1);
	return policy_check_path(NULL, s->workspace, e);
}

/* The directory `name` below dirfd, made when there is none; by its fd from here on. more:
 * O_NOFOLLOW, or 0. */
static int start_open_made(int dirfd, const char *name, int more, struct err *e)
{
	int fd;

	if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make it");
	fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | more);
	if (fd < 0 || faccessat(fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) < 0) {
		err_sys(e, "open it");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* The host's transcripts of this workspace, and of no other: made when there are none yet. */
static int start_projects(struct session *s, const struct start_dirs *d, struct err *e)
{
	static const char option[] = "persistClaudeProjects";
	AUTO_FREE char *folder = transcripts_folder(s->workspace);
	AUTO_FREE char *path = mem_format("%s/projects", d->dirs.claude_dir);
	AUTO_CLOSE int claude = -1, projects = -1;

	if (!s->conf.persist_claude_projects)
		return 0;
	(void)file_mkdirs(d->dirs.claude_dir, 0700, e); /* the next lines say what is wrong */
	claude = open(d->dirs.claude_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	projects = claude < 0 ? err_sys(e, "open %s", d->dirs.claude_dir)
			      : start_open_made(claude, "projects", 0, e);
	/* The first may be a link, which leads anywhere: looked at before anything is made there. */
	if (projects >= 0 && policy_check_shared(projects, path, option, &d->dirs, e) < 0)
		return -1;
	s->projects_fd = projects < 0 ? -1 : start_open_made(projects, folder, O_NOFOLLOW, e);
	if (s->projects_fd >= 0)
		return policy_check_shared(s->projects_fd, path, option, &d->dirs, e);
	err_wrap(e, "%s: use %s", option, path);
	err_remedy(e, "make it a directory that you own, or set %s to false", option);
	return err_exit_code(e, ERR_EXIT_POLICY);
}

/* A locked guest needs it for all of its memory. QEMU inherits it. */
static int start_raise_memlock(const struct session *s, struct err *e)
{
	struct rlimit r;

	if (!s->conf.lock_guest_memory)
		return 0;
	if (getrlimit(RLIMIT_MEMLOCK, &r) < 0)
		return err_sys(e, "getrlimit");
	r.rlim_cur = r.rlim_max;
	return setrlimit(RLIMIT_MEMLOCK, &r) < 0 ? err_sys(e, "raise RLIMIT_MEMLOCK") : 0;
}

static int start_boot_timeout(struct session *s, struct err *e)
{
	const char *text = s->request.host.boot_timeout;
	int64_t value;

	if (!number_parse(text, 1, 86400, &value)) {
		err_set(e, "CCVM_BOOT_TIMEOUT=%s: invalid number of seconds", text);
		err_remedy(e, "set a number from 1 to 86400, or unset it");
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	attempt_set_timeout(&s->attempt, (unsigned)value);
	return 0;
}

/* The image, and what it was built with, below what the user set. A dry run goes without when
 * there is none. */
static int start_image(struct session *s, struct err *e)
{
	AUTO_FREE char *share = NULL;
	AUTO_FREE char *path = NULL;
	const char *note = NULL;
	struct err missing;

	s->libexec = start_libexec(e);
	if (!s->libexec)
		return -1;
	share = mem_format("%s/../../share/ccvm", s->libexec);
	path = image_find(&s->request.host, share, &missing);
	if (!path || image_open(&s->image, path, &missing) < 0) {
		*e = missing;
		return s->request.dryrun ? 0 : -1;
	}
	if (!s->request.dryrun && image_verify(&s->image, &s->request.host, &note, e) < 0)
		return -1;
	if (note)
		journal_note(s->journal, "image", note);
	if (conf_apply_image(&s->conf, s->image.options, e) < 0)
		return err_remedy(e, "build the image again: ccvmctl image build");
	for (size_t i = 0; i < s->conf.notes.n; i++)
		journal_note(s->journal, "image", s->conf.notes.v[i]);
	return 0;
}

static void start_on_seed_note(void *ctx, const char *note)
{
	journal_note(((struct session *)ctx)->journal, "seed", note);
}

static int start_write_seed(struct session *s, const struct start_dirs *d, struct err *e)
{
	AUTO_FREE char *projects = transcripts_folder(s->workspace);
	AUTO_FREE char *extra = extra_seed_lines(s);
	AUTO_STRV struct strv variables = {0};
	AUTO_CLOSE int fd = -1;

	agent_variables(s->agent, &variables);
	const struct seed_spec spec = {
		.conf = &s->conf,
		.workdir = s->workspace,
		.workdir_fd = s->workspace_fd,
		.extra = extra,
		.projects = s->projects_fd >= 0 ? projects : NULL,
		.shell = s->request.shell,
		.uid = getuid(),
		.gid = getgid(),
		.args = &s->args,
		.dirs = d->dirs,
		.host = &s->request.host,
		.variables = variables.v,
		.agent_sudo = conf_agent_sudo(&s->conf),
		.pool = disk_is_wanted(s->disk),
		.clipboard = s->conf.clipboard_images,
		.clipboard_port = CLIP_PORT,
	};

	fd = openat(s->run.fd, RUNDIR_SEED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open the seed directory");
	if (seed_write(&spec, fd, start_on_seed_note, s, e) < 0 ||
	    agent_write_seed(s->agent, fd, e) < 0)
		return -1;
	if (s->request.dryrun)
		return file_createf(fd, "accel", 0600, e, "%s %s %s\n", s->accel.mode,
				    s->accel.accel, s->accel.cpu);
	return 0;
}

int start_seed(struct session *s, struct err *e)
{
	struct start_dirs d;
	int rc = start_dirs_find(s, &d, e);

	if (rc == 0)
		rc = start_write_seed(s, &d, e);
	start_dirs_fini(&d);
	if (rc < 0 || file_create(s->run.fd, RUNDIR_OPTIONS, s->request.options,
				  strlen(s->request.options), 0600, e) < 0) {
		if (e->sys == ENOSPC)
			err_remedy(e,
				   "free space on the file system of %s, or point XDG_RUNTIME_DIR "
				   "elsewhere",
				   s->run.path);
		return err_stage(e, "seed");
	}
	return 0;
}

/* A directory of the user's, which no guest sees: not below the workspace, nor above it. */
static int start_overlay_dir(struct session *s, const struct start_dirs *d, struct err *e)
{
	static const char option[] = "overlay.dir";
	const char *path = s->conf.overlay_dir;
	struct place workspace, outer;

	if (!path || !*path || (s->conf.writable_cwd && !s->conf.undo_size))
		return 0;
	s->overlay_dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->overlay_dir_fd < 0 || !place_of(s->overlay_dir_fd, &outer) ||
	    !place_of(s->workspace_fd, &workspace)) {
		err_sys(e, "open the directory that %s names, %s", option, path);
		err_remedy(e, "make it, or set %s to one that exists", option);
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	if (place_is_within(s->overlay_dir_fd, workspace) ||
	    place_is_within(s->workspace_fd, outer)) {
		err_set(e, "%s names %s, which holds the project or lies in it", option, path);
		err_remedy(e, "choose a directory outside of the projects that guests work in");
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	return policy_check_shared(s->overlay_dir_fd, path, option, &d->dirs, e);
}

/* What the user set, and what that leads to on this computer. */
static int start_configure(struct session *s, struct err *e)
{
	struct start_dirs d;
	int rc;

	/* The image's place is one of those that no workspace may hold. */
	if (start_boot_timeout(s, e) < 0 || start_workspace(s, e) < 0)
		return -1;
	if (start_image(s, e) < 0)
		return err_stage(e, "image");
	rc = start_dirs_find(s, &d, e);
	if (rc == 0)
		rc = policy_check_shared(s->workspace_fd, s->workspace, NULL, &d.dirs, e);
	if (rc == 0)
		rc = extra_open(s, &d.dirs, e);
	if (rc == 0)
		rc = conf_check_memlock(&s->conf, e);
	if (rc == 0)
		rc = start_projects(s, &d, e);
	if (rc == 0)
		rc = start_overlay_dir(s, &d, e);
	start_dirs_fini(&d);
	return rc < 0 ? -1 : start_raise_memlock(s, e);
}

/* Where the guest's edits are, or what was there before them. */
static int start_layers(struct session *s, struct err *e)
{
	AUTO_CLOSE int outer = mem_steal_fd(&s->overlay_dir_fd);
	int undo = -1;

	if (s->request.dryrun)
		return 0;
	if (s->conf.undo_size && outer >= 0 && (undo = fcntl(outer, F_DUPFD_CLOEXEC, 0)) < 0)
		return err_sys(e, "overlay.dir");
	if (s->conf.undo_size && layer_make(&s->undo, &s->run, RUNDIR_UNDO, undo, e) < 0)
		return -1;
	return s->conf.writable_cwd
		       ? 0
		       : layer_make(&s->layer, &s->run, RUNDIR_OVERLAY, mem_steal_fd(&outer), e);
}

static int start_run_directory(struct session *s, struct err *e)
{
	if (rundir_create(&s->run, s->request.host.runtime, e) < 0)
		return -1;
	journal_open(s->journal, s->run.fd, s->run.id);
	/* at once: whoever lists sessions should know a spare from the first */
	session_write_status(s);
	/* From here on nothing depends on the working directory, which would pin a mount of the
	 * user's. */
	if (chdir("/") < 0)
		return err_sys(e, "chdir /");
	if (agent_make_keys(s->agent, e) < 0)
		return -1;
	if (mkdirat(s->run.fd, RUNDIR_SEED, 0700) < 0)
		return err_sys(e, "make the seed directory");
	return start_layers(s, e);
}

int start_prepare(struct session *s, struct err *e)
{
	rundir_clean_dead(s->request.host.runtime); /* before anything can refuse this start */
	if (conf_from_json(&s->conf, s->request.options, e) < 0 || start_configure(s, e) < 0 ||
	    launch_choose_accel(s, e) < 0)
		return err_stage(e, "configuration");
	return start_run_directory(s, e) < 0 ? err_stage(e, "run directory") : 0;
}

int start_confine_self(struct session *s, struct err *e)
{
	launch_template_maker(s);
	attempt_confine(&s->attempt);
	return confine_session(&s->run,
			       &(struct confine_also){s->layer.fd, s->undo.fd,
						      layer_is_made(&s->undo) ? s->undo.outer_fd
									      : s->layer.outer_fd},
			       e);
}

int start_seal_seed(struct session *s, struct err *e)
{
	AUTO_CLOSE int fd = openat(s->run.fd, RUNDIR_SEED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "open the seed") : seed_seal(fd, e);
}

static int start_screen(struct session *s, struct err *e)
{
	if (!s->request.tty)
		return 0;
	screen_resize(s->screen, s->request.cols, s->request.rows);
	return screen_start(s->screen, s->libexec, s->conf.tui_history, e) < 0
		       ? err_stage(e, "screen")
		       : 0;
}

int start_open_machine(struct session *s, struct err *e)
{
	AUTO_FREE char *socket = NULL;

	if (launch_choose_machine(s, e) < 0)
		return -1;
	journal_open_logs(s->journal);
	if (wiring_images_are_wanted(s))
		clip_start(s->clip, s->libexec, &s->request.host);
	socket = mem_format("%s/%s", s->run.path, RUNDIR_SOCKET);
	if (start_screen(s, e) < 0)
		return -1;
	return listener_open(s->listener, socket, e) < 0 ? err_stage(e, "run directory") : 0;
}
