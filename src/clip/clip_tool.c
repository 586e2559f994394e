#include "clip/clip_tool.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

struct tool_run {
	const struct clip_tool *tool;
	pid_t pid;
	int in_fd, out_fd, pidfd; /* -1: closed */
	size_t in_done;
	struct buf *out;
	size_t out_done;
};

static int tool_fail(char *reason, const char *tool, const char *what)
{
	snprintf(reason, CLIP_REASON_MAX, "%s %s", tool, what);
	return -1;
}

static void tool_close(int *fd)
{
	if (*fd >= 0)
		close(mem_steal_fd(fd));
}

static int tool_start(struct tool_run *r, char *reason)
{
	AUTO_FREE char *path = spawn_find(spawn_env(r->tool->envp, "PATH"), r->tool->argv[0]);
	struct spawn s = {.path = path,
			  .argv = (char *const *)(uintptr_t)r->tool->argv,
			  .envp = r->tool->envp,
			  .die_with_parent = true,
			  .no_core = true,
			  .new_session = true};
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	struct spawn_fd fds[2];
	struct err e;

	r->pid = -1;
	if (!path)
		return tool_fail(reason, r->tool->argv[0], "is not installed");
	if (pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0) {
		fds[0] = (struct spawn_fd){in[0], 0};
		fds[1] = (struct spawn_fd){out[1], 1};
		s.fds = fds;
		s.nfds = 2;
		r->pid = spawn_start(&s, &r->pidfd, &e);
	}
	tool_close(&in[0]);
	tool_close(&out[1]);
	r->in_fd = in[1];
	r->out_fd = out[0];
	if (r->pid < 0)
		return tool_fail(reason, r->tool->argv[0], "could not be started");
	fcntl(r->in_fd, F_SETFL, O_NONBLOCK);
	return 0;
}

static void tool_feed(struct tool_run *r)
{
	const char *p = r->tool->in;
	ssize_t n = 0;

	if (r->in_done < r->tool->in_size)
		n = write(r->in_fd, p + r->in_done, r->tool->in_size - r->in_done);
	if (n > 0)
		r->in_done += (size_t)n;
	if (r->in_done == r->tool->in_size || (n < 0 && errno != EAGAIN && errno != EINTR))
		tool_close(&r->in_fd);
}

static void tool_take(struct tool_run *r)
{
	ssize_t n = read(r->out_fd, buf_room(r->out, 65536), 65536);

	if (n > 0) {
		buf_grew(r->out, (size_t)n);
		r->out_done += (size_t)n;
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		tool_close(&r->out_fd);
	}
}

/* Until its output has ended and it has; -1 with a reason. A grandchild that keeps the output
 * open counts as a hang. */
static int tool_converse(struct tool_run *r, char *reason)
{
	const int64_t end = clock_mono_ms() + r->tool->timeout_ms;

	for (;;) {
		struct pollfd p[] = {{.fd = r->out_fd, .events = POLLIN},
				     {.fd = r->in_fd, .events = POLLOUT},
				     {.fd = r->out_fd < 0 ? r->pidfd : -1, .events = POLLIN}};
		const int64_t left = end - clock_mono_ms();

		if (left <= 0)
			return tool_fail(reason, r->tool->argv[0], "did not answer in time");
		if (poll(p, ARRAY_LEN(p), (int)left) <= 0)
			continue;
		if (p[2].revents)
			return 0;
		if (p[1].revents)
			tool_feed(r);
		if (p[0].revents)
			tool_take(r);
		if (r->out_done > r->tool->out_max)
			return tool_fail(reason, r->tool->argv[0], "gave more than 20 MiB");
	}
}

int clip_tool_run(const struct clip_tool *t, struct buf *out, char reason[CLIP_REASON_MAX])
{
	struct tool_run r = {.tool = t, .in_fd = -1, .out_fd = -1, .pidfd = -1, .out = out};
	int rc, status = -1;

	rc = tool_start(&r, reason);
	if (rc == 0) {
		rc = tool_converse(&r, reason);
		kill(-r.pid, SIGKILL); /* it leads a session of its own */
		while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	tool_close(&r.in_fd);
	tool_close(&r.out_fd);
	tool_close(&r.pidfd);
	if (rc < 0)
		return -1;
	return WIFSIGNALED(status) ? tool_fail(reason, t->argv[0], "was killed")
				   : WEXITSTATUS(status);
}
