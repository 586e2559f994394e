/* ccvm-fs: the files of one session, served to its guest as FUSE over a virtio-serial port.
 * Started by ccvm-session, never by a user: the port is fd 3, and each argument is a directory,
 * opened already, that the guest sees under NAME: `NAME:FD:rw`, `NAME:FD:ro`, or `NAME:FD:FD` for
 * an overlay, where the second directory has `tree` and `work` in it. What follows it is of that
 * directory: `protect-git`, `protect=PATTERN`, `hide=PATTERN`, `at=PATH` (the host's). `notices=FD`
 * is where the session is told what was refused. */
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/sched.h"
#include "fs/fs_confine.h"
#include "fs/fs_notice.h"
#include "fs/fs_policy.h"
#include "fs/fs_port.h"
#include "fs/fs_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAIN_PORT_FD	 3
#define MAIN_OPEN_MAX	 60000 /* that a guest may hold open */
#define MAIN_WATCHED_MAX 65536 /* directories */

struct main_export {
	const char *name, *at; /* at: the host's path, or NULL */
	struct fs_confine_export x;
	int tree, work; /* of an overlay */
	bool git;
};

struct main_request {
	struct main_export export[FS_TREE_EXPORTS_MAX];
	int n, notices; /* notices: -1, none */
	struct fs_policy *policy;
	struct fs_notice *notice;
};

static bool main_fd(const char *text, int *fd)
{
	int64_t n;
	const bool ok = number_parse(text, MAIN_PORT_FD + 1, 1023, &n);

	*fd = ok ? (int)n : -1;
	return ok;
}

/* Splits the argument in place. */
static int main_parse(char *text, struct main_export *x, struct err *e)
{
	char *fd = strchr(text, ':'), *mode = fd ? strchr(fd + 1, ':') : NULL;

	*x = (struct main_export){.name = text, .x.layer = -1, .tree = -1, .work = -1};
	if (mode) {
		*fd++ = *mode++ = '\0';
		x->x.writable = strcmp(mode, "rw") == 0;
	}
	if (!mode || !text[0] || !main_fd(fd, &x->x.fd) ||
	    (!x->x.writable && strcmp(mode, "ro") != 0 && !main_fd(mode, &x->x.layer)))
		return err_set(e, "invalid export (NAME:FD:rw, NAME:FD:ro or NAME:FD:FD)");
	return 0;
}

static int main_open_layer(const struct main_export *x, const char *name, int *fd, struct err *e)
{
	*fd = openat(x->x.layer, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? err_sys(e, "open the overlay's %s", name) : 0;
}

/* The overlay looks as the directory below it, and its file system can do what it takes. */
static int main_prepare_layer(struct main_export *x, struct err *e)
{
	struct stat st;

	if (main_open_layer(x, "tree", &x->tree, e) < 0 ||
	    main_open_layer(x, "work", &x->work, e) < 0)
		return -1;
	if (mknodat(x->work, "try", S_IFCHR, 0) < 0 || unlinkat(x->work, "try", 0) < 0)
		return err_sys(e, "the file system of the overlay cannot say that a file is gone");
	/* Another's directory becomes the user's (EPERM). */
	if (fstat(x->x.fd, &st) < 0 ||
	    (fchownat(x->x.layer, "tree", st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	     errno != EPERM) ||
	    fchmodat(x->x.layer, "tree", st.st_mode & 07777, 0) < 0)
		return err_sys(e, "owner and mode of the overlay");
	return 0;
}

static int main_export_one(struct fs_tree *tree, struct main_export *x, struct err *e)
{
	if (x->x.layer < 0)
		return fs_tree_export(tree, x->name, x->x.fd, x->x.writable, e);
	if (main_prepare_layer(x, e) < 0)
		return -1;
	return fs_tree_export_overlay(tree, x->name, x->x.fd, x->tree, x->work, e);
}

static void main_on_refused(void *ctx, const struct fs_policy_refusal *r)
{
	const struct main_request *q = ctx;

	if (q->notice)
		fs_notice_refused(q->notice, r);
}

/* What follows a directory; false: it is none of these. */
static bool main_parse_rule(struct main_request *q, const char *text)
{
	const size_t export = (size_t)(q->n - 1);
	int64_t fd;

	if (strncmp(text, "notices=", 8) == 0 && number_parse(text + 8, 4, 1023, &fd)) {
		q->notices = (int)fd;
		return true;
	}
	if (q->n == 0)
		return false;
	if (strcmp(text, "protect-git") == 0) {
		q->export[export].git = true;
		return true;
	}
	if (strncmp(text, "at=", 3) == 0) {
		q->export[export].at = text + 3;
		return true;
	}
	if (strncmp(text, "protect=", 8) == 0)
		return fs_policy_protect(q->policy, export, text + 8);
	return strncmp(text, "hide=", 5) == 0 && fs_policy_hide(q->policy, export, text + 5);
}

static int main_parse_all(struct main_request *q, int n, char **arguments, struct err *e)
{
	for (int i = 0; i < n; i++) {
		if (main_parse_rule(q, arguments[i]))
			continue;
		if (q->n == FS_TREE_EXPORTS_MAX)
			return err_set(e, "more than %d exported directories", FS_TREE_EXPORTS_MAX);
		if (main_parse(arguments[i], &q->export[q->n], e) < 0)
			return -1;
		q->n++;
	}
	return 0;
}

static int main_export(struct main_request *q, struct fs_tree *tree, struct err *e)
{
	for (int i = 0; i < q->n; i++) {
		struct main_export *x = &q->export[i];

		if (main_export_one(tree, x, e) < 0)
			return -1;
		if (!x->git)
			continue;
		fs_policy_protect_git(q->policy, (size_t)i);
		fs_policy_learn_git(q->policy, (size_t)i, x->x.fd, x->at);
	}
	return 0;
}

/* The guest is gone, and with it what it changed in overlays. */
static void main_empty_layers(const struct main_request *q)
{
	struct err e;

	for (int i = 0; i < q->n; i++)
		if (q->export[i].x.layer >= 0 && file_empty_dir(q->export[i].x.layer, &e) < 0)
			log_error("the overlay is not empty: %s", e.text);
}

static int main_serve(struct main_request *q, struct err *e)
{
	struct fs_confine_export confined[FS_TREE_EXPORTS_MAX];
	const int process_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int keep[4] = {MAIN_PORT_FD, process_fds}, kept = 2;
	size_t most_open = MAIN_OPEN_MAX;
	struct fs_watch *watch;
	struct fs_tree *tree;
	struct err ignored;
	int rc;

	if (process_fds < 0)
		return err_sys(e, "open /proc/self/fd");
	for (int i = 0; i < q->n; i++)
		confined[i] = q->export[i].x;
	/* Without one, what the guest knows expires soon. */
	watch = fs_watch_new(MAIN_WATCHED_MAX, &ignored);
	if (watch)
		keep[kept++] = fs_watch_fd(watch);
	if (q->notices >= 0)
		keep[kept++] = q->notices;
	umask(0); /* the guest's kernel has applied the one of its process */
	if (fs_confine_self(keep, (size_t)kept, confined, (size_t)q->n, &most_open, e) < 0)
		return err_wrap(e, "lock in");
	tree = fs_tree_new(process_fds, watch);
	rc = main_export(q, tree, e);
	sched_take_short_turns();
	if (rc == 0)
		rc = fs_port_run(MAIN_PORT_FD, tree, watch, q->policy, most_open, e);
	main_empty_layers(q);
	fs_tree_free(tree);
	fs_watch_free(watch);
	return rc;
}

static int main_run(int n, char **arguments, struct err *e)
{
	struct main_request q = {.notices = -1};
	int rc;

	q.policy = fs_policy_new(main_on_refused, &q);
	rc = main_parse_all(&q, n, arguments, e);
	if (rc == 0 && q.notices >= 0 && fcntl(q.notices, F_SETFL, O_NONBLOCK) < 0)
		rc = err_sys(e, "the pipe for notices");
	if (rc == 0 && q.notices >= 0)
		q.notice = fs_notice_new(q.notices);
	if (rc == 0)
		rc = main_serve(&q, e);
	fs_notice_free(q.notice);
	fs_policy_free(q.policy);
	return rc;
}

int main(int argc, char **argv)
{
	struct err e = {0};
	int type;
	socklen_t size = sizeof(type);

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("ccvm-fs %s\n", CCVM_VERSION);
		return 0;
	}
	log_init("ccvm-fs", LOG_LEVEL_NOTE);
	if (argc < 2 || getsockopt(MAIN_PORT_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0) {
		log_error("is started by ccvm-session, not by hand");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (main_run(argc - 1, argv + 1, &e) < 0) {
		log_error("%s", e.text);
		return 1;
	}
	return 0;
}
