#include "base/spawn.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SPAWN_FD_MAX 64

static int spawn_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Moves the listed fds to their numbers without one overwriting another that is still needed: first
 * all out of the way above every target, then down. */
static int spawn_place_fds(const struct spawn *s, int *report_fd)
{
	int high[SPAWN_FD_MAX];
	int base = 3;

	for (size_t i = 0; i < s->nfds; i++)
		if (s->fds[i].to >= base)
			base = s->fds[i].to + 1;
	for (size_t i = 0; i < s->nfds; i++) {
		high[i] = fcntl(s->fds[i].from, F_DUPFD_CLOEXEC, base);
		if (high[i] < 0)
			return -1;
	}
	*report_fd = fcntl(*report_fd, F_DUPFD_CLOEXEC, base);
	if (*report_fd < 0)
		return -1;
	for (int fd = 0; fd <= 2; fd++) {
		int null = open("/dev/null", O_RDWR);

		if (null < 0 || (null != fd && dup2(null, fd) < 0))
			return -1;
		if (null > 2)
			close(null);
	}
	for (size_t i = 0; i < s->nfds; i++)
		if (dup2(high[i], s->fds[i].to) < 0)
			return -1;
	/* What was not listed goes at exec, the high copies included. */
	return (int)syscall(SYS_close_range, (unsigned)base, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
}

static int spawn_close_between(const struct spawn *s)
{
	int last = 2;

	for (size_t i = 0; i < s->nfds; i++)
		last = s->fds[i].to > last ? s->fds[i].to : last;
	for (int fd = 3; fd <= last; fd++) {
		bool listed = false;

		for (size_t i = 0; i < s->nfds; i++)
			listed = listed || s->fds[i].to == fd;
		if (!listed)
			close(fd);
	}
	return 0;
}

static void spawn_reset_signals(void)
{
	/* The kernel's own structure, all zero: default. By system call, since libc refuses to
	 * touch the signals it keeps for itself, which a caller may have left ignored all the same
	 * (sigaction(2)). */
	static const unsigned long by_default[4];
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, by_default, NULL, 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int spawn_child_setup(const struct spawn *s, pid_t parent, int *report_fd)
{
	spawn_reset_signals();
	if (s->new_session && setsid() < 0)
		return -1;
	if (s->die_with_parent) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			return -1;
		if (getppid() != parent) { /* it died before the request was in place */
			errno = ESRCH;
			return -1;
		}
	}
	if (s->directory && chdir(s->directory) < 0)
		return -1;
	if (s->no_core && setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) < 0)
		return -1;
	if (spawn_place_fds(s, report_fd) < 0 || spawn_close_between(s) < 0)
		return -1;
	if (s->confine && s->confine(s->confine_ctx) < 0)
		return -1;
	return 0;
}

static _Noreturn void spawn_child(const struct spawn *s, pid_t parent, int report_fd)
{
	int code;

	if (spawn_child_setup(s, parent, &report_fd) == 0)
		execve(s->path, s->argv, s->envp);
	code = errno;
	(void)!write(report_fd, &code, sizeof(code));
	_exit(127);
}

pid_t spawn_start(const struct spawn *s, int *pidfd, struct err *e)
{
	AUTO_CLOSE int report_read = -1;
	int report[2];
	int code = 0;
	pid_t parent = getpid();
	pid_t pid;
	ssize_t n;

	if (s->nfds > SPAWN_FD_MAX)
		mem_die("too many fds for a child");
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	report_read = report[0];
	pid = fork();
	if (pid < 0) {
		close(report[1]);
		return err_sys(e, "fork");
	}
	if (pid == 0)
		spawn_child(s, parent, report[1]);
	close(report[1]);
	do
		n = read(report_read, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	if (n != 0) {
		waitpid(pid, NULL, 0);
		errno = n == sizeof(code) ? code : EIO;
		return err_sys(e, "start %s", s->path);
	}
	if (pidfd) {
		*pidfd = spawn_pidfd_open(pid); /* close-on-exec by definition (pidfd_open(2)) */
		if (*pidfd < 0) {
			err_sys(e, "pidfd_open for %s", s->path);
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return -1;
		}
	}
	return pid;
}

int spawn_signal(int pidfd, int number)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

const char *spawn_env(char *const *envp, const char *name)
{
	const size_t n = strlen(name);

	for (; *envp; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

char *spawn_find(const char *path, const char *name)
{
	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? mem_strdup(name) : NULL;
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	/* Absolute entries alone: "." would start what an agent left in the project. */
	while (*path) {
		size_t n = strcspn(path, ":");
		AUTO_FREE char *full = mem_format("%.*s/%s", (int)n, path, name);
		struct stat st;

		if (path[0] == '/' && stat(full, &st) == 0 && S_ISREG(st.st_mode) &&
		    access(full, X_OK) == 0)
			return mem_steal_ptr(&full);
		path += n + (path[n] == ':');
	}
	return NULL;
}

int spawn_output(char *const *argv, char *const *envp, size_t max, struct buf *out, struct err *e)
{
	AUTO_FREE char *path = spawn_find(spawn_env(envp, "PATH"), argv[0]);
	AUTO_CLOSE int read_end = -1;
	struct spawn s = {.argv = argv, .envp = envp, .die_with_parent = true};
	struct spawn_fd fds[1];
	int pair[2];
	int status = -1;
	pid_t pid;
	int rc;

	if (!path)
		return err_set(e, "%s is not installed", argv[0]);
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	read_end = pair[0];
	fds[0] = (struct spawn_fd){.from = pair[1], .to = 1};
	s.path = path;
	s.fds = fds;
	s.nfds = 1;
	pid = spawn_start(&s, NULL, e);
	close(pair[1]);
	if (pid < 0)
		return -1;
	rc = file_read_fd(read_end, max, out, e);
	if (rc < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return rc < 0 ? err_wrap(e, "output of %s", argv[0]) : status;
}

int spawn_exit_code(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}
