/* ccvmctl restart: ends a session and starts one like it: same directory, name, options and arguments. What the guest held
 * is gone, as after any end; credentials and passed variables are those of the caller, since a session keeps none of its own
 * where another process could read them. */
#include "ctl/ctl.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/place.h"
#include "client/sessions.h"
#include "conf/conf.h"
#include "ctl/ctl_start.h"
#include "proto/names.h"
#include "proto/rundir.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

#define RESTART_FILE_MAX (8u << 20)

struct restart {
	struct buf workspace, options, shell, args, status;
	struct strv argv;
	char *name; /* owned */
	int fd;	    /* the workspace, the very directory that the session was started in */
	int64_t dev, ino;
	bool detached;
};

static void restart_fini(struct restart *r)
{
	buf_fini(&r->workspace);
	buf_fini(&r->options);
	buf_fini(&r->shell);
	buf_fini(&r->args);
	buf_fini(&r->status);
	strv_fini(&r->argv);
	free(r->name);
	if (r->fd >= 0)
		close(r->fd);
}

static int restart_read_status(struct restart *r, struct err *e)
{
	static struct json_line l;
	const char *text = buf_text(&r->status), *name;

	if (json_parse_line(text, strcspn(text, "\n"), &l) < 0 || !(name = json_get_string(&l, "name")))
		return err_set(e, "its status cannot be read");
	r->name = mem_strdup(name);
	r->detached = json_get_bool(&l, "detached", false);
	if (!json_get_int(&l, "workspace_dev", &r->dev) || !json_get_int(&l, "workspace_ino", &r->ino))
		return err_set(e, "its status does not tell which directory it is in");
	return 0;
}

/* The session's directory holds all that its guest was told. */
static int restart_read(struct restart *r, const char *directory, struct err *e)
{
	const struct {
		const char *name;
		struct buf *to;
	} files[] = {{RUNDIR_OPTIONS, &r->options},
		     {RUNDIR_STATUS, &r->status},
		     {RUNDIR_SEED "/" NAME_SEED_WORKDIR, &r->workspace},
		     {RUNDIR_SEED "/" NAME_SEED_SHELL, &r->shell},
		     {RUNDIR_SEED "/" NAME_SEED_CLAUDE_ARGS, &r->args}};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *path = mem_format("%s/%s", directory, files[i].name);

		if (file_read(AT_FDCWD, path, RESTART_FILE_MAX, files[i].to, e) < 0)
			return err_remedy(e, "the session may be starting or ending: try again, or ccvmctl new");
	}
	for (const char *p = buf_text(&r->args), *end = p + buf_len(&r->args); p < end; p += strlen(p) + 1)
		strv_add(&r->argv, p);
	return restart_read_status(r, e);
}

/* An agent that works above the workspace could have put a link in its place, to where it may not look itself. */
static int restart_open_workspace(struct restart *r, struct err *e)
{
	const char *path = buf_text(&r->workspace);
	struct place at;

	r->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return err_sys(e, "enter %s", path);
	if (place_of(r->fd, &at) && at.dev == (dev_t)r->dev && at.ino == (ino_t)r->ino)
		return 0;
	err_set(e, "%s is not the directory any more that the session was started in", path);
	err_remedy(e, "look at what it is now; to start there all the same: ccvmctl stop, then ccvmctl new in it");
	return err_exit_code(e, ERR_EXIT_POLICY);
}

static int restart_start(struct restart *r, bool wait, struct err *e)
{
	struct conf conf;
	const struct launch l = {.conf = &conf, .args = r->argv.v, .nargs = r->argv.n, .envp = environ, .shell = buf_text(&r->shell)[0] == '1',
				 .tty = true, .detached = true, .name = r->name, .term = CTL_START_TERM, .cols = 80, .rows = 24};
	int rc;

	if (fchdir(r->fd) < 0)
		return err_sys(e, "enter %s", buf_text(&r->workspace));
	conf_init(&conf);
	rc = conf_from_json(&conf, buf_text(&r->options), e);
	if (rc == 0)
		rc = ctl_start(&l, wait, e);
	conf_fini(&conf);
	return rc;
}

/* A session of a terminal ends with it: nobody could be given the new one. */
static int restart_check(const struct restart *r, const char *name, struct err *e)
{
	if (r->detached)
		return 0;
	err_set(e, "session %s belongs to the terminal it was started in", name);
	return err_remedy(e, "end it there and start ccvm again");
}

int ctl_restart(int argc, char **argv, struct err *e)
{
	const bool wait = argc == 3 && strcmp(argv[1], "--wait") == 0;
	const char *name = argv[argc - 1];
	AUTO_FREE char *directory = NULL;
	struct restart r = {.fd = -1};
	int rc;

	if (argc != 2 + wait || name[0] == '-')
		return CTL_USAGE;
	directory = sessions_directory(name, e);
	if (!directory || launch_check_root(e) < 0)
		return -1;
	rc = restart_read(&r, directory, e);
	if (rc == 0)
		rc = restart_check(&r, name, e);
	if (rc == 0)
		rc = restart_open_workspace(&r, e);
	if (rc == 0)
		rc = ctl_stop_one(name, e);
	if (rc == 0)
		rc = restart_start(&r, wait, e);
	restart_fini(&r);
	return rc;
}
