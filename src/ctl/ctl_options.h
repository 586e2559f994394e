/* ctl_options: commands as tables (name, usage, help, options, subcommands), and the one parser of
 * their arguments.
 *
 * Options may stand before or after operands; "--" ends them. An option's name is written in full.
 */
#ifndef CCVM_CTL_OPTIONS_H
#define CCVM_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define CTL_USAGE    2	/* the exit code of wrong usage */
#define CTL_ANY	     -1 /* any number of operands */
#define CTL_PATH_MAX 64

enum ctl_need {
	CTL_OPTIONAL,
	CTL_REQUIRED,
	CTL_HIDDEN
}; /* hidden: for our own programs, in no help */

struct ctl_option {
	const char *name;     /* without the dashes */
	char letter;	      /* or 0 */
	const char *argument; /* NULL: takes none; words in small letters with | between them are
				 its values */
	const char *help;
	enum ctl_need need;
};

/* A table of options ends with a row without a name. Each command has this one besides. */
extern const struct ctl_option ctl_option_help;

#define CTL_JSON                                                                                   \
	{                                                                                          \
		"json", 'j', NULL, "print JSON, errors included"                                   \
	}
#define CTL_ALL(of)                                                                                \
	{                                                                                          \
		"all", 'a', NULL, of                                                               \
	}

enum ctl_operand { CTL_OTHER, CTL_SESSION, CTL_DRY_RUN }; /* what completions offer */

struct ctl_args;
struct ctl_command;

/* Returns the exit code, or -1 with *e set; for wrong usage set it with ctl_usage. */
typedef int ctl_run_fn(const struct ctl_args *a, struct err *e);

struct ctl_command {
	const char *name, *alias; /* alias: or NULL */
	const char *operands;	  /* as the usage shows them; NULL: none */
	const char *help;	  /* one line */
	const char *more;	  /* what --help and the manual page add, or NULL */
	const struct ctl_option *options;
	const struct ctl_command *const
		*commands; /* subcommands, up to NULL; such a command runs nothing itself */
	int least, most;   /* operands */
	int text_after;	   /* what follows so many operands is text, dashes or not; 0: nothing is */
	enum ctl_operand operand;
	bool hidden;
	ctl_run_fn *run;
};

struct ctl_given {
	const struct ctl_option *option;
	const char *value; /* borrowed; NULL where it takes none */
};

struct ctl_args { /* all borrowed from argv but given */
	const struct ctl_command *command;
	char path[CTL_PATH_MAX]; /* "egress log"; "" of the root */
	struct ctl_given *given; /* owned, in the order of the command line */
	size_t ngiven;
	char **operands; /* up to NULL */
	int n;
	int plain; /* operands that did not follow "--" */
	bool help; /* nothing else is checked then */
};

/* Goes down from the root to the command that argv (argv[0] is the program) names, and reads its
 * arguments. Reorders argv. a is to be freed with ctl_options_fini whatever comes back, and names
 * the command as far as it was found. Error, with exit code CTL_USAGE: an unknown command or
 * option, which names the nearest one, a missing or needless value, a wrong number of operands. */
int ctl_options_parse(struct ctl_args *a, const struct ctl_command *root, int argc, char **argv,
		      struct err *e);
void ctl_options_fini(struct ctl_args *a);

/* The subcommand of this name or alias; NULL with *e, which names the nearest one. */
const struct ctl_command *ctl_options_find(const struct ctl_command *command, const char *name,
					   struct err *e);

/* Whether --json stands among the arguments, for errors that come before they are read. */
bool ctl_options_json(int argc, char **argv);

/* Whether an option of this name was given, which the command's table need not have. */
bool ctl_options_given(const struct ctl_args *a, const char *option);

/* Whether the option was given, and its last value. The command's table must have it. */
bool ctl_has(const struct ctl_args *a, const char *option);
const char *ctl_value(const struct ctl_args *a, const char *option); /* NULL: not given */

/* Wrong usage: sets text and exit code. Returns -1. */
int ctl_usage(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
