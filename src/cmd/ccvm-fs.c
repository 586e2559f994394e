/* ccvm-fs: the files of one session, served to its guest as FUSE over a virtio-serial port.
 * Started by ccvm-session, never by a user: the port is fd 3, and each argument `NAME:FD:rw` or
 * `NAME:FD:ro` is a directory, opened already, that the guest sees under NAME. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/sched.h"
#include "fs/fs_confine.h"
#include "fs/fs_port.h"
#include "fs/fs_tree.h"

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

/* Splits NAME:FD:MODE in place. */
static int main_parse(char *text, const char **name, struct fs_confine_export *x, struct err *e)
{
	char *fd = strchr(text, ':'), *mode = fd ? strchr(fd + 1, ':') : NULL;
	int64_t n = -1;

	if (mode) {
		*fd++ = *mode++ = '\0';
		x->writable = strcmp(mode, "rw") == 0;
	}
	if (!mode || !text[0] || !number_parse(fd, MAIN_PORT_FD + 1, 1023, &n) ||
	    (!x->writable && strcmp(mode, "ro") != 0))
		return err_set(e, "invalid export (NAME:FD:rw or NAME:FD:ro)");
	*name = text;
	x->fd = (int)n;
	return 0;
}

static int main_run(int n, char **arguments, struct err *e)
{
	struct fs_confine_export exports[FS_TREE_EXPORTS_MAX];
	const int process_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *name[FS_TREE_EXPORTS_MAX];
	int keep[3] = {MAIN_PORT_FD, process_fds};
	size_t most_open = MAIN_OPEN_MAX;
	struct fs_watch *watch;
	struct fs_tree *tree;
	struct err ignored;
	int rc = 0;

	if (process_fds < 0)
		return err_sys(e, "open /proc/self/fd");
	if (n > FS_TREE_EXPORTS_MAX)
		return err_set(e, "more than %d exported directories", FS_TREE_EXPORTS_MAX);
	for (int i = 0; i < n; i++)
		if (main_parse(arguments[i], &name[i], &exports[i], e) < 0)
			return -1;
	watch = fs_watch_new(MAIN_WATCHED_MAX,
			     &ignored); /* without one, what the guest knows expires soon */
	keep[2] = watch ? fs_watch_fd(watch) : -1;
	umask(0); /* the guest's kernel has applied the one of its process */
	if (fs_confine_self(keep, watch ? 3 : 2, exports, (size_t)n, &most_open, e) < 0)
		return err_wrap(e, "lock in");
	tree = fs_tree_new(process_fds, watch);
	for (int i = 0; i < n && rc == 0; i++)
		rc = fs_tree_export(tree, name[i], exports[i].fd, exports[i].writable, e);
	sched_take_short_turns();
	if (rc == 0)
		rc = fs_port_run(MAIN_PORT_FD, tree, watch, most_open, e);
	fs_tree_free(tree);
	fs_watch_free(watch);
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
