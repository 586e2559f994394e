#include "ctl/ctl_help.h"
#include "base/json.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>

#define HELP_COLUMN 28

static char *help_path(const char *path, const struct ctl_command *c)
{
	return mem_format("%s%s%s", path, path[0] ? " " : "", c->name);
}

/* The row after o, of those that are shown: the command's own, then --help. NULL: the first one,
 * and the end. */
static const struct ctl_option *help_next(const struct ctl_command *c, const struct ctl_option *o)
{
	if (o == &ctl_option_help)
		return NULL;
	for (o = o ? o + 1 : c->options; o && o->name; o++)
		if (o->need != CTL_HIDDEN)
			return o;
	return &ctl_option_help;
}

void ctl_help_usage(struct buf *out, const char *path, const struct ctl_command *c)
{
	const char *separator = path[0] ? " " : "";

	buf_addf(out, "%s", path);
	for (const struct ctl_option *o = help_next(c, NULL); o != &ctl_option_help;
	     o = help_next(c, o)) {
		buf_addf(out, "%s%s--%s", separator, o->need == CTL_REQUIRED ? "" : "[", o->name);
		buf_addf(out, "%s%s%s", o->argument ? " " : "", o->argument ? o->argument : "",
			 o->need == CTL_REQUIRED ? "" : "]");
		separator = " ";
	}
	if (c->operands)
		buf_addf(out, "%s%s", separator, c->operands);
}

static void help_option(FILE *f, const struct ctl_option *o)
{
	const char letter[] = {'-', o->letter, ',', ' ', '\0'};
	AUTO_FREE char *name = mem_format("%s--%s%s%s", o->letter ? letter : "    ", o->name,
					  o->argument ? " " : "", o->argument ? o->argument : "");

	if (strlen(name) < HELP_COLUMN)
		fprintf(f, "  %-*s%s\n", HELP_COLUMN, name, o->help);
	else
		fprintf(f, "  %s\n  %*s%s\n", name, HELP_COLUMN, "", o->help);
}

static void help_commands(FILE *f, const struct ctl_command *c)
{
	if (c->commands)
		fprintf(f, "\nCommands:\n");
	for (const struct ctl_command *const *sub = c->commands; sub && *sub; sub++)
		if (!(*sub)->hidden)
			fprintf(f, "  %-9s %s\n", (*sub)->name, (*sub)->help);
}

void ctl_help_print(FILE *f, const char *path, const struct ctl_command *c)
{
	AUTO_BUF struct buf usage = {0};

	ctl_help_usage(&usage, path, c);
	fprintf(f, "usage: ccvmctl %s\n", buf_text(&usage));
	if (c->alias)
		fprintf(f, "       also: %s\n", c->alias);
	fprintf(f, "\n%c%s.\n", toupper((unsigned char)c->help[0]), c->help + 1);
	if (c->more)
		fprintf(f, "%s\n", c->more);
	help_commands(f, c);
	fprintf(f, "\nOptions:\n");
	for (const struct ctl_option *o = help_next(c, NULL); o; o = help_next(c, o))
		help_option(f, o);
	if (c->commands)
		fprintf(f, "\nccvmctl %s%sCOMMAND --help shows the options of a command.\n", path,
			path[0] ? " " : "");
}

/* ---- JSON ---- */

static void help_add_option(struct buf *out, const struct ctl_option *o)
{
	json_begin(out);
	json_add_string(out, "name", o->name);
	json_add_string(out, "letter", o->letter ? (const char[]){o->letter, '\0'} : NULL);
	json_add_string(out, "argument", o->argument);
	json_add_string(out, "help", o->help);
	json_add_bool(out, "required", o->need == CTL_REQUIRED);
	json_end(out);
}

void ctl_help_add_json(struct buf *out, const char *path, const struct ctl_command *c)
{
	AUTO_BUF struct buf usage = {0}, options = {0}, commands = {0};

	ctl_help_usage(&usage, path, c);
	for (const struct ctl_option *o = help_next(c, NULL); o; o = help_next(c, o)) {
		AUTO_BUF struct buf one = {0};

		help_add_option(&one, o);
		buf_addf(&options, "%s%s", buf_len(&options) ? "," : "", buf_text(&one));
	}
	for (const struct ctl_command *const *sub = c->commands; sub && *sub; sub++) {
		AUTO_FREE char *below = help_path(path, *sub);
		AUTO_BUF struct buf one = {0};

		if ((*sub)->hidden)
			continue;
		ctl_help_add_json(&one, below, *sub);
		buf_addf(&commands, "%s%s", buf_len(&commands) ? "," : "", buf_text(&one));
	}
	buf_addf(out, "{\"options\":[%s],\"commands\":[%s]", buf_text(&options),
		 buf_text(&commands));
	json_add_string(out, "name", c->name);
	json_add_string(out, "path", path);
	json_add_string(out, "alias", c->alias);
	json_add_string(out, "usage", buf_text(&usage));
	json_add_string(out, "help", c->help);
	json_end(out);
}

/* ---- mdoc ---- */

/* A backslash begins an escape there, and a dot or a quote at the start of a line a request. A
 * sentence begins a line. */
static void help_mdoc_text(FILE *f, const char *text)
{
	bool begins = true;

	for (; *text; text++) {
		if (begins && (*text == '.' || *text == '\''))
			fputs("\\&", f);
		if (*text == '\\')
			fputs("\\e", f);
		else
			fputc(*text, f);
		begins = text[0] == '.' && text[1] == ' ';
		if (begins) {
			fputc('\n', f);
			text++;
		}
	}
}

static void help_mdoc_option(FILE *f, const struct ctl_option *o)
{
	fprintf(f, ".It ");
	if (o->letter)
		fprintf(f, "Fl %c , ", o->letter);
	fprintf(f, "Fl -%s", o->name);
	if (o->argument)
		fprintf(f, " Ar \"%s\"", o->argument);
	fputc('\n', f);
	help_mdoc_text(f, o->help);
	fputc('\n', f);
}

static void help_mdoc_command(FILE *f, const char *path, const struct ctl_command *c)
{
	AUTO_BUF struct buf usage = {0};

	ctl_help_usage(&usage, path, c);
	fputs(".It Xo\n.Li \"", f);
	help_mdoc_text(f, buf_text(&usage));
	fputs("\"\n.Xc\n", f);
	fputc(toupper((unsigned char)c->help[0]), f);
	help_mdoc_text(f, c->help + 1);
	fputs(".\n", f);
	if (c->more) {
		help_mdoc_text(f, c->more);
		fputc('\n', f);
	}
	if (c->alias)
		fprintf(f, "Also\n.Li %s .\n", c->alias);
	if (help_next(c, NULL) == &ctl_option_help)
		return;
	fputs(".Bl -tag -width Ds -compact\n", f);
	for (const struct ctl_option *o = help_next(c, NULL); o != &ctl_option_help;
	     o = help_next(c, o))
		help_mdoc_option(f, o);
	fputs(".El\n", f);
}

void ctl_help_print_mdoc(FILE *f, const char *path, const struct ctl_command *c)
{
	for (const struct ctl_command *const *sub = c->commands; sub && *sub; sub++) {
		AUTO_FREE char *below = help_path(path, *sub);

		if ((*sub)->hidden)
			continue;
		if (!(*sub)->commands)
			help_mdoc_command(f, below, *sub);
		ctl_help_print_mdoc(f, below, *sub);
	}
}

/* ---- completions ---- */

static void help_words_of_option(FILE *f, const char *path, char kind, const struct ctl_option *o)
{
	const char *p = o->argument;

	fprintf(f, "%s|%c|--%s|%s\n", path, kind, o->name, o->help);
	if (!p || !strchr(p, '|') || *p < 'a' || *p > 'z')
		return;
	for (size_t n; *p; p += n + (p[n] == '|')) {
		n = strcspn(p, "|");
		fprintf(f, "%s|--%s|%.*s|\n", path, o->name, (int)n, p);
	}
}

void ctl_help_print_words(FILE *f, const char *path, const struct ctl_command *c)
{
	static const char kinds[] = {[CTL_OTHER] = 0, [CTL_SESSION] = 's', [CTL_DRY_RUN] = 'd'};

	for (const struct ctl_option *o = help_next(c, NULL); o; o = help_next(c, o))
		help_words_of_option(f, path, c->commands ? 'p' : 'o', o);
	if (kinds[c->operand])
		fprintf(f, "%s|%c||\n", path, kinds[c->operand]);
	for (const struct ctl_command *const *sub = c->commands; sub && *sub; sub++) {
		AUTO_FREE char *below = help_path(path, *sub);

		if ((*sub)->hidden)
			continue;
		fprintf(f, "%s|c|%s|%s\n", path, (*sub)->name, (*sub)->help);
		ctl_help_print_words(f, below, *sub);
	}
}
