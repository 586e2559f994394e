#include "ctl/ctl_options.h"
#include "base/mem.h"
#include "conf/nearest.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX  24	 /* of one command, --help among them */
#define OPTIONS_BASE 256 /* what getopt_long returns for the first row; a letter is less */

const struct ctl_option ctl_option_help = {"help", 'h', NULL, "print this text"};
/* Of a command with subcommands: --json may stand before the subcommand's name, and so also where
 * there is none. */
static const struct ctl_option options_json = CTL_JSON;

int ctl_usage(struct err *e, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(e, "%s", text);
	return err_exit_code(e, CTL_USAGE);
}

/* ---- the tables, as getopt_long wants them ---- */

struct options_table {
	const struct ctl_option *row[OPTIONS_MAX];
	struct option of_getopt[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
	size_t n;
};

static void options_add(struct options_table *t, const struct ctl_option *o)
{
	size_t at = strlen(t->letters);

	if (t->n == OPTIONS_MAX)
		mem_die("a command of ccvmctl has too many options");
	t->of_getopt[t->n] = (struct option){o->name, o->argument ? required_argument : no_argument,
					     NULL, OPTIONS_BASE + (int)t->n};
	t->row[t->n++] = o;
	if (!o->letter)
		return;
	t->letters[at++] = o->letter;
	if (o->argument)
		t->letters[at] = ':';
}

/* "-": operands come in their order, whatever POSIXLY_CORRECT is; ":": a missing value is told from
 * an unknown option. */
static void options_make_table(struct options_table *t, const struct ctl_command *c)
{
	*t = (struct options_table){.letters = "-:"};
	options_add(t, &ctl_option_help);
	if (c->commands)
		options_add(t, &options_json);
	for (const struct ctl_option *o = c->options; o && o->name; o++)
		options_add(t, o);
}

static const struct ctl_option *options_by_code(const struct options_table *t, int code)
{
	if (code >= OPTIONS_BASE)
		return t->row[code - OPTIONS_BASE];
	for (size_t i = 0; i < t->n; i++)
		if (code && t->row[i]->letter == code)
			return t->row[i];
	return NULL;
}

/* ---- errors ---- */

static int options_unknown(const struct options_table *t, const char *word, struct err *e)
{
	AUTO_FREE char *name = mem_strndup(word, strcspn(word, "="));
	struct nearest near = {.wanted = name[1] == '-' ? name + 2 : name + 1};

	for (size_t i = 0; near.wanted[0] && near.wanted[1] && i < t->n; i++)
		if (t->row[i]->need != CTL_HIDDEN)
			nearest_offer(&near, t->row[i]->name);
	if (near.best)
		return ctl_usage(e, "unknown option %s, did you mean --%s?", name, near.best);
	return ctl_usage(e, "unknown option %s", name);
}

const struct ctl_command *ctl_options_find(const struct ctl_command *command, const char *name,
					   struct err *e)
{
	struct nearest near = {.wanted = name};

	for (const struct ctl_command *const *c = command->commands; c && *c; c++) {
		if (strcmp((*c)->name, name) == 0 ||
		    ((*c)->alias && strcmp((*c)->alias, name) == 0))
			return *c;
		if ((*c)->hidden)
			continue;
		nearest_offer(&near, (*c)->name);
		if ((*c)->alias)
			nearest_offer(&near, (*c)->alias);
	}
	if (near.best)
		(void)ctl_usage(e, "unknown command %s, did you mean %s?", name, near.best);
	else
		(void)ctl_usage(e, "unknown command %s", name);
	return NULL;
}

/* What getopt_long could not take: word is the argument it stands in. */
static int options_refuse(const struct options_table *t, int code, const char *word, struct err *e)
{
	const struct ctl_option *o = options_by_code(t, optopt);

	if (o && code == ':')
		return ctl_usage(e, "option --%s needs a value: %s", o->name, o->argument);
	if (o && word[1] == '-')
		return ctl_usage(e, "option --%s takes no value", o->name);
	return options_unknown(t, word[1] == '-' ? word : (const char[]){'-', (char)optopt, '\0'},
			       e);
}

/* ---- reading ---- */

/* getopt_long takes a beginning of a name for the name; a script that relies on one breaks with the
 * next option. */
static bool options_is_whole(const struct ctl_option *o, const char *word)
{
	return strncmp(word, "--", 2) != 0 || strlen(o->name) == strcspn(word + 2, "=");
}

static void options_give(struct ctl_args *a, const struct ctl_option *o, const char *value)
{
	a->help = a->help || o == &ctl_option_help;
	a->given = mem_resize(a->given, a->ngiven + 1, sizeof(*a->given));
	a->given[a->ngiven++] = (struct ctl_given){o, value};
}

/* Operands move to the front of argv, in their order. */
static int options_read(struct ctl_args *a, int argc, char **argv, struct err *e)
{
	struct options_table t;

	options_make_table(&t, a->command);
	a->operands = argv + 1;
	optind = 0; /* glibc: start anew */
	opterr = 0;
	for (;;) {
		const int at = optind ? optind : 1;
		const int code = getopt_long(argc, argv, t.letters, t.of_getopt, NULL);
		const struct ctl_option *o = options_by_code(&t, code);

		if (code == -1)
			break;
		if (code == 1) {
			if (a->command->text_after && a->n == a->command->text_after) {
				optind--;
				break;
			}
			a->operands[a->n++] = optarg;
		} else if (!o) {
			return options_refuse(&t, code, argv[at], e);
		} else if (!options_is_whole(o, argv[at])) {
			return options_unknown(&t, argv[at], e);
		} else {
			options_give(a, o, o->argument ? optarg : NULL);
		}
	}
	a->plain = a->n;
	while (optind < argc)
		a->operands[a->n++] = argv[optind++];
	a->operands[a->n] = NULL;
	return 0;
}

static int options_check(const struct ctl_args *a, struct err *e)
{
	const struct ctl_command *c = a->command;

	for (const struct ctl_option *o = c->options; o && o->name; o++)
		if (o->need == CTL_REQUIRED && !ctl_has(a, o->name))
			return ctl_usage(e, "%s needs --%s %s", a->path, o->name,
					 o->argument ? o->argument : "");
	if (a->n < c->least)
		return ctl_usage(e, "%s needs more: %s", a->path, c->operands);
	if (c->most != CTL_ANY && a->n > c->most)
		return ctl_usage(e, "unexpected argument %s", a->operands[c->most]);
	return 0;
}

/* The place of the word that names a subcommand; argc: none. */
static int options_name_at(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0)
		i++;
	return i < argc && argv[i][0] != '-' ? i : argc;
}

/* Options that stand before the name are the subcommand's. */
static int options_descend(struct ctl_args *a, int *argc, char **argv, struct err *e)
{
	while (a->command->commands) {
		const int at = options_name_at(*argc, argv);
		const struct ctl_command *next = at < *argc
							 ? ctl_options_find(a->command, argv[at], e)
							 : NULL;
		const size_t n = strlen(a->path);

		if (at == *argc)
			return 0;
		if (!next)
			return -1;
		snprintf(a->path + n, sizeof(a->path) - n, "%s%s", n ? " " : "", next->name);
		a->command = next;
		memmove(argv + at, argv + at + 1,
			(size_t)(*argc - at) * sizeof(*argv)); /* with the NULL */
		--*argc;
	}
	return 0;
}

int ctl_options_parse(struct ctl_args *a, const struct ctl_command *root, int argc, char **argv,
		      struct err *e)
{
	*a = (struct ctl_args){.command = root};
	if (options_descend(a, &argc, argv, e) < 0 || options_read(a, argc, argv, e) < 0)
		return -1;
	return a->help || a->command->commands ? 0 : options_check(a, e);
}

void ctl_options_fini(struct ctl_args *a)
{
	free(a->given);
	a->given = NULL;
	a->ngiven = 0;
}

bool ctl_options_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "-j") == 0)
			return true;
	return false;
}

/* ---- asking ---- */

bool ctl_options_given(const struct ctl_args *a, const char *option)
{
	for (size_t i = 0; i < a->ngiven; i++)
		if (strcmp(a->given[i].option->name, option) == 0)
			return true;
	return false;
}

static const struct ctl_given *options_last(const struct ctl_args *a, const char *name)
{
	const struct ctl_option *o = a->command->options;

	while (o && o->name && strcmp(o->name, name) != 0)
		o++;
	if (!o || !o->name)
		mem_die("a command of ccvmctl asks for an option that its table does not have");
	for (size_t i = a->ngiven; i > 0; i--)
		if (a->given[i - 1].option == o)
			return &a->given[i - 1];
	return NULL;
}

bool ctl_has(const struct ctl_args *a, const char *option)
{
	return options_last(a, option) != NULL;
}

const char *ctl_value(const struct ctl_args *a, const char *option)
{
	const struct ctl_given *g = options_last(a, option);

	return g ? g->value : NULL;
}
