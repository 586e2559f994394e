/* conf_env: reads the CCVM_* variables. */
#ifndef CCVM_CONF_CONF_ENV_H
#define CCVM_CONF_CONF_ENV_H

#include "base/err.h"

struct conf;

/* Applies the variables of envp over what c holds. Unknown CCVM_ names become notes with the
 * nearest known name. */
int conf_env_load(struct conf *c, char *const *envp, struct err *e);

#endif
