/* conf: the options of a run, resolved from flags, CCVM_* variables, the config file, the image
 * and defaults.
 *
 * What an option is called, its type, default, variable, flag and help text stand in one table
 * (option.c); everything here is made from it. The config file is
 * `$XDG_CONFIG_HOME/ccvm/config.json`, or the file that CCVM_CONFIG names. */
#ifndef CCVM_CONF_CONF_H
#define CCVM_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "conf/conf_args.h"
#include "conf/conf_fields.h"

void conf_init(struct conf *c); /* every option at its default */
void conf_fini(struct conf *c);

/* Resolves all options but the image's (conf_apply_image). c was initialised; a may be NULL (no
 * flags). Returns 0, or -1 with exit code 126 and a text that names the variable, or file and
 * line, and the nearest known name. Warnings that do not stop a run are in c->notes. */
int conf_load(struct conf *c, const struct conf_args *a, char *const *envp, struct err *e);

/* Applies what an image was built with: a JSON object of option names. An option that nobody
 * else set gets the image's value; for those that an image grants (clipboard.images, agentSudo)
 * a run can only take away. Names this program does not know are ignored: an image may be newer.
 * So are passEnv and apiKeyVariable, which ccvm needs before the session opens the image. Called
 * twice with the same text, the second time does nothing. */
int conf_apply_image(struct conf *c, const char *json, struct err *e);

/* The resolved options as one line of JSON, and back without loss. Free the text. */
char *conf_to_json(const struct conf *c);
int conf_from_json(struct conf *c, const char *json, struct err *e);

/* Whether the agent has root in the guest: as set, or with auto exactly when egress is open. */
bool conf_agent_sudo(const struct conf *c);

/* With lockGuestMemory, checks that RLIMIT_MEMLOCK (its hard limit) or CAP_IPC_LOCK lets QEMU
 * lock its memory; the error says what to change. */
int conf_check_memlock(const struct conf *c, struct err *e);

/* As conf_check_memlock, for a given limit in bytes. Pure. */
int conf_check_memlock_limit(const struct conf *c, unsigned long long limit, struct err *e);

#endif
