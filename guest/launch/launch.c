/* ccvm-launch: the agent's login shell in the guest, run by sshd.
 *
 * Theory of operation. Unprivileged.
 * 1. It reads three files root laid out for it: the workspace, whether a shell is wanted, the
 *    arguments.
 * 2. The agent gets a process group of its own and, on a PTY, the foreground. The launcher stays
 *    outside of it: an agent that stops itself (Ctrl+Z, with no shell behind it to say `fg`) must
 *    not stop the launcher too, which sees the stop and continues it.
 * 3. Signals that sshd delivers to the launcher are passed to that group.
 * 4. It ends as the agent ended: with its code, or by its signal, so that sshd reports the right
 *    one.
 * 5. The agent starts when ccvm-init has prepared everything it needs (a lock on a file shows
 *    that).
 * 6. Called with arguments it is a plain shell: programs that run "the user's shell" get zsh. */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "proto/names.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t launch_child;

static void launch_forward(int sig)
{
	int saved = errno;

	if (launch_child > 0)
		kill(-(pid_t)launch_child, sig);
	errno = saved;
}

static void launch_catch_signals(void)
{
	static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
	struct sigaction sa = {.sa_handler = launch_forward, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
		sigaction(forwarded[i], &sa, NULL);
	/* The launcher gives the terminal away from the background. */
	signal(SIGTTOU, SIG_IGN);
}

static void launch_reset_signals(void)
{
	static const int all[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTTOU};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		signal(all[i], SIG_DFL);
}

static void launch_set_environment(void)
{
	static const char *const unwanted[] = {"SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "MAIL"};

	for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
		unsetenv(unwanted[i]);
	setenv("SHELL", NAME_SHELL, 1);
	setenv("PATH",
	       NAME_CLIP_DIR
	       ":" NAME_AGENT_HOME
	       "/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
	       1);
	setenv("LANG", "C.UTF-8", 0);
	/* The image is immutable and thrown away: an update could only be lost. */
	setenv("DISABLE_AUTOUPDATER", "1", 0);
}

static int launch_read(const char *name, struct buf *out, struct err *e)
{
	AUTO_FREE char *path = mem_format(NAME_LAUNCH_DIR "/%s", name);

	return file_read(AT_FDCWD, path, STRLIST_MAX, out, e);
}

static _Noreturn void launch_agent(const char *path, char **argv)
{
	setpgid(0, 0);
	if (isatty(STDIN_FILENO))
		tcsetpgrp(STDIN_FILENO, getpgrp());
	launch_reset_signals();
	execv(path, argv);
	dprintf(STDERR_FILENO, "ccvm: %s cannot be started in the guest: %s\n", path,
		strerror(errno));
	_exit(errno == ENOENT ? ERR_EXIT_AGENT : ERR_EXIT_GUEST);
}

static _Noreturn void launch_end_like(int status)
{
	if (WIFSIGNALED(status)) {
		int sig = WTERMSIG(status);
		sigset_t one;

		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		signal(sig, SIG_DFL);
		sigemptyset(&one);
		sigaddset(&one, sig);
		sigprocmask(SIG_UNBLOCK, &one, NULL);
		raise(sig);
		_exit(128 + sig);
	}
	_exit(WEXITSTATUS(status));
}

static _Noreturn void launch_wait(pid_t child)
{
	int status;

	for (;;) {
		if (waitpid(child, &status, WUNTRACED) < 0) {
			if (errno == EINTR)
				continue;
			_exit(ERR_EXIT_GUEST);
		}
		if (WIFSTOPPED(status)) {
			if (isatty(STDIN_FILENO))
				tcsetpgrp(STDIN_FILENO, child);
			kill(-child, SIGCONT);
			continue;
		}
		launch_end_like(status);
	}
}

/* What init/lane.c makes. The holder of the lock ends in bounded time, and the kernel then releases
 * it. */
static void launch_wait_for_guest(void)
{
	AUTO_CLOSE int fd = open(NAME_LAUNCH_LOCK, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && flock(fd, LOCK_SH) < 0 && errno == EINTR)
		;
}

static int launch_prepare(struct buf *args, bool *shell, struct err *e)
{
	AUTO_BUF struct buf dir = {0}, flag = {0};

	if (launch_read(NAME_SEED_WORKDIR, &dir, e) < 0 ||
	    launch_read(NAME_SEED_SHELL, &flag, e) < 0 ||
	    launch_read(NAME_SEED_CLAUDE_ARGS, args, e) < 0)
		return -1;
	*shell = buf_text(&flag)[0] == '1';
	launch_wait_for_guest();
	if (chdir(buf_text(&dir)) < 0)
		return err_sys(e, "enter %s", buf_text(&dir));
	return 0;
}

int main(int argc, char **argv)
{
	struct buf args = {0};
	struct strv agent = {0};
	struct err e;
	bool shell;
	pid_t child;

	launch_set_environment();
	if (argc > 1) {
		argv[0] = NAME_SHELL;
		execv(NAME_SHELL, argv);
		_exit(ERR_EXIT_AGENT);
	}
	if (launch_prepare(&args, &shell, &e) < 0) {
		dprintf(STDERR_FILENO, "ccvm: %s\n", e.text);
		return ERR_EXIT_GUEST;
	}
	/* A leading dash makes zsh a login shell. */
	strv_add(&agent, shell ? "-zsh" : "claude");
	strlist_split(buf_data(&args), buf_len(&args), &agent);
	launch_catch_signals();
	child = fork();
	if (child < 0) {
		dprintf(STDERR_FILENO, "ccvm: fork: %s\n", strerror(errno));
		return ERR_EXIT_GUEST;
	}
	if (child == 0)
		launch_agent(shell ? NAME_SHELL : NAME_CLAUDE, agent.v);
	/* In both processes, whichever runs first: the group exists before a signal is passed to
	 * it. */
	setpgid(child, child);
	launch_child = child;
	if (isatty(STDIN_FILENO))
		tcsetpgrp(STDIN_FILENO, child);
	launch_wait(child);
}
