/* seed: fills the directory that a session's guest reads once at boot.
 *
 * Only what is listed is ever staged; the host login is kept out because nothing stages it. Keys are not
 * written here (src/ssh). The names are in proto/names.h. */
#ifndef CCVM_SEED_SEED_H
#define CCVM_SEED_SEED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "conf/user_place.h"

struct conf;

struct seed_spec { /* all borrowed */
	const struct conf *conf;
	const char *workdir; /* absolute, resolved */
	int workdir_fd;	     /* the directory itself, whatever its path leads to by now */
	bool shell;
	uid_t uid;
	gid_t gid;
	const struct buf *args; /* claude's, as base/strlist.h has them */
	struct user_dirs dirs;	/* home and claude_dir are never NULL */
	char *const *envp;	/* the user's environment: for git, and for which variables will be sent */
	bool clipboard;
	int clipboard_port; /* on the guest's loopback */
	bool agent_sudo;    /* resolved */
	bool pool;	    /* an encrypted disk is attached */
	const char *projects; /* the one folder of ~/.claude/projects that is shared; NULL: none */
};

/* One line for the user about something that was left out, and why. Free of control characters. */
typedef void seed_note_fn(void *ctx, const char *note);

/* Writes every part into the empty directory seed_dirfd. A shared item that cannot be staged is a note, not
 * an error; -1 only when the seed directory itself cannot be written or the spec is unusable. note may be
 * NULL. */
int seed_write(const struct seed_spec *s, int seed_dirfd, seed_note_fn *note, void *ctx, struct err *e);

/* Makes the seed ready to be read: writes the clock file anew, then the pack of all the seed's files, replacing what is there. Call it
 * right before the guest goes on. */
int seed_seal(int seed_dirfd, struct err *e);

#endif
