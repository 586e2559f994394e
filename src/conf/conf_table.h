/* conf_table: the option table as JSON, for what is made outside of C: the Nix module,
 * completions, tests. */
#ifndef CCVM_CONF_CONF_TABLE_H
#define CCVM_CONF_CONF_TABLE_H

#include <stdio.h>

/* One object: "options" (name, type, when, default, min and max, choices, variable, flags, help,
 * text of the manual), "variables" and "flags" (name, help). Keys that do not apply are absent;
 * `type` is bool, tri, int, enum, string, text, list or ports (enum option_type), and an enum is
 * any option with choices. One option a line, so that a difference reads well. */
void conf_print_table(FILE *f);

#endif
