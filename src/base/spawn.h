/* spawn: starts a child that inherits only what is listed.
 *
 * The child gets exactly the fds of the table, the given environment, default signal dispositions
 * and an empty signal mask. A failure between fork and exec is reported here with its errno, as if
 * it had happened in the parent. */
#ifndef CCVM_BASE_SPAWN_H
#define CCVM_BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct spawn_fd {
	int from; /* in this process */
	int to;	  /* in the child; 0, 1 and 2 that are not listed become /dev/null */
};

struct spawn {
	const char *path; /* no PATH search */
	char *const *argv;
	char *const *envp;     /* never NULL: an empty environment is { NULL } */
	const char *directory; /* to start in; NULL: this process's */
	const struct spawn_fd *fds;
	size_t nfds;
	/* SIGKILL when the calling thread's process ends (prctl(2) PR_SET_PDEATHSIG) */
	bool die_with_parent;
	bool no_core;	  /* RLIMIT_CORE 0 */
	bool new_session; /* setsid: terminal signals of our terminal do not reach it */
	/* Runs in the child right before exec, after the fds are in place; -1 with errno stops the
	 * start. */
	int (*confine)(const void *ctx);
	const void *confine_ctx;
};

/* Returns the pid, or -1. *pidfd (if not NULL) becomes a close-on-exec pidfd that turns readable at
 * exit. */
pid_t spawn_start(const struct spawn *s, int *pidfd, struct err *e);

/* Sends a signal to the child behind a pidfd, which cannot have become another process meanwhile.
 * -1 with errno. */
int spawn_signal(int pidfd, int number);

/* The value of a variable in an environment, the first where it is there twice; borrowed. NULL: not
 * set. */
const char *spawn_env(char *const *envp, const char *name);

/* Finds an executable along the absolute directories of path, the value of a PATH (NULL: the usual
 * ones); a name with a slash is a path already. NULL when there is none. Free the result. */
char *spawn_find(const char *path, const char *name);

/* Runs argv (argv[0] found along the PATH of envp) to its end with an environment, stdin from
 * /dev/null, and collects at most max bytes of its stdout. Returns the wait status, or -1. */
struct buf;
int spawn_output(char *const *argv, char *const *envp, size_t max, struct buf *out, struct err *e);

/* The exit code a shell would report for this wait status: the code, or 128 + signal. */
int spawn_exit_code(int wait_status);

#endif
