/* ccvm: claude in a throw-away microVM, used exactly as claude. */
#include "base/log.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "client/firstuse.h"
#include "client/launch.h"
#include "client/run.h"
#include "client/terminal.h"
#include "conf/conf.h"
#include "conf/conf_show.h"
#include "vm/image.h"
#include "conf/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static int main_fail(const struct err *e)
{
	log_error("%s", e->text);
	if (e->remedy[0])
		log_more("%s", e->remedy);
	return e->exit_code ? e->exit_code : ERR_EXIT_GUEST;
}

/* A caller may have closed stdin or stdout; the next socket would take that number, and with it
 * the agent's bytes. */
static void main_claim_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		mem_die("/dev/null cannot be opened");
	close(fd);
}

static int main_run(const struct conf_args *args, const struct conf *conf)
{
	const bool dryrun = env_is(ENV_DRYRUN, "1");
	AUTO_BUF struct buf rest = {0};
	struct launch l = {
		.conf = conf,
		.args = &rest,
		.envp = env_all(),
		.shell = args->shell,
		.dryrun = dryrun,
		.tty = !dryrun && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
		.term = env_get(ENV_TERM),
	};
	struct run_result result;
	struct events events;
	struct err e;
	pid_t session;
	int fd;

	if (events_init(&events, env_get(ENV_EVENTS), args->debug || env_is(ENV_DEBUG, "1"), &e) <
	    0)
		return main_fail(&e);
	for (size_t i = 0; i < args->rest.n; i++)
		strlist_add(&rest, args->rest.v[i]);
	terminal_size(&l.cols, &l.rows);
	session = launch_session(&l, &fd, &e);
	if (session < 0)
		return main_fail(&e);
	launch_forget(&l);
	run_session(fd, session,
		    &(struct run_terminal){l.tty, conf->terminal_filter, l.tty && !l.shell},
		    &events, &result);
	if (result.directory &&
	    (log_print(result.directory, strlen(result.directory)) < 0 || putchar('\n') == EOF))
		result.code = ERR_EXIT_GUEST;
	free(result.directory);
	return result.code;
}

/* Somebody who sits at a terminal and has no image yet is offered one. Otherwise the session
 * says what is missing. */
static int main_offer_image(struct err *e)
{
	AUTO_FREE char *share = launch_share();
	AUTO_FREE char *cache = image_cache_dir(env_host());
	AUTO_FREE char *found = NULL;

	if (env_get(ENV_IMAGE) || env_is(ENV_DRYRUN, "1"))
		return 0;
	found = image_find(env_host(), share, e);
	return found ? 0 : firstuse_offer(cache, e);
}

int main(int argc, char **argv)
{
	struct conf_args args;
	struct conf conf;
	struct err e;
	int code;

	main_claim_standard_fds();
	launch_keep_trusted_programs();
	/* The API key is in this process's environment: no core may hold it. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	if (conf_args_split(argc, argv, &args, &e) < 0)
		return main_fail(&e);
	if (args.help) {
		conf_print_help(stdout);
		return 0;
	}
	if (args.version) {
		printf("ccvm %s\n", CCVM_VERSION);
		return 0;
	}
	conf_init(&conf);
	if (launch_check_root(&e) < 0 || conf_load(&conf, &args, env_all(), &e) < 0 ||
	    main_offer_image(&e) < 0)
		return main_fail(&e);
	for (size_t i = 0; i < conf.notes.n; i++)
		log_note("%s", conf.notes.v[i]);
	code = main_run(&args, &conf);
	conf_fini(&conf);
	conf_args_fini(&args);
	return code;
}
