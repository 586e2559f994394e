/* Theory of operation.
 *
 * 1. A process for each way, so that neither waits for the other: the kernel's requests go out
 *    while answers come in. Both block in read(2) and write(2) alone.
 * 2. Notices (answers to no request) go through a third one. The kernel handles a notice in the
 *    call that brings it and may wait there for an answer, which stands behind it in the port;
 *    so they may not be in one queue, and the queue of notices may not stop the answers: when it
 *    is full, a notice is dropped. The guest then believes what it has for as long as the server
 *    said with its answers (a second).
 * 3. Their memory is locked, and they are marked as those that write back files
 *    (PR_SET_IO_FLUSHER): a kernel that frees memory by writing files must not wait for these to
 *    get some.
 * 4. The port is the host's, which this side trusts; lengths are checked all the same. */
#include "init/fsrelay.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FSRELAY_ROOM (512u << 10) /* more than the largest message */
#define FSRELAY_NOTICES                                                                            \
	(1u << 20) /* bytes of notices that may wait; each is written whole (PIPE_BUF) */

static unsigned char fsrelay_bytes[FSRELAY_ROOM];

static bool fsrelay_write_all(int fd, const unsigned char *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		const ssize_t wrote = write(fd, bytes + at, n - at);

		if (wrote < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		at += wrote > 0 ? (size_t)wrote : 0;
	}
	return true;
}

/* Requests. */
static void fsrelay_out(int fuse, int port)
{
	for (;;) {
		const ssize_t n = read(fuse, fsrelay_bytes, sizeof(fsrelay_bytes));

		if (n < 0 && (errno == EINTR || errno == ENOENT ||
			      errno == EAGAIN)) /* ENOENT: it was taken back */
			continue;
		if (n <= 0 || !fsrelay_write_all(port, fsrelay_bytes, (size_t)n))
			return;
	}
}

/* Hands over what is whole of n bytes; returns how many are left, at the front; -1: these are no
 * messages. */
static ssize_t fsrelay_hand_over(int fuse, int notices, size_t n)
{
	struct fuse_out_header head;
	size_t at = 0;

	while (n - at >= sizeof(head)) {
		memcpy(&head, fsrelay_bytes + at, sizeof(head));
		if (head.len < sizeof(head) || head.len > sizeof(fsrelay_bytes))
			return -1;
		if (head.len > n - at)
			break;
		/* A request that was interrupted takes no answer any more (ENOENT). A notice
		 * that finds no room is dropped. */
		if (write(head.unique ? fuse : notices, fsrelay_bytes + at, head.len) < 0 &&
		    errno == ENODEV)
			return -1;
		at += head.len;
	}
	memmove(fsrelay_bytes, fsrelay_bytes + at, n - at);
	return (ssize_t)(n - at);
}

/* Answers. */
static void fsrelay_in(int port, int fuse, int notices)
{
	ssize_t n = 0;

	for (;;) {
		const ssize_t got = read(port, fsrelay_bytes + n,
					 sizeof(fsrelay_bytes) - (size_t)n);

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return;
		n = fsrelay_hand_over(fuse, notices, (size_t)(n + got));
		if (n < 0)
			return;
	}
}

/* Notices. */
static void fsrelay_notices(int from, int fuse)
{
	ssize_t n = 0;

	for (;;) {
		const ssize_t got = read(from, fsrelay_bytes + n,
					 sizeof(fsrelay_bytes) - (size_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		n = fsrelay_hand_over(fuse, fuse, (size_t)(n + got));
		if (n < 0)
			return;
	}
}

static void fsrelay_prepare(const char *name)
{
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	(void)mlockall(MCL_CURRENT | MCL_FUTURE);
	signal(SIGPIPE, SIG_IGN);
}

int fsrelay_start(int fuse, int port, struct err *e)
{
	int pair[2];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0 || fcntl(pair[1], F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "pipe");
	(void)fcntl(pair[1], F_SETPIPE_SZ, FSRELAY_NOTICES);
	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (pid < 0)
			return err_sys(e, "start the relay of files");
		if (pid > 0)
			continue;
		fsrelay_prepare(
			(const char *const[]){"ccvm-fs-out", "ccvm-fs-in", "ccvm-fs-notice"}[i]);
		close(pair[i == 1 ? 0 : 1]);
		if (i == 0) {
			fsrelay_out(fuse, port);
			shutdown(port, SHUT_RDWR); /* a test's socket: the other way ends, too */
		} else if (i == 1)
			fsrelay_in(port, fuse, pair[1]);
		else
			fsrelay_notices(pair[0], fuse);
		_exit(0);
	}
	close(pair[0]);
	close(pair[1]);
	return 0;
}
