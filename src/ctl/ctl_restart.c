/* ccvmctl restart: ends a session and starts one like it: same directory, name, options and
 * arguments. What the guest held is gone, as after any end; credentials and passed variables are
 * those of the caller, since a session keeps none of its own where another process could read
 * them. */
#include "ctl/ctl.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/place.h"
#include "client/record.h"
#include "client/sessions.h"
#include "conf/conf.h"
#include "ctl/ctl_start.h"
#include "conf/env.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define RESTART_RECORD_MAX (40u << 20)

struct restart {
	struct buf part[RECORD_PARTS];
	char *name; /* owned */
	int fd;	    /* the workspace, the very directory that the session was started in */
	int64_t dev, ino;
	bool detached;
};

static void restart_fini(struct restart *r)
{
	for (size_t i = 0; i < RECORD_PARTS; i++)
		buf_fini(&r->part[i]);
	free(r->name);
	if (r->fd >= 0)
		close(r->fd);
}

static int restart_read_status(struct restart *r, struct err *e)
{
	static struct json_line l;
	const char *text = buf_text(&r->part[RECORD_STATUS]), *name;

	if (json_parse_line(text, strcspn(text, "\n"), &l) < 0 ||
	    !(name = json_get_string(&l, "name")))
		return err_set(e, "cannot read its status");
	r->name = mem_strdup(name);
	r->detached = json_get_bool(&l, "detached", false);
	if (!json_get_int(&l, "workspace_dev", &r->dev) ||
	    !json_get_int(&l, "workspace_ino", &r->ino))
		return err_set(e, "its status does not name its workspace");
	return 0;
}

/* The session's directory holds all that its guest was told. Of one that has ended ccvm-tui kept
 * it, and gives it as stdin. */
static int restart_read(struct restart *r, const char *directory, struct err *e)
{
	AUTO_BUF struct buf record = {0};

	if ((directory ? record_read(directory, &record, e)
		       : file_read_fd(STDIN_FILENO, RESTART_RECORD_MAX, &record, e)) < 0 ||
	    record_split(buf_data(&record), buf_len(&record), r->part, e) < 0)
		return -1;
	return restart_read_status(r, e);
}

/* An agent that works above the workspace could have put a link in its place, to where it may
 * not look itself. */
static int restart_open_workspace(struct restart *r, struct err *e)
{
	const char *path = buf_text(&r->part[RECORD_WORKSPACE]);
	struct place at;

	r->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return err_sys(e, "enter %s", path);
	if (place_of(r->fd, &at) && at.dev == (dev_t)r->dev && at.ino == (ino_t)r->ino)
		return 0;
	err_set(e, "%s is no longer the directory that the session was started in", path);
	err_remedy(e, "check what it is now; to start there anyway: ccvmctl stop, then ccvmctl new "
		      "in it");
	return err_exit_code(e, ERR_EXIT_POLICY);
}

static int restart_start(struct restart *r, const struct ctl_args *a, struct err *e)
{
	struct conf conf;
	const struct launch l = {.conf = &conf,
				 .args = &r->part[RECORD_ARGS],
				 .envp = env_all(),
				 .shell = buf_text(&r->part[RECORD_SHELL])[0] == '1',
				 .tty = true,
				 .detached = true,
				 .name = r->name,
				 .term = CTL_START_TERM,
				 .cols = 80,
				 .rows = 24};
	int rc;

	if (fchdir(r->fd) < 0)
		return err_sys(e, "enter %s", buf_text(&r->part[RECORD_WORKSPACE]));
	conf_init(&conf);
	rc = conf_from_json(&conf, buf_text(&r->part[RECORD_OPTIONS]), e);
	if (rc == 0)
		rc = ctl_start(&l, ctl_has(a, "wait"), ctl_has(a, "json"), e);
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

static int restart_run(const struct ctl_args *a, struct err *e)
{
	const bool ended = ctl_has(a, "record");
	const char *name = a->operands[0];
	AUTO_FREE char *directory = NULL;
	struct restart r = {.fd = -1};
	int rc;

	if (a->n != !ended)
		return ctl_usage(e, ended ? "unexpected argument %s" : "restart needs a session",
				 name);
	directory = ended ? NULL : sessions_directory(name, e);
	if ((!directory && !ended) || launch_check_root(e) < 0)
		return -1;
	rc = restart_read(&r, directory, e);
	if (rc == 0)
		rc = restart_check(&r, name, e);
	if (rc == 0)
		rc = restart_open_workspace(&r, e);
	if (rc == 0 && !ended)
		rc = ctl_stop_one(name, e);
	if (rc == 0)
		rc = restart_start(&r, a, e);
	restart_fini(&r);
	return rc;
}

const struct ctl_command ctl_restart = {
	.name = "restart",
	.operands = "SESSION",
	.help = "end a session and start one like it, with the caller's credentials",
	.more = "In overlay mode its edits are discarded.",
	.options =
		(const struct ctl_option[]){
			{"wait", 'w', NULL, "wait until the agent runs"},
			CTL_JSON,
			{"record", 0, NULL, "for ccvm-tui: one that has ended, its record on stdin",
			 CTL_HIDDEN},
			{0}},
	.most = 1,
	.operand = CTL_SESSION,
	.run = restart_run,
};
