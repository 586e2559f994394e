/* fsmount: mounts ccvm-fs on this machine by the guest's relay, so that its server can be tried
 * against a kernel without a guest between. Usage, as root:
 *     fsmount MOUNTPOINT UID GID CCVM-FS NAME=DIRECTORY:MODE [RULE...]...
 * MODE: rw, ro, or for an overlay the directory that has its "tree" and "work". A rule is what
 * ccvm-fs takes after a directory, or journal=DIRECTORY:BYTES. What was refused is said on stdout.
 * Says "ready" when mounted; ends after a line on stdin, and unmounts. */
#include "base/err.h"
#include "base/mem.h"
#include "init/fsrelay.h"
#include "init/fstouch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FSMOUNT_FD 10 /* of the first directory */

static void fsmount_die(const char *what)
{
	perror(what);
	exit(1);
}

/* Opens it for the server; returns its descriptor there. */
static int fsmount_open(const char *directory, int as)
{
	const int fd = open(directory, O_PATH | O_DIRECTORY);

	if (fd < 0 || dup2(fd, as) < 0)
		fsmount_die(directory);
	close(fd);
	return as;
}

static _Noreturn void fsmount_serve(int port, char **argv)
{
	const uid_t uid = (uid_t)atoi(argv[2]);
	const gid_t gid = (gid_t)atoi(argv[3]);
	struct strv args = {0};

	strv_add(&args, argv[4]);
	strv_add(&args, "notices=4");
	if (port != 3 && dup2(port, 3) < 0)
		fsmount_die("port");
	if (dup2(1, 4) < 0)
		fsmount_die("notices");
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		fsmount_die("user");
	for (int i = 5; argv[i]; i++) {
		char *directory = strchr(argv[i], '='), *mode = strrchr(argv[i], ':');
		const int fd = FSMOUNT_FD + 2 * i;

		if (strcmp(argv[i], "protect-git") == 0 || strcmp(argv[i], "undo") == 0 ||
		    strncmp(argv[i], "at=", 3) == 0 || strncmp(argv[i], "protect=", 8) == 0 ||
		    strncmp(argv[i], "hide=", 5) == 0) {
			strv_add(&args, argv[i]);
			continue;
		}
		if (!directory || !mode || mode < directory)
			fsmount_die("NAME=DIRECTORY:MODE");
		*directory++ = *mode++ = '\0';
		fsmount_open(directory, fd);
		if (strcmp(argv[i], "journal") == 0) {
			strv_addf(&args, "journal=%d:%s", fd, mode);
			continue;
		}
		if (mode[0] == '/')
			strv_addf(&args, "%s:%d:%d", argv[i], fd, fsmount_open(mode, fd + 1));
		else
			strv_addf(&args, "%s:%d:%s", argv[i], fd, mode);
	}
	execv(args.v[0], args.v);
	fsmount_die(args.v[0]);
	exit(1);
}

int main(int argc, char **argv)
{
	AUTO_FREE char *options = NULL;
	pid_t relay[FSRELAY_PROCESSES], touch;
	int fuse, root, pair[2], touches[2], c;
	struct err e;
	pid_t pid;

	if (argc < 6) {
		fprintf(stderr,
			"usage: fsmount MOUNTPOINT UID GID CCVM-FS NAME=DIRECTORY:MODE...\n");
		return 2;
	}
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse < 0)
		fsmount_die("/dev/fuse");
	options = mem_format(
		"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fuse);
	if (mount("ccvm-fs", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		fsmount_die("mount");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		fsmount_die("socketpair");
	pid = fork();
	if (pid == 0)
		fsmount_serve(pair[1], argv);
	close(pair[1]);
	root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (pid < 0 || root < 0 || pipe2(touches, O_CLOEXEC) < 0 ||
	    fcntl(touches[1], F_SETFL, O_NONBLOCK) < 0 ||
	    fsrelay_start(fuse, pair[0], touches[1], relay, &e) < 0 ||
	    fstouch_start(root, touches[0], &touch, &e) < 0)
		fsmount_die("relay");
	close(root);
	close(touches[0]);
	close(touches[1]);
	close(pair[0]);
	close(fuse);
	printf("ready %d\n", (int)pid);
	fflush(stdout);
	do
		c = getchar();
	while (c != '\n' && c != EOF);
	kill(touch, SIGKILL);			/* it has the mount's root open */
	if (waitpid(pid, NULL, WNOHANG) == pid) /* nobody answers any more */
		umount2(argv[1], MNT_FORCE | MNT_DETACH);
	else if (waitpid(touch, NULL, 0) == touch && umount2(argv[1], 0) < 0) {
		perror("umount");
		umount2(argv[1], MNT_FORCE | MNT_DETACH);
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}
