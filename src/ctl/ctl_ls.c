#include "base/clock.h"
#include "ctl/ctl.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/sessions.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LS_NAME_MAX 256 /* bytes; a session's name has fewer */

/* Anything may stand there: a directory's name, or what a session that was taken over wrote. */
static const char *ls_text(struct buf *shown, const struct json_line *l, const char *name,
			   size_t max)
{
	const char *text = json_get_string(l, name);

	log_escape(shown, text ? text : "-", text ? strlen(text) : 1, max);
	return buf_text(shown);
}

static void ls_age(const struct json_line *l, char *out, size_t size)
{
	int64_t started = 0, s;

	if (!json_get_int(l, "started_ms", &started)) { /* it has just been asked for */
		snprintf(out, size, "-");
		return;
	}
	s = (clock_wall_ms() - started) / 1000;
	if (s < 60)
		snprintf(out, size, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(out, size, "%" PRId64 "m", s / 60);
	else
		snprintf(out, size, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
}

/* As users know it; "rw" stays the word of the JSON, of which nothing is renamed. */
static const char *ls_mode(struct buf *text, const struct json_line *l)
{
	const char *mode = ls_text(text, l, "mode", 32);

	return strcmp(mode, "rw") == 0 ? "live" : mode;
}

static void ls_print_row(const char *id, const char *status)
{
	static struct json_line l;
	AUTO_BUF struct buf state = {0}, agent = {0}, mode = {0}, name = {0}, workspace = {0};
	const char *does;
	char age[24];

	if (json_parse_line(status, strlen(status), &l) < 0)
		return;
	ls_age(&l, age, sizeof(age));
	/* of a session without a terminal nobody can tell */
	does = ls_text(&agent, &l, "agent", 32);
	if (strcmp(does, "unknown") == 0)
		does = "-";
	printf("%-8s %-9s %-8s %-8s %7s  %-16s %s\n", id, ls_text(&state, &l, "state", 32), does,
	       ls_mode(&mode, &l), age, ls_text(&name, &l, "name", 64),
	       ls_text(&workspace, &l, "workspace", 4096));
}

static void ls_print_json(const char *status, const char *separator)
{
	printf("%s", separator);
	log_print(status, strlen(status));
}

/* What a command takes for this session. A name that would need an escape is left out: a shell
 * would be given something else than the name. */
static void ls_print_names(const char *id, const char *status)
{
	static struct json_line l;
	AUTO_BUF struct buf shown = {0};
	const char *name;

	printf("%s\n", id);
	if (json_parse_line(status, strlen(status), &l) < 0 ||
	    !(name = json_get_string(&l, "name")) || strcmp(name, id) == 0)
		return;
	log_escape(&shown, name, strlen(name), LS_NAME_MAX);
	if (strcmp(buf_text(&shown), name) == 0)
		printf("%s\n", name);
}

static void ls_print_all_names(const struct sessions *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->dry[i])
			ls_print_names(s->id[i], s->status[i]);
}

static int ls_run(const struct ctl_args *a, struct err *e)
{
	const bool json = ctl_has(a, "json");
	struct sessions s;

	if (sessions_list(&s, e) < 0)
		return -1;
	if (ctl_has(a, "names")) {
		ls_print_all_names(&s);
		sessions_fini(&s);
		return 0;
	}
	if (json)
		printf("[");
	else if (s.n)
		printf("%-8s %-9s %-8s %-8s %7s  %-16s %s\n", "ID", "STATE", "AGENT", "MODE", "AGE",
		       "NAME", "WORKSPACE");
	for (size_t i = 0; i < s.n; i++)
		if (json)
			ls_print_json(s.status[i], i ? ",\n " : "");
		else
			ls_print_row(s.id[i], s.status[i]);
	if (json)
		printf("]\n");
	sessions_fini(&s);
	return 0;
}

const struct ctl_command ctl_ls = {
	.name = "ls",
	.alias = "list",
	.help = "list running sessions, and directories of dry runs",
	.options = (const struct ctl_option[]){{"names", 0, NULL,
						"only the ids and names of sessions, one a line"},
					       CTL_JSON,
					       {0}},
	.run = ls_run,
};
