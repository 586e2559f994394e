/* ccvmctl new: a session that belongs to no terminal; its workspace is the current directory. */
#include "ctl/ctl.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "conf/conf.h"
#include "ctl/ctl_start.h"
#include "conf/env.h"

#include <string.h>

/* ccvm's own flags, as an argv of theirs. */
static void new_flags(const struct ctl_args *a, struct strv *flags)
{
	static const char *const names[] = {"read-only-cwd", "writable-cwd", "shell"};

	strv_add(flags, "ccvm");
	for (size_t i = 0; i < a->ngiven; i++)
		for (size_t n = 0; n < ARRAY_LEN(names); n++)
			if (strcmp(a->given[i].option->name, names[n]) == 0)
				strv_addf(flags, "--%s", names[n]);
}

static int new_start(const struct ctl_args *a, const struct conf_args *args, struct conf *conf,
		     struct err *e)
{
	const char *name = ctl_value(a, "name");
	const bool spare = ctl_has(a, "spare");
	AUTO_BUF struct buf agent_args = {0};
	const struct launch l = {.conf = conf,
				 .args = &agent_args,
				 .envp = env_all(),
				 .shell = args->shell,
				 .tty = true,
				 .detached = true,
				 .spare = spare,
				 .name = spare && !name ? "spare" : name,
				 .term = CTL_START_TERM,
				 .cols = 80,
				 .rows = 24};

	for (int i = 0; i < a->n; i++)
		strlist_add(&agent_args, a->operands[i]);
	if (launch_check_root(e) < 0 || conf_load(conf, args, env_all(), e) < 0)
		return -1;
	return ctl_start(&l, ctl_has(a, "wait"), ctl_has(a, "json"), e);
}

static int new_run(const struct ctl_args *a, struct err *e)
{
	AUTO_STRV struct strv flags = {0};
	struct conf_args args;
	struct conf conf;
	int rc;

	if (a->plain)
		return ctl_usage(e, "unexpected argument %s: claude's arguments follow --",
				 a->operands[0]);
	new_flags(a, &flags);
	if (conf_args_split((int)flags.n, flags.v, &args, e) < 0)
		return -1;
	conf_init(&conf);
	rc = new_start(a, &args, &conf, e);
	conf_fini(&conf);
	conf_args_fini(&args);
	return rc;
}

const struct ctl_command ctl_new = {
	.name = "new",
	.operands = "[-- CLAUDE-ARGUMENT...]",
	.help = "start a detached session in this directory, and print its id",
	.options =
		(const struct ctl_option[]){
			{"name", 'n', "NAME", "name of the session (default: of the directory)"},
			{"read-only-cwd", 0, NULL,
			 "overlay mode: edits stay in the session and are discarded"},
			{"writable-cwd", 0, NULL, "live mode: edits land in the project at once"},
			{"shell", 0, NULL, "run a shell instead of claude"},
			{"wait", 'w', NULL, "wait until the agent runs"},
			{"spare", 0, NULL, "start a spare, which waits for a name and an argument"},
			CTL_JSON,
			{0}},
	.most = CTL_ANY,
	.run = new_run,
};
