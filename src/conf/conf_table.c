#include "conf/conf_table.h"
#include "base/json.h"
#include "conf/conf_args.h"
#include "conf/env.h"
#include "conf/option.h"

#include <string.h>

static const char *table_type(const struct option *o)
{
	static const char *const names[] = {
		[OPTION_BOOL] = "bool", [OPTION_TRI] = "tri",	    [OPTION_INT] = "int",
		[OPTION_ENUM] = "enum", [OPTION_STRING] = "string", [OPTION_TEXT] = "text",
		[OPTION_LIST] = "list", [OPTION_PORTS] = "ports"};

	return o->choices ? "enum" : names[o->type];
}

static void table_add_choices(struct buf *b, const char *const *choices)
{
	AUTO_BUF struct buf list = {0};

	for (size_t i = 0; choices[i]; i++) {
		buf_addf(&list, "%s", i ? ", " : "[");
		json_quote(&list, choices[i], strlen(choices[i]));
	}
	buf_addf(&list, "]");
	json_add_raw(b, "choices", buf_text(&list));
}

static void table_option(struct buf *b, const struct option *o)
{
	json_begin(b);
	json_add_string(b, "name", o->name);
	json_add_string(b, "type", table_type(o));
	json_add_string(b, "when", option_when_text(o->when));
	json_add_raw(b, "default", o->fallback);
	if (o->type == OPTION_INT) {
		json_add_int(b, "min", o->min);
		json_add_int(b, "max", o->max);
	}
	if (o->choices)
		table_add_choices(b, o->choices);
	if (o->variable)
		json_add_string(b, "variable", o->variable);
	if (o->flag)
		json_add_string(b, "flags", o->flag);
	json_add_string(b, "help", o->help);
	json_add_string(b, "text", o->man);
	json_end(b);
}

struct table_rows {
	FILE *f;
	bool first;
};

static void table_row(struct table_rows *rows, const char *line)
{
	fprintf(rows->f, "%s\n    %s", rows->first ? "" : ",", line);
	rows->first = false;
}

/* Variables and flags: a name and half a line. */
static void table_pair(void *ctx, const char *name, const char *help)
{
	AUTO_BUF struct buf line = {0};

	json_begin(&line);
	json_add_string(&line, "name", name);
	json_add_string(&line, "help", help);
	json_end(&line);
	table_row(ctx, buf_text(&line));
}

static void table_section(struct table_rows *rows, const char *before, const char *name)
{
	fprintf(rows->f, "%s\n  \"%s\": [", before, name);
	rows->first = true;
}

void conf_print_table(FILE *f)
{
	struct table_rows rows = {f, true};

	table_section(&rows, "{", "options");
	for (size_t i = 0; i < option_count(); i++) {
		AUTO_BUF struct buf line = {0};

		table_option(&line, option_at(i));
		table_row(&rows, buf_text(&line));
	}
	table_section(&rows, "\n  ],", "variables");
	for (size_t i = 0; i < ENV_OURS; i++)
		table_pair(&rows, env_row(i)->name, env_row(i)->help);
	table_section(&rows, "\n  ],", "flags");
	conf_args_each(table_pair, &rows);
	fputs("\n  ]\n}\n", f);
}
