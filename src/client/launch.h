/* launch: starts a ccvm-session of our own and tells it what to run. */
#ifndef CCVM_CLIENT_LAUNCH_H
#define CCVM_CLIENT_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

struct conf;

struct launch { /* all borrowed */
	const struct conf *conf;
	const struct buf *args; /* the agent's, as base/strlist.h has them */
	char *const *envp;	/* the user's environment */
	bool shell;
	bool dryrun;
	bool detached;	  /* lives on when its socket is closed */
	bool spare;	  /* until somebody gives it a name (proto/request.h) */
	const char *name; /* NULL: the directory's */
	bool tty;
	const char *term;
	int cols, rows;
};

/* Starts the session in the current directory, which becomes its workspace. *fd is the connected
 * socket (owned by the caller, close-on-exec): the session lives as long as it is open. Returns
 * its pid, a child of this process, or -1. */
pid_t launch_session(const struct launch *l, int *fd, struct err *e);

/* Wipes the values of credentials in envp, in place: once the session has them, this process
 * needs them no more. Where the strings are those that the process was started with,
 * /proc/PID/environ shows them no more either. */
void launch_forget(const struct launch *l);

/* First thing in main: leaves in PATH what an agent cannot put programs in (trustpath_programs).
 * What the host runs by name, QEMU, git and the clipboard's tools among it, is looked up there,
 * by this process and those it starts. */
void launch_keep_trusted_programs(void);

/* Refuses root (exit code 126), unless CCVM_ALLOW_ROOT=1. */
int launch_check_root(struct err *e);

/* Where the other programs are: build/libexec/ccvm beside build/bin, or the same below the
 * prefix. Free it. */
char *launch_libexec(void);
char *launch_share(void);

#endif
