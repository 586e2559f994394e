/* jail: restricts what a child, or this process itself, may reach: Landlock (landlock(7)) by system
 * call.
 *
 * Rules are resolved to fds by the parent, so that nothing but system calls happens between fork
 * and exec. */
#ifndef CCVM_SANDBOX_JAIL_H
#define CCVM_SANDBOX_JAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum jail_access {
	JAIL_READ,	 /* files and directories: read */
	JAIL_READ_FILES, /* files: read; directories are not listed */
	JAIL_EXECUTE,	 /* read, and start */
	JAIL_WRITE,	 /* an existing file or device: read and write, nothing made or removed */
	JAIL_TREE,	 /* everything below: read, write, make, rename, remove */
	JAIL_LAYER, /* as JAIL_TREE, and character devices 0:0, by which an overlay covers names */
	JAIL_REMOVE_EMPTY, /* directories below that are empty: remove; nothing else */
};

#define JAIL_RULES_MAX 48

struct jail {
	struct {
		int fd;
		enum jail_access access;
	} rule[JAIL_RULES_MAX];
	size_t n;
	int abi;	  /* the kernel's Landlock version, 0: none */
	bool may_connect; /* TCP connections may be made; bound to a port is nothing either way */
	/* may still signal processes outside of the jail (its own, older children) */
	bool keep_signals;
};

/* The kernel's Landlock version; 0: none. */
int jail_kernel_abi(void);
/* Without rules: nothing is reached. A kernel that refuses renames across directories (version 1)
 * counts as one without Landlock. */
void jail_init(struct jail *j);
void jail_fini(struct jail *j); /* closes the fds */

/* A path that does not exist adds nothing: it cannot be reached either way. */
int jail_allow(struct jail *j, const char *path, enum jail_access access, struct err *e);

/* What is open there (O_PATH will do), whatever its path leads to by now. */
int jail_allow_fd(struct jail *j, int fd, enum jail_access access, struct err *e);

/* As spawn's confine hook, ctx a const struct jail *: no new privileges, then Landlock. The network
 * (TCP), signals and abstract sockets outside are refused as far as the kernel's version knows
 * them. Without Landlock in the kernel it returns 0 all the same (jail.abi says so beforehand). */
int jail_enter(const void *jail);

#endif
