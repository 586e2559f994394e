#include "seed/seed_gitrun.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define GITRUN_MS  3000
#define GITRUN_MAX (4u << 20)
#define GITRUN_DIR 3 /* the directory's number in git */

static void gitrun_environment(const struct seed_spec *s, struct strv *env)
{
	strv_addf(env, "HOME=%s", s->dirs.home);
	strv_add(env, "LC_ALL=C");
	strv_add(env, "GIT_TERMINAL_PROMPT=0");
	hostenv_git(s->host, env);
}

static int gitrun_read(int fd, long long deadline, struct buf *out, struct err *e)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		long long left = deadline - clock_mono_ms();
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return err_set(e, "git took longer than %d seconds", GITRUN_MS / 1000);
		n = read(fd, buf_room(out, 65536), 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(e, "read from git") : 0;
		buf_grew(out, (size_t)n);
		if (buf_len(out) > GITRUN_MAX)
			return err_set(e, "git's configuration is larger than %u MiB",
				       GITRUN_MAX >> 20);
	}
}

static int gitrun_start(char *const *argv, char *const *envp, int dirfd, int *read_end, pid_t *pid,
			struct err *e)
{
	AUTO_FREE char *path = spawn_find(spawn_env(envp, "PATH"), argv[0]);
	AUTO_CLOSE int write_end = -1;
	struct spawn_fd fds[] = {{.to = 1}, {.from = dirfd, .to = GITRUN_DIR}};
	struct spawn s = {.argv = argv,
			  .envp = envp,
			  .fds = fds,
			  .nfds = ARRAY_LEN(fds),
			  .die_with_parent = true,
			  .no_core = true};
	int pair[2];

	if (!path)
		return err_set(e, "git is not installed");
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	*read_end = pair[0];
	write_end = pair[1];
	fds[0].from = write_end;
	s.path = path;
	*pid = spawn_start(&s, NULL, e);
	return *pid < 0 ? -1 : 0;
}

int seed_gitrun_list(const struct seed_spec *s, int dirfd, struct buf *out, struct err *e)
{
	AUTO_FREE char *dir = mem_format("/proc/self/fd/%d", GITRUN_DIR);
	char *argv[] = {"git",	      "-C",	      dir, "config", "--list", "-z",
			"--includes", "--show-scope", NULL};
	AUTO_CLOSE int read_end = -1;
	AUTO_STRV struct strv env = {0};
	int status = 0;
	pid_t pid = -1;
	int rc;

	gitrun_environment(s, &env);
	if (gitrun_start(argv, env.v, dirfd, &read_end, &pid, e) < 0)
		return -1;
	rc = gitrun_read(read_end, clock_mono_ms() + GITRUN_MS, out, e);
	if (rc < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		return err_set(e, "git config failed with code %d", spawn_exit_code(status));
	return rc;
}
