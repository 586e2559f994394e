#include "client/firstuse.h"
#include "base/mem.h"
#include "client/launch.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static bool firstuse_asks(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
}

/* Enter is yes; the end of input, and everything that does not begin with a y, is no. */
static bool firstuse_is_yes(const char *answer)
{
	while (*answer == ' ' || *answer == '\t')
		answer++;
	return *answer == '\n' || tolower((unsigned char)*answer) == 'y';
}

/* The builder shares the terminal and gets its signals; this process waits for it to clean up. */
static int firstuse_build(struct err *e)
{
	AUTO_FREE char *share = launch_share();
	AUTO_FREE char *program = mem_format("%s/../../bin/ccvmctl", share);
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old_int, old_quit;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, "ccvmctl", "image", "build", (char *)NULL);
		fprintf(stderr, "ccvm: %s: %s\n", program, strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		return err_sys(e, "fork");
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	err_set(e, "no guest image was built");
	err_remedy(e, "see above; to try again: ccvmctl image build");
	return err_exit_code(e, WIFEXITED(status) && WEXITSTATUS(status) > 128 ? WEXITSTATUS(status)
									       : ERR_EXIT_GUEST);
}

int firstuse_offer(const char *cache, struct err *e)
{
	char answer[64];

	if (!firstuse_asks())
		return 0;
	fprintf(stderr,
		"ccvm: no guest image yet. Building one takes a few minutes and needs no root. It "
		"downloads Debian packages\n"
		"and Claude Code (about 370 MB, once) and takes 300 MB in %s.\n"
		"Build it now? [Y/n] ",
		cache);
	tcflush(STDIN_FILENO, TCIFLUSH); /* what was typed ahead of the question answers nothing */
	if (!fgets(answer, sizeof(answer), stdin)) {
		fputc('\n', stderr);
		return 0;
	}
	return firstuse_is_yes(answer) ? firstuse_build(e) : 0;
}
