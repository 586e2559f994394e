/* seed_spec: what a seed is made from, and the receiver of notes on what was left out. */
#ifndef CCVM_SEED_SEED_SPEC_H
#define CCVM_SEED_SEED_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "conf/user_place.h"
#include "proto/hostenv.h"

struct conf;

struct seed_spec { /* all borrowed */
	const struct conf *conf;
	const char *workdir; /* absolute, resolved */
	int workdir_fd;	     /* the directory itself, whatever its path leads to by now */
	bool shell;
	uid_t uid;
	gid_t gid;
	const struct buf *args;	    /* claude's, as base/strlist.h has them */
	struct user_dirs dirs;	    /* home and claude_dir are never NULL */
	const struct hostenv *host; /* which configuration of git's, and whose .claude.json */
	/* names of the variables that will be sent to the agent; may have the API key's. NULL: none */
	char *const *variables;
	bool clipboard;
	int clipboard_port;   /* on the guest's loopback */
	bool agent_sudo;      /* resolved */
	bool pool;	      /* an encrypted disk is attached */
	const char *extra;    /* lines of NAME_SEED_EXTRA; NULL: none */
	const char *projects; /* the one folder of ~/.claude/projects that is shared; NULL: none */
};

/* One line for the user about something that was left out, and why. Free of control characters. */
typedef void seed_note_fn(void *ctx, const char *note);

#endif
