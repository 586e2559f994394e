/* conf_args: takes ccvm's own flags out of an argv and leaves every other byte of it to claude. */
#ifndef CCVM_CONF_CONF_ARGS_H
#define CCVM_CONF_CONF_ARGS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

struct conf_args {
	bool shell;
	bool debug;
	bool help;
	bool version;
	int writable_cwd; /* -1: no flag; 0, 1: the last flag given */
	struct strv rest; /* claude's arguments, unchanged and in order */
};

/* Splits argv (argv[0] is skipped). Own flags are recognised at any position before the first
 * "--", and only when they match exactly; from the first "--" on everything, the "--" included,
 * is claude's. out need not be initialised. */
int conf_args_split(int argc, char **argv, struct conf_args *out, struct err *e);
void conf_args_fini(struct conf_args *a);

/* Calls fn for each own flag with its help text. */
void conf_args_each(void (*fn)(void *ctx, const char *flag, const char *help), void *ctx);

#endif
