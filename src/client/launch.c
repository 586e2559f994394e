#include "client/launch.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/strlist.h"
#include "base/trustpath.h"
#include "client/recent.h"
#include "conf/conf.h"
#include "conf/conf_pass.h"
#include "proto/request.h"
#include "proto/wire.h"
#include "conf/env.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

int launch_check_root(struct err *e)
{
	if (geteuid() != 0 || env_is(ENV_ALLOW_ROOT, "1"))
		return 0;
	err_set(e, "refusing to run as root: a guest could make root-owned and setuid files in the "
		   "workspace");
	err_remedy(e, "run ccvm as an ordinary user, or set CCVM_ALLOW_ROOT=1 inside a container");
	return err_exit_code(e, ERR_EXIT_POLICY);
}

void launch_keep_trusted_programs(void)
{
	AUTO_FREE char *path = trustpath_programs(env_get(ENV_PATH));

	setenv("PATH", path, 1);
}

static char *launch_beside(const char *relative)
{
	AUTO_FREE char *self = realpath("/proc/self/exe", NULL);

	if (!self)
		mem_die("/proc is not mounted");
	*strrchr(self, '/') = '\0';
	return mem_format("%s/../%s", self, relative);
}

char *launch_libexec(void)
{
	return launch_beside("libexec/ccvm");
}

char *launch_share(void)
{
	return launch_beside("share/ccvm");
}

/* What goes to the agent: the listed variables, and the API key under its own name. */
static void launch_agent_env(const struct launch *l, struct strv *out)
{
	size_t n = strlen(l->conf->api_key_variable);

	conf_pass_env(l->conf, l->envp, out);
	for (char *const *p = l->envp; n && *p; p++)
		if (strncmp(*p, l->conf->api_key_variable, n) == 0 && (*p)[n] == '=')
			strv_add(out, *p);
}

static void launch_put_request(const struct launch *l, struct buf *out)
{
	AUTO_FREE char *options = conf_to_json(l->conf);
	AUTO_FREE char *term = l->term ? mem_strdup(l->term) : NULL;
	AUTO_FREE char *name = l->name ? mem_strdup(l->name) : NULL;

	request_put(out, &(struct request){.options = options,
					   .host = *env_host(),
					   .shell = l->shell,
					   .dryrun = l->dryrun,
					   .detached = l->detached,
					   .spare = l->spare,
					   .name = name,
					   .tty = l->tty,
					   .term = term,
					   .cols = l->cols,
					   .rows = l->rows});
}

static int launch_refuse_size(const char *what, struct err *e)
{
	err_set(e, "%s larger than %u MiB", what, STRLIST_MAX >> 20);
	err_remedy(e, "pass large input on standard input, or as a file in the project");
	return err_exit_code(e, ERR_EXIT_POLICY);
}

static int launch_send(const struct launch *l, int fd, struct err *e)
{
	AUTO_BUF struct buf start = {0}, env = {.secret = true}, frames = {.secret = true};
	struct strv agent_env = {0};

	launch_put_request(l, &start);
	launch_agent_env(l, &agent_env);
	for (size_t i = 0; i < agent_env.n; i++) {
		strlist_add(&env, agent_env.v[i]);
		secret_wipe(agent_env.v[i], strlen(agent_env.v[i]));
	}
	strv_fini(&agent_env);
	if (buf_len(l->args) > STRLIST_MAX)
		return launch_refuse_size("claude's arguments are", e);
	if (buf_len(&env) > STRLIST_MAX || buf_len(&start) > WIRE_PAYLOAD_MAX)
		return launch_refuse_size("the environment is", e);
	wire_put(&frames, WIRE_START, buf_data(&start), buf_len(&start));
	wire_put(&frames, WIRE_ARGS, buf_data(l->args), buf_len(l->args));
	wire_put(&frames, WIRE_ENV, buf_data(&env), buf_len(&env));
	wire_put(&frames, WIRE_BEGIN, NULL, 0);
	return file_write_all(fd, buf_data(&frames), buf_len(&frames), e);
}

void launch_forget(const struct launch *l)
{
	for (char *const *p = l->envp; *p; p++) {
		const size_t n = strcspn(*p, "=");
		AUTO_FREE char *name = mem_strndup(*p, n);

		if ((*p)[n] &&
		    (conf_pass_is_credential(name) || strcmp(name, l->conf->api_key_variable) == 0))
			secret_wipe(*p + n + 1, strlen(*p + n + 1));
	}
}

pid_t launch_session(const struct launch *l, int *fd, struct err *e)
{
	AUTO_FREE char *libexec = launch_libexec();
	AUTO_FREE char *program = mem_format("%s/ccvm-session", libexec);
	char *const argv[] = {"ccvm-session", NULL};
	/* What it needs of the user's is in its request: whatever else the environment holds stays
	 * out of /proc/PID/environ. */
	char *const no_env[] = {NULL};
	AUTO_FREE char *here = NULL;
	AUTO_CLOSE int ours = -1, theirs = -1, null = -1;
	int pair[2];
	struct spawn_fd fds[2];
	struct spawn s = {.path = program,
			  .argv = argv,
			  .envp = no_env,
			  .fds = fds,
			  .nfds = 2,
			  .no_core = true,
			  .new_session = true};
	pid_t pid;

	/* a session that dies now is an error, not the end of this process */
	signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	/* A caller that collects our output must not wait for a session that outlives us. */
	if (l->detached && (null = open("/dev/null", O_WRONLY | O_CLOEXEC)) < 0)
		return err_sys(e, "open /dev/null");
	fds[0] = (struct spawn_fd){l->detached ? null : STDERR_FILENO, 2};
	fds[1] = (struct spawn_fd){theirs, 3};
	pid = spawn_start(&s, NULL, e);
	if (pid < 0)
		return -1;
	close(mem_steal_fd(&theirs));
	if (launch_send(l, ours, e) < 0)
		return -1;
	*fd = mem_steal_fd(&ours);
	if (l->tty && !l->spare && (here = getcwd(NULL, 0)))
		recent_add(here);
	return pid;
}
