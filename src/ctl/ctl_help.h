/* ctl_help: what is made from the tables of commands: help, and what man page and completions take.
 */
#ifndef CCVM_CTL_HELP_H
#define CCVM_CTL_HELP_H

#include <stdio.h>

#include "base/buf.h"
#include "ctl/ctl_options.h"

/* "log [--json] SESSION" of the command at this path ("" the root), without the program's name. */
void ctl_help_usage(struct buf *out, const char *path, const struct ctl_command *c);
/* Usage, what it does, options, subcommands. */
void ctl_help_print(FILE *f, const char *path, const struct ctl_command *c);
/* The same as an object: name, path, alias, usage, help, options (name, letter, argument, help,
 * required), commands. */
void ctl_help_add_json(struct buf *out, const char *path, const struct ctl_command *c);
/* All commands below, as mdoc(7) items. */
void ctl_help_print_mdoc(FILE *f, const char *path, const struct ctl_command *c);
/* All that can be completed, one a line: PATH|KIND|WORD|TEXT. KIND: c a subcommand, p an option
 * where one may follow, o another option, s any session, d any dry run, or an option of which WORD
 * is a value. */
void ctl_help_print_words(FILE *f, const char *path, const struct ctl_command *c);

#endif
