/* conf_file: reads the config file. */
#ifndef CCVM_CONF_CONF_FILE_H
#define CCVM_CONF_CONF_FILE_H

#include <stddef.h>

#include "base/err.h"

struct conf;

#define CONF_FILE_MAX (1024 * 1024)

/* Finds and reads the config file: CCVM_CONFIG, else $XDG_CONFIG_HOME/ccvm/config.json, else the
 * same under ~/.config. No file is no error unless CCVM_CONFIG names it. */
int conf_file_load(struct conf *c, char *const *envp, struct err *e);

/* Reads the text of a config file into c. `name` stands in front of errors with the line. Pure. */
int conf_file_read_text(struct conf *c, const char *text, size_t n, const char *name,
			struct err *e);

/* Replaces comments (and a byte order mark) by blanks in place, so that every offset and line
 * stays what it was. Pure. */
void conf_file_blank(char *text, size_t n);

#endif
