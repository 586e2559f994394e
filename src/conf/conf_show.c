#include "conf/conf_show.h"
#include "base/buf.h"
#include "conf/conf_args.h"
#include "conf/conf_fields.h"
#include "conf/env.h"
#include "conf/option.h"
#include "conf/value.h"

#include <string.h>

#define MDOC_WIDTH  78
#define MDOC_LONG   400 /* bytes of a default */
#define MDOC_PASSED "ENVIRONMENT PASSED"

static void show_flag(void *ctx, const char *flag, const char *help)
{
	fprintf(ctx, "  %-24s %s\n", flag, help);
}

static void show_option(FILE *f, const struct option *o)
{
	fprintf(f, "  %-24s %s\n", o->name, o->help);
	if (strlen(o->fallback) <= 40)
		fprintf(f, "  %-24s   default %s%s%s\n", "", o->fallback,
			o->variable ? ", variable " : "", o->variable ? o->variable : "");
	else
		fprintf(f, "  %-24s   default: see ccvm-config(5)%s%s\n", "",
			o->variable ? ", variable " : "", o->variable ? o->variable : "");
}

void conf_print_help(FILE *f)
{
	fputs("ccvm runs Claude Code inside a throw-away virtual machine.\n"
	      "\n"
	      "usage: ccvm [claude's arguments]\n"
	      "\n"
	      "Every argument reaches claude unchanged, except these before --:\n",
	      f);
	conf_args_each(show_flag, f);
	fputs("\nOptions, set in $XDG_CONFIG_HOME/ccvm/config.json or by a variable for one run:\n",
	      f);
	for (size_t i = 0; i < option_count(); i++)
		if (option_at(i)->when == OPTION_RUN || option_at(i)->when == OPTION_IMAGE_RUN)
			show_option(f, option_at(i));
	fputs("\nOptions of the image and of ccvm-tui, set in the same file:\n", f);
	for (size_t i = 0; i < option_count(); i++)
		if (option_at(i)->when == OPTION_IMAGE || option_at(i)->when == OPTION_TUI)
			show_option(f, option_at(i));
	fputs("\nOther variables:\n", f);
	for (size_t i = 0; i < ENV_OURS; i++)
		fprintf(f, "  %-24s %s\n", env_row(i)->name, env_row(i)->help);
	fputs("\nExit status: claude's own; 125 the guest could not start or died, 126 "
	      "configuration or "
	      "policy,\n"
	      "127 claude is not in the image.\n",
	      f);
}

static void show_source(const struct conf *c, size_t row, struct buf *out)
{
	static const char *const names[] = {
		[CONF_SOURCE_DEFAULT] = "default", [CONF_SOURCE_IMAGE] = "image",
		[CONF_SOURCE_FILE] = "file",	   [CONF_SOURCE_GROUP] = OPTION_GROUP_VARIABLE,
		[CONF_SOURCE_VARIABLE] = NULL,	   [CONF_SOURCE_FLAG] = "flag"};
	const char *name = names[c->source[row]];

	if (!name)
		name = option_at(row)->variable;
	buf_addf(out, "%s", name ? name : "variable");
	if (c->source[row] == CONF_SOURCE_FILE && c->line[row])
		buf_addf(out, ":%d", c->line[row]);
}

void conf_show(const struct conf *c, conf_row_fn *fn, void *ctx)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);
		AUTO_BUF struct buf value = {0};
		AUTO_BUF struct buf source = {0};

		value_to_json(o, option_field_const(o, c), &value);
		show_source(c, i, &source);
		fn(ctx, o->name, buf_text(&value), buf_text(&source));
	}
}

struct show_target {
	FILE *f;
	bool first;
};

static void show_row_text(void *ctx, const char *name, const char *value, const char *source)
{
	struct show_target *t = ctx;

	fprintf(t->f, "%-24s %-20s %s\n", name, source, value);
}

static void show_row_json(void *ctx, const char *name, const char *value, const char *source)
{
	struct show_target *t = ctx;

	fprintf(t->f, "%s\n  \"%s\": {\"value\": %s, \"source\": \"%s\"}", t->first ? "" : ",",
		name, value, source);
	t->first = false;
}

void conf_print(const struct conf *c, FILE *f, bool json)
{
	struct show_target t = {f, true};

	if (!json) {
		fprintf(f, "# config file: %s\n", c->file ? c->file : "none");
		conf_show(c, show_row_text, &t);
		return;
	}
	fputc('{', f);
	conf_show(c, show_row_json, &t);
	fputs("\n}\n", f);
}

/* ---- the man page ---- */

/* mdoc reads a backslash as the start of an escape, and a line that begins with a dot or a quote
 * as a request. A sentence begins a new line, and lines stay short. */
static void mdoc_text(FILE *f, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t n = strcspn(text, " ");
		bool ends = n && text[n - 1] == '.';

		if (column && column + n > MDOC_WIDTH) {
			fputc('\n', f);
			column = 0;
		}
		if (column)
			fputc(' ', f);
		else if (*text == '.' || *text == '\'')
			fputs("\\&", f);
		for (size_t i = 0; i < n; i++)
			fputs(text[i] == '\\' ? "\\e" : (char[]){text[i], '\0'}, f);
		column = ends && text[n] ? MDOC_WIDTH : column + n + 1;
		text += n + (text[n] == ' ');
	}
	fputc('\n', f);
}

/* A default that would fill a page has a section of its own. */
static bool mdoc_is_long(const struct option *o)
{
	return strlen(o->fallback) > MDOC_LONG;
}

static void mdoc_option(FILE *f, const struct option *o)
{
	fprintf(f, ".It Cm %s\n", o->name);
	mdoc_text(f, o->man);
	fprintf(f, ".br\nWhen: %s.\nDefault:\n", option_when_text(o->when));
	if (mdoc_is_long(o))
		fputs("see\n.Sx " MDOC_PASSED " .\n", f);
	else
		mdoc_text(f, o->fallback);
	if (o->variable)
		fprintf(f, ".br\nVariable:\n.Ev %s\n", o->variable);
	if (o->flag)
		fprintf(f, ".br\nFlags: %s\n", o->flag);
}

/* The strings of a list in JSON, none of which holds a quote, as words. */
static void mdoc_default(FILE *f, const struct option *o)
{
	AUTO_BUF struct buf words = {0};

	for (const char *p = o->fallback; *p; p++)
		if (!strchr("[]\"", *p))
			buf_add(&words, p, 1);
	fprintf(f, "By default,\n.Cm %s\nis:\n.Bd -filled -offset indent\n", o->name);
	mdoc_text(f, buf_text(&words));
	fputs(".Ed\n", f);
}

static void mdoc_variables(FILE *f)
{
	const struct env_row *v;

	fputs(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n", f);
	for (size_t i = 0; (v = env_row(i)); i++) {
		fprintf(f, ".It Ev %s\n", v->name);
		mdoc_text(f, v->help);
	}
	fputs(".El\n", f);
}

void conf_print_mdoc(FILE *f)
{
	fputs(".Bl -tag -width Ds\n", f);
	for (size_t i = 0; i < option_count(); i++)
		mdoc_option(f, option_at(i));
	fputs(".El\n", f);
	mdoc_variables(f);
	fputs(".Sh " MDOC_PASSED "\n", f);
	for (size_t i = 0; i < option_count(); i++)
		if (mdoc_is_long(option_at(i)))
			mdoc_default(f, option_at(i));
}
