/* ccvm-term: keeps the screen of one session; started by ccvm-session, with the lines of history
 * as argument and a socket as fd 3.
 *
 * This process only starts the one that does the work, and another one when that dies: a guest
 * that found a vulnerability in libvterm loses its screen and nothing else. Each gets a socket
 * of its own, whose other end goes to ccvm-session over fd 3; so the process that starts new
 * ones never reads a byte that came from a guest. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/sched.h"
#include "term/term.h"
#include "term/term_confine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define MAIN_CONTROL_FD 3
#define MAIN_STARTS_MAX 50
#define MAIN_PAUSE_NS	200000000L /* between a death and the next start */

static int main_work(int fd, pid_t parent, size_t history)
{
	struct err e;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return 0;
	sched_take_short_turns();
	if (term_confine(fd, history, &e) < 0) {
		log_error("%s", e.text);
		return 3;
	}
	return term_run(fd, history);
}

static int main_send_fd(int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec byte = {(char[]){'n'}, 1};
	struct msghdr m = {.msg_iov = &byte,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(MAIN_CONTROL_FD, &m, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* What a log shows of a guest that broke its screen, or of a bug. */
static void main_note_death(int status)
{
	const char *how = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "an error";

	log_note("the screen's process was ended by %s; it restarts with an empty screen",
		 how ? how : "a signal");
}

/* Returns the worker's wait status, or -1. */
static int main_run_one(size_t history)
{
	const pid_t parent = getpid();
	int pair[2], status = -1;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		_exit(main_work(pair[1], parent, history));
	close(pair[1]);
	if (pid < 0 || main_send_fd(pair[0]) < 0)
		status = -1;
	close(pair[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Lines of history, in decimal; false: not a number within the bounds. */
static bool main_parse_history(const char *text, size_t *history)
{
	int64_t n;

	if (!number_parse(text, 0, TERM_HISTORY_MAX, &n))
		return false;
	*history = (size_t)n;
	return true;
}

int main(int argc, char **argv)
{
	size_t history = TERM_HISTORY;
	int type;
	socklen_t size = sizeof(type);

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("ccvm-term %s\n", CCVM_VERSION);
		return 0;
	}
	log_init("ccvm-term", LOG_LEVEL_NOTE);
	if (argc > 2 || (argc == 2 && !main_parse_history(argv[1], &history))) {
		log_error("expects one argument, the lines of history (at most %d)",
			  TERM_HISTORY_MAX);
		return 2;
	}
	if (getsockopt(MAIN_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0) {
		log_error("is started by ccvm-session, not by hand");
		return 2;
	}
	for (int i = 0; i < MAIN_STARTS_MAX; i++) {
		int status = main_run_one(history);

		if (status == -1 ||
		    (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3)))
			return status != 0;
		main_note_death(status);
		nanosleep(&(struct timespec){0, MAIN_PAUSE_NS}, NULL);
	}
	log_error("gave up after %d starts", MAIN_STARTS_MAX);
	return 1;
}
