/* rundir: a session's directory, $XDG_RUNTIME_DIR/ccvm/<id>/ (0700), and whether the session is
 * alive.
 *
 * A live session holds a lock (flock(2)) on its directory; an unlocked directory belongs to a dead
 * session, and may be removed by anyone of the same user, unless it is marked as kept: that is a
 * dry run's, whose user wants to look at it. The lock on the base directory covers the moment
 * between making a directory and locking it. */
#ifndef CCVM_PROTO_RUNDIR_H
#define CCVM_PROTO_RUNDIR_H

#include <stdbool.h>

#include "base/err.h"

#define RUNDIR_ID_SIZE 16

#define RUNDIR_SOCKET  "sock"
#define RUNDIR_STATUS  "status.json"
#define RUNDIR_OPTIONS "options.json" /* as conf_to_json writes them */
#define RUNDIR_CONSOLE "console.log"
#define RUNDIR_QEMU    "qemu.log"
#define RUNDIR_LOG     "session.log" /* what ccvm-session says once it is confined */
#define RUNDIR_SEED    "seed"
#define RUNDIR_OVERLAY "overlay" /* the edits of an overlay session */
#define RUNDIR_UNDO    "undo"	 /* what the files that the guest changed were before */
#define RUNDIR_KEPT    "kept"	 /* empty; its presence is the mark */

enum rundir_life {
	RUNDIR_DEAD,
	RUNDIR_ALIVE,
	RUNDIR_DRY, /* no session's, but kept until its user removes it */
};

struct rundir {
	char id[RUNDIR_ID_SIZE];
	char *path;  /* owned; absolute */
	int fd;	     /* owned; of the directory, holds the lock */
	int base_fd; /* owned; O_PATH: it cannot be locked */
};

/* In all that follows, runtime is the value of XDG_RUNTIME_DIR, or NULL.
 *
 * Makes $XDG_RUNTIME_DIR/ccvm (or, without that variable, /run/user/UID or /dev/shm: always tmpfs,
 * since keys lie there) and returns its path; free it. Error: unwritable or owned by somebody
 * else. */
char *rundir_base(const char *runtime, struct err *e);

/* Makes and locks a new session directory. On failure no directory is left, and rundir_remove does
 * nothing. */
int rundir_create(struct rundir *r, const char *runtime, struct err *e);

/* Removes the directory and everything in it, then releases the lock. Safe to call twice. */
void rundir_remove(struct rundir *r);

/* Marks the directory as kept (dry run). */
int rundir_keep(const struct rundir *r, struct err *e);

/* Leaves the directory where it is, and releases the lock, the memory and the fds. */
void rundir_leave(struct rundir *r);

/* Removes the kept directory with this id. Error (with a remedy): there is none, or it is a
 * session's. */
int rundir_remove_kept(const char *runtime, const char *id, struct err *e);

/* Removes the directories of dead sessions, not the kept ones. Returns how many; problems are left
 * for the next start. */
int rundir_clean_dead(const char *runtime);

/* Calls on_session for each session directory, in the order of their ids. The fd is borrowed. */
typedef void rundir_visit(void *ctx, const char *id, int dirfd, enum rundir_life life);
int rundir_each(const char *runtime, rundir_visit *visit, void *ctx, struct err *e);

#endif
