/* conf_show: help text, the listing of options, and the option part of the man page, from the
 * option table.
 */
#ifndef CCVM_CONF_CONF_SHOW_H
#define CCVM_CONF_CONF_SHOW_H

#include <stdbool.h>
#include <stdio.h>

struct conf;

/* The text of --ccvm-help. */
void conf_print_help(FILE *f);

/* Calls fn for each option: its name, its value as JSON, and where that came from ("default",
 * "image", "file:12", "CCVM_MEMORY", "--writable-cwd"). The strings live for the call. */
typedef void conf_row_fn(void *ctx, const char *name, const char *value, const char *source);
void conf_show(const struct conf *c, conf_row_fn *fn, void *ctx);

/* `ccvmctl config show`: a table, or one JSON object {name: {"value": …, "source": …}}. */
void conf_print(const struct conf *c, FILE *f, bool json);

/* The options and variables as mdoc(7) lists, for ccvm-config(5). */
void conf_print_mdoc(FILE *f);

#endif
