/* ccvm-tui: several sessions on one screen. */
#include "base/log.h"
#include "base/mem.h"
#include "base/sched.h"
#include "client/launch.h"
#include "conf/conf.h"
#include "ui/app.h"
#include "ui/command.h"
#include "conf/env.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static void main_print_help(void)
{
	const struct command *c;

	printf("usage: ccvm-tui\n\nShows all sessions of this user, those of ccvm included, and "
	       "starts new ones.\n\nKeys in the list, and in a session after the prefix key "
	       "(tui.prefix, C-\\):\n");
	for (size_t i = 0; (c = command_at(i)); i++)
		printf("  %-8s  %s\n", c->key, c->help);
}

static int main_fail(const struct err *e)
{
	log_error("%s", e->text);
	if (e->remedy[0])
		log_more("%s", e->remedy);
	return e->exit_code && e->exit_code != ERR_EXIT_GUEST ? e->exit_code : 1;
}

static int main_run(struct conf *conf, struct err *e)
{
	if (launch_check_root(e) < 0 || conf_load(conf, NULL, env_all(), e) < 0)
		return -1;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		err_set(e, "ccvm-tui needs a terminal");
		return err_remedy(e, "in scripts use ccvmctl");
	}
	sched_take_short_turns();
	return app_run(conf, e);
}

int main(int argc, char **argv)
{
	struct conf conf;
	struct err e = {0};
	int rc;

	log_init("ccvm-tui", LOG_LEVEL_NOTE);
	launch_keep_trusted_programs();
	setlocale(LC_CTYPE, "");
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("ccvm-tui %s\n", CCVM_VERSION);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		main_print_help();
		return 0;
	}
	if (argc > 1) {
		fprintf(stderr, "usage: ccvm-tui [--help | --version]\n");
		return 2;
	}
	conf_init(&conf);
	rc = main_run(&conf, &e);
	conf_fini(&conf);
	return rc < 0 ? main_fail(&e) : 0;
}
