/* env: the environment. One table has every variable that our programs read, but for those of
 * options (conf/option.c); help text and manual are made from it. Nobody else calls getenv(3):
 * values go down as arguments, and to other processes as a struct hostenv. */
#ifndef CCVM_CONF_ENV_H
#define CCVM_CONF_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/hostenv.h"

enum env_variable {
	ENV_SHARE_CLAUDE_CONFIG,
	ENV_CONFIG,
	ENV_IMAGE,
	ENV_EVENTS,
	ENV_DRYRUN,
	ENV_KVM_DEV,
	ENV_MACHINE,
	ENV_SCRATCH_DIR,
	ENV_SCRATCH_ALLOW_TMPFS,
	ENV_QEMU,
	ENV_TEMPLATE,
	ENV_TEMPLATE_DIR,
	ENV_BOOT_TIMEOUT,
	ENV_QEMU_SANDBOX,
	ENV_ALLOW_ROOT,
	ENV_DEBUG,
	ENV_OURS, /* how many have our prefix; the others are everybody's */
	ENV_HOME = ENV_OURS,
	ENV_PATH,
	ENV_XDG_CACHE_HOME,
	ENV_XDG_CONFIG_HOME,
	ENV_XDG_RUNTIME_DIR,
	ENV_XDG_STATE_HOME,
	ENV_CLAUDE_CONFIG_DIR,
	ENV_TERM,
	ENV_COLORTERM,
	ENV_COLORFGBG,
	ENV_NO_COLOR,
	ENV_STY,
	ENV_WAYLAND_DISPLAY,
	ENV_DISPLAY,
	ENV_XAUTHORITY,
	ENV_GIT_CONFIG_GLOBAL,
	ENV_GIT_CONFIG_SYSTEM,
	ENV_GIT_CONFIG_NOSYSTEM,
	ENV_VARIABLES
};

struct env_row {
	const char *name;
	const char *help; /* half a line */
};

/* A row of the table: our own first (ENV_OURS of them). NULL past the end. */
const struct env_row *env_row(size_t i);
/* Whether one of our programs reads it. */
bool env_is_known(const char *name);

/* The value in this process's environment; NULL: not set. Borrowed until the environment changes. */
const char *env_get(enum env_variable v);
/* As env_get, but NULL as well where the value is empty. */
const char *env_text(enum env_variable v);
bool env_is(enum env_variable v, const char *value);
/* The value in another one. */
const char *env_in(char *const *envp, enum env_variable v);

/* This process's environment as a whole, for its children. */
char *const *env_all(void);

/* What it says of this computer, resolved at the first call. Valid for the life of the process. */
const struct hostenv *env_host(void);
/* The same of any environment, anew. hostenv_fini frees it. Pure. */
void env_host_resolve(struct hostenv *h, char *const *envp);
/* Where the configuration file is that this environment asks for; NULL: nowhere. Free it. Pure. */
char *env_config_file(char *const *envp);

#endif
