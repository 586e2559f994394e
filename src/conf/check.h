/* check: the checks of string options that need no module of their own. Each returns the normal
 * form (free it), or NULL with a text that says what is wrong. */
#ifndef CCVM_CONF_CHECK_H
#define CCVM_CONF_CHECK_H

#include "base/err.h"

char *check_url(const char *value, struct err *e);	 /* http or https, without credentials */
char *check_nix_key(const char *value, struct err *e);	 /* name:base64 */
char *check_variable(const char *value, struct err *e);	 /* a variable's name, or empty */
char *check_directory(const char *value, struct err *e); /* an absolute path, or empty */
char *check_pass_env(const char *value, struct err *e);	 /* a variable's name, or a pattern */
char *check_pattern(const char *value,
		    struct err *e); /* an entry of the workspace (fs/fs_patterns.h) */
char *check_extra_dir(const char *value,
		      struct err *e); /* PATH, PATH:ro or PATH:rw; always with one */
char *check_private_dir(const char *value,
			struct err *e);		       /* a relative path, in its shortest form */
char *check_package(const char *value, struct err *e); /* a Debian or Nix package name */
char *check_key(const char *value, struct err *e);     /* C-x, M-x or F1 to F12 */

/* COMMAND=KEY, with a command of TUI_COMMANDS; keys are looked at by ccvm-tui, which knows them. */
char *check_binding(const char *value, struct err *e);

#endif
