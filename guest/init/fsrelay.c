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
#include "base/file.h"
#include "base/mem.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <sched.h>
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
static volatile bool *fsrelay_lost; /* shared: a notice found no room */

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

/* Names and attributes that nobody uses; what is in use expires. */
static void fsrelay_drop_all(void)
{
	struct err ignored;

	(void)file_set("/proc/sys/vm/drop_caches", "3", &ignored);
}

/* A notice that is for us and not for the kernel; only the process of notices knows touches. */
static bool fsrelay_take(int touches, const struct fuse_out_header *head,
			 const unsigned char *message)
{
	if (head->unique || touches < 0)
		return false;
	if (head->error == NAME_FS_ALL_STALE)
		fsrelay_drop_all();
	else if (head->error == NAME_FS_TOUCH)
		(void)!write(touches, message + sizeof(*head), head->len - sizeof(*head));
	else
		return false;
	return true;
}

/* Hands over what is whole of n bytes; returns how many are left, at the front; -1: these are no
 * messages. */
static ssize_t fsrelay_hand_over(int fuse, int notices, int touches, size_t n)
{
	struct fuse_out_header head;
	size_t at = 0;

	while (n - at >= sizeof(head)) {
		memcpy(&head, fsrelay_bytes + at, sizeof(head));
		if (head.len < sizeof(head) || head.len > sizeof(fsrelay_bytes))
			return -1;
		if (head.len > n - at)
			break;
		if (fsrelay_take(touches, &head, fsrelay_bytes + at)) {
			at += head.len;
			continue;
		}
		/* A request that was interrupted takes no answer any more (ENOENT). */
		if (write(head.unique ? fuse : notices, fsrelay_bytes + at, head.len) < 0) {
			if (errno == ENODEV)
				return -1;
			if (errno == EAGAIN)
				*fsrelay_lost = true;
		}
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
		n = fsrelay_hand_over(fuse, notices, -1, (size_t)(n + got));
		if (n < 0)
			return;
	}
}

/* Notices. */
static void fsrelay_notices(int from, int fuse, int touches)
{
	ssize_t n = 0;

	for (;;) {
		const ssize_t got = read(from, fsrelay_bytes + n,
					 sizeof(fsrelay_bytes) - (size_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		if (*fsrelay_lost) {
			*fsrelay_lost = false;
			fsrelay_drop_all();
		}
		n = fsrelay_hand_over(fuse, fuse, touches, (size_t)(n + got));
		if (n < 0)
			return;
	}
}

/* Others wait for the end of what process 1 has open: nothing of it may live on here. */
static void fsrelay_close_others(int a, int b, int c)
{
	int keep[] = {2, a, b, c, INT_MAX};

	for (size_t i = 1; i < 4; i++) /* in order */
		for (size_t k = i; k > 1 && keep[k] < keep[k - 1]; k--) {
			const int swap = keep[k];

			keep[k] = keep[k - 1];
			keep[k - 1] = swap;
		}
	for (size_t i = 0; i < 4; i++)
		if (keep[i] + 1 < keep[i + 1])
			(void)close_range((unsigned)keep[i] + 1, (unsigned)keep[i + 1] - 1, 0);
}

static void fsrelay_prepare(const char *name)
{
	struct err ignored;

	prctl(PR_SET_NAME, name);
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	(void)mlockall(MCL_CURRENT | MCL_FUTURE);
	(void)file_set("/proc/self/oom_score_adj", "-1000", &ignored);
	/* Programs wait for each message: no other's turn comes first. */
	(void)sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1});
	signal(SIGPIPE, SIG_IGN);
}

int fsrelay_start(int fuse, int port, int touches, pid_t process[FSRELAY_PROCESSES], struct err *e)
{
	int pair[2];
	pid_t pid;

	fsrelay_lost = mmap(NULL, sizeof(*fsrelay_lost), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fsrelay_lost == MAP_FAILED)
		return err_sys(e, "mmap");
	if (pipe2(pair, O_CLOEXEC) < 0 || fcntl(pair[1], F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "pipe");
	(void)fcntl(pair[1], F_SETPIPE_SZ, FSRELAY_NOTICES);
	for (int i = 0; i < FSRELAY_PROCESSES; i++) {
		pid = fork();
		if (pid < 0)
			return err_sys(e, "start the relay of files");
		process[i] = pid;
		if (pid > 0)
			continue;
		fsrelay_prepare(
			(const char *const[]){"ccvm-fs-out", "ccvm-fs-in", "ccvm-fs-notice"}[i]);
		fsrelay_close_others(fuse, i == 2 ? touches : port, pair[i == 1 ? 1 : 0]);
		if (i == 0) {
			fsrelay_out(fuse, port);
			shutdown(port, SHUT_RDWR); /* a test's socket: the other way ends, too */
		} else if (i == 1)
			fsrelay_in(port, fuse, pair[1]);
		else
			fsrelay_notices(pair[0], fuse, touches);
		_exit(0);
	}
	close(pair[0]);
	close(pair[1]);
	return 0;
}
