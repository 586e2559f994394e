/* ccvmctl new: a session that belongs to no terminal; its workspace is the current directory. */
#include "ctl/ctl.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "ctl/ctl_start.h"

#include <string.h>

extern char **environ;

struct new_flags {
	const char *name;
	bool wait, spare;
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
		else if (strcmp(argv[i], "--spare") == 0)
			f->spare = true;
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

static int new_start(const struct new_flags *f, const struct conf_args *args, struct conf *conf, struct err *e)
{
	const struct launch l = {.conf = conf, .args = f->args, .nargs = (size_t)f->nargs, .envp = environ, .shell = args->shell,
				 .tty = true, .detached = true, .spare = f->spare,
				 .name = f->spare && !f->name ? "spare" : f->name, .term = CTL_START_TERM, .cols = 80, .rows = 24};

	if (launch_check_root(e) < 0 || conf_load(conf, args, environ, e) < 0)
		return -1;
	return ctl_start(&l, f->wait, e);
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
