/* ccvmctl new: a session that belongs to no terminal; its workspace is the current directory. */
#include "ctl/ctl.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/launch.h"
#include "client/link.h"
#include "conf/conf.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define NEW_TERM "xterm-256color" /* what ccvm-term is to a program */

extern char **environ;

struct new_flags {
	const char *name;
	bool wait;
	char **flags; /* ccvm's own, after a place for argv[0] */
	int nflags;
	char **args; /* claude's */
	int nargs;
};

static int new_parse(int argc, char **argv, struct new_flags *f)
{
	int i = 1;

	*f = (struct new_flags){.flags = argv, .nflags = 1};
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--name") == 0 && i + 1 < argc)
			f->name = argv[++i];
		else if (strcmp(argv[i], "--wait") == 0)
			f->wait = true;
		else if (strcmp(argv[i], "--read-only-cwd") == 0 || strcmp(argv[i], "--writable-cwd") == 0 ||
			 strcmp(argv[i], "--shell") == 0)
			argv[f->nflags++] = argv[i]; /* never behind what is still to be read */
		else
			return -1;
	}
	f->args = argv + (i < argc ? i + 1 : i);
	f->nargs = i < argc ? argc - i - 1 : 0;
	return 0;
}

/* A failure as its WIRE_EXIT tells it. */
static int new_failed(const struct wire_frame *f, struct err *e)
{
	cJSON *json = cJSON_ParseWithLength((const char *)f->payload, f->n);
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(json, "reason");
	const cJSON *stage = cJSON_GetObjectItemCaseSensitive(json, "stage");
	const cJSON *remedy = cJSON_GetObjectItemCaseSensitive(json, "remedy");
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(json, "code");

	if (cJSON_IsString(reason) && cJSON_IsString(stage))
		err_set(e, "%s: %s", stage->valuestring, reason->valuestring);
	else
		err_set(e, "the agent ended with %d", cJSON_IsNumber(code) ? code->valueint : 0);
	if (cJSON_IsString(remedy) && remedy->valuestring[0])
		err_remedy(e, "%s", remedy->valuestring);
	if (cJSON_IsNumber(code) && code->valueint >= ERR_EXIT_GUEST && code->valueint <= ERR_EXIT_AGENT)
		err_exit_code(e, code->valueint);
	cJSON_Delete(json);
	return -1;
}

/* Until the session has come as far as it is waited for; id is set from its events. */
static int new_await(struct link *k, const char *state, char id[64], struct err *e)
{
	static struct json_line l;
	struct wire_frame f;
	int rc;

	while ((rc = link_next(k, -1, &f, e)) == 1) {
		const bool event = f.type == WIRE_EVENT && json_parse_line((const char *)f.payload, f.n, &l) == 0;
		const char *now = event ? json_get_string(&l, "state") : NULL, *known = event ? json_get_string(&l, "session") : NULL;
		const bool reached = now && strcmp(now, state) == 0;

		if (f.type == WIRE_EXIT)
			return new_failed(&f, e);
		if (known)
			snprintf(id, 64, "%s", known);
		if (event && json_get_string(&l, "text"))
			log_note("%s", json_get_string(&l, "text"));
		link_drop(k, &f);
		if (reached)
			return 0;
	}
	return rc < 0 ? -1 : err_set(e, "ccvm-session died");
}

static int new_start(const struct new_flags *f, const struct conf_args *args, struct conf *conf, struct err *e)
{
	const struct launch l = {.conf = conf, .args = f->args, .nargs = (size_t)f->nargs, .envp = environ, .shell = args->shell,
				 .tty = true, .detached = true, .name = f->name, .term = NEW_TERM, .cols = 80, .rows = 24};
	struct link k = {.fd = -1};
	char id[64] = "";
	int rc;

	if (launch_check_root(e) < 0 || conf_load(conf, args, environ, e) < 0)
		return -1;
	if (launch_session(&l, &k.fd, e) < 0)
		return -1;
	rc = new_await(&k, f->wait ? "running" : "starting", id, e);
	link_close(&k);
	if (rc == 0)
		printf("%s\n", id);
	return rc;
}

int ctl_new(int argc, char **argv, struct err *e)
{
	struct conf_args args;
	struct conf conf;
	struct new_flags f;
	int rc;

	if (new_parse(argc, argv, &f) < 0)
		return CTL_USAGE;
	if (conf_args_split(f.nflags, f.flags, &args, e) < 0)
		return -1;
	conf_init(&conf);
	rc = new_start(&f, &args, &conf, e);
	conf_fini(&conf);
	conf_args_fini(&args);
	return rc;
}
