/* user_place: where this user keeps what no guest may see or change: logins, keys, and ccvm's
 * own directories.
 *
 * The one list of them. A workspace may neither hold one nor lie in one (session/policy), and
 * nothing that is shared may lead to one (seed/seed_tree). Places are judged by device and
 * inode: a link, a bind mount or another spelling is the same place. */
#ifndef CCVM_CONF_USER_PLACE_H
#define CCVM_CONF_USER_PLACE_H

#include <stdbool.h>

struct user_dirs { /* absolute; borrowed; NULL: none */
	const char *home;
	/* as the system's user database has it: HOME may say something else */
	const char *own_home;
	const char *claude_dir;	 /* $CLAUDE_CONFIG_DIR, or ~/.claude */
	const char *config_file; /* ccvm's own, whether it exists or not */
	const char *run_base;	 /* holds the keys of running sessions */
	const char *cache;	 /* images and templates that later sessions start from */
	const char *state;	 /* recent directories, kept change sets */
	const char *templates;	 /* saved guests, where they are kept elsewhere */
	const char *image;	 /* the one this session starts from; may lie elsewhere */
};

struct user_place {
	const char *path; /* valid during the call */
	const char *what; /* "your SSH keys" */
	bool closed;	  /* a workspace may not lie in it either */
	bool secret;	  /* to be read by nobody but its owner */
};

/* Calls visit for each, whether it exists or not, the login first, until one call returns false. */
typedef bool user_place_visit(void *ctx, const struct user_place *p);
void user_place_each(const struct user_dirs *d, user_place_visit *visit, void *ctx);

/* How many there are at most. */
#define USER_PLACE_MAX 160

#endif
