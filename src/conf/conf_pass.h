/* conf_pass: which of the user's environment variables go along to claude in the guest. */
#ifndef CCVM_CONF_CONF_PASS_H
#define CCVM_CONF_CONF_PASS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

struct conf;

/* Appends "NAME=value" for each variable of envp that passEnv lists. The variable that holds the
 * API key is never among them: the session sends it by itself, under its own name, as a secret. */
void conf_pass_env(const struct conf *c, char *const *envp, struct strv *out);

/* True for a name from which claude, or a cloud library inside it, reads a credential. */
bool conf_pass_is_credential(const char *name);

/* True for [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes. */
bool conf_pass_is_name(const char *name);

/* Checks one entry of passEnv: a name, or a pattern that ends in *. */
int conf_pass_check(const char *entry, struct err *e);

#endif
