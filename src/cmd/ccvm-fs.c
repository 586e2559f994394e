/* ccvm-fs: the files of one session, served to its guest as FUSE over a virtio-serial port.
 * Started by ccvm-session, never by a user: the port is fd 3, and the arguments say what is served
 * (fs_exports.h). */
#include "base/err.h"
#include "base/log.h"
#include "base/sched.h"
#include "fs/fs_exports.h"
#include "fs/fs_port.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAIN_PORT_FD	 3
#define MAIN_OPEN_MAX	 60000 /* that a guest may hold open */
#define MAIN_WATCHED_MAX 65536 /* directories */

static int main_serve(struct fs_exports *x, struct err *e)
{
	struct fs_confine_export confined[FS_TREE_EXPORTS_MAX + 1];
	const int process_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int keep[4] = {MAIN_PORT_FD, process_fds}, kept = 2, nconfined = x->n;
	struct fs_port_journal journal = {.exports = fs_exports_journaled(x)};
	size_t most_open = MAIN_OPEN_MAX;
	struct fs_watch *watch;
	struct fs_tree *tree;
	struct err ignored;
	int rc;

	if (process_fds < 0)
		return err_sys(e, "open /proc/self/fd");
	for (int i = 0; i < x->n; i++)
		confined[i] = x->export[i].place;
	if (x->journal >= 0)
		confined[nconfined++] = (struct fs_confine_export){
			.fd = x->journal, .writable = true, .layer = -1};
	/* Without one, what the guest knows expires soon. */
	watch = fs_watch_new(MAIN_WATCHED_MAX, &ignored);
	if (watch)
		keep[kept++] = fs_watch_fd(watch);
	if (x->notices >= 0)
		keep[kept++] = x->notices;
	umask(0); /* the guest's kernel has applied the one of its process */
	if (fs_confine_self(keep, (size_t)kept, confined, (size_t)nconfined, &most_open, e) < 0)
		return err_wrap(e, "lock in");
	tree = fs_tree_new(process_fds, watch);
	rc = fs_exports_serve(x, tree, e);
	sched_take_short_turns();
	/* A guest without its files would be worse than one without a journal. */
	if (x->journal >= 0 &&
	    !(journal.journal = fs_journal_new(x->journal, process_fds, x->journal_size, &ignored)))
		log_note("changes are not recorded: %s", ignored.text);
	if (rc == 0)
		rc = fs_port_run(MAIN_PORT_FD, tree, watch, x->policy, &journal, most_open, e);
	fs_journal_free(journal.journal);
	fs_exports_empty_layers(x);
	fs_tree_free(tree);
	fs_watch_free(watch);
	return rc;
}

static int main_run(int n, char **arguments, struct err *e)
{
	struct fs_exports exports;
	int rc = fs_exports_parse(&exports, n, arguments, e);

	if (rc == 0)
		rc = main_serve(&exports, e);
	fs_exports_fini(&exports);
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
