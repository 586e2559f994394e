#include "ui/starter.h"
#include "base/buf.h"
#include "base/spawn.h"
#include "conf/env.h"
#include "loop/child.h"
#include "loop/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define STARTER_TEXT_MAX 4096

/* What the ccvmctl writes. */
struct output {
	struct starter *starter;
	struct stream *stream; /* NULL: it has ended */
	struct buf text;
};

struct starter {
	struct loop *loop; /* borrowed */
	starter_end_fn *on_end;
	void *ctx;
	struct child *child;	/* NULL: it has ended */
	struct output out, err; /* the new session's id; why there is none */
	bool good;
};

bool starter_is_busy(const struct starter *s)
{
	return s->child || s->out.stream || s->err.stream;
}

/* Its end and the ends of its outputs come in any order; after the last one it may be run again. */
static void starter_check_end(struct starter *s)
{
	if (!starter_is_busy(s))
		s->on_end(s->ctx, s->good, buf_text(s->good ? &s->out.text : &s->err.text));
}

static void starter_on_exit(void *ctx, int status)
{
	struct starter *s = ctx;

	s->good = status == 0;
	child_free(mem_steal_ptr(&s->child));
	starter_check_end(s);
}

static void starter_on_text(void *ctx, const void *bytes, size_t n)
{
	struct output *out = ctx;
	const char *text = bytes;

	for (size_t i = 0; i < n && buf_len(&out->text) < STARTER_TEXT_MAX; i++)
		buf_add(&out->text, text[i] == '\n' ? " " : &text[i], 1);
}

static void starter_on_output_end(void *ctx)
{
	struct output *out = ctx;

	stream_close(mem_steal_ptr(&out->stream));
	starter_check_end(out->starter);
}

struct starter *starter_new(struct loop *loop, starter_end_fn *on_end, void *ctx)
{
	struct starter *s = mem_alloc(sizeof(*s));

	*s = (struct starter){.loop = loop, .on_end = on_end, .ctx = ctx};
	s->out.starter = s->err.starter = s;
	return s;
}

void starter_free(struct starter *s)
{
	child_free(s->child);
	stream_close(s->out.stream);
	stream_close(s->err.stream);
	buf_fini(&s->out.text);
	buf_fini(&s->err.text);
	free(s);
}

static char *starter_program(void)
{
	AUTO_FREE char *self = realpath("/proc/self/exe", NULL);

	if (!self)
		mem_die("/proc is not mounted");
	*strrchr(self, '/') = '\0';
	return mem_format("%s/ccvmctl", self);
}

/* *end: the caller's, for the ccvmctl. */
static int starter_open_output(struct starter *s, struct output *out, int *end, struct err *e)
{
	const struct stream_callbacks cb = {starter_on_text, starter_on_output_end, NULL, out};
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	*end = pair[1];
	buf_drop(&out->text, buf_len(&out->text));
	out->stream = stream_open(s->loop, pair[0], &cb);
	return 0;
}

static void starter_add_all(struct strv *to, char *const *values)
{
	for (; values && *values; values++)
		strv_add(to, *values);
}

static int starter_spawn(struct starter *s, const char *directory, char **argv, char **envp,
			 int input, struct err *e)
{
	AUTO_CLOSE int out = -1, err = -1;
	struct spawn_fd fds[3];
	struct spawn spawn = {
		.path = argv[0], .argv = argv, .envp = envp, .directory = directory, .fds = fds};
	pid_t pid;
	int pidfd;

	if (starter_open_output(s, &s->out, &out, e) < 0 ||
	    starter_open_output(s, &s->err, &err, e) < 0)
		return -1;
	fds[spawn.nfds++] = (struct spawn_fd){out, STDOUT_FILENO};
	fds[spawn.nfds++] = (struct spawn_fd){err, STDERR_FILENO};
	if (input >= 0)
		fds[spawn.nfds++] = (struct spawn_fd){input, STDIN_FILENO};
	pid = spawn_start(&spawn, &pidfd, e);
	if (pid < 0) {
		errno = e->sys;
		return err_sys(e, "start in %.150s", directory);
	}
	s->child = child_new(s->loop, pid, pidfd, starter_on_exit, s);
	child_watch(s->child);
	return 0;
}

int starter_run(struct starter *s, const char *directory, const struct strv *args,
		const struct strv *env, int input, struct err *e)
{
	AUTO_STRV struct strv argv = {0}, envp = {0};

	strv_take(&argv, starter_program());
	starter_add_all(&argv, args->v);
	starter_add_all(&envp, env->v);
	starter_add_all(&envp, env_all());
	if (starter_spawn(s, directory, argv.v, envp.v, input, e) == 0)
		return 0;
	stream_close(mem_steal_ptr(&s->out.stream));
	stream_close(mem_steal_ptr(&s->err.stream));
	return -1;
}
