#include "ui/starter.h"
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define STARTER_TEXT_MAX 4096

extern char **environ;

/* What the ccvmctl writes. */
struct output {
	uv_pipe_t pipe;
	struct starter *starter;
	struct buf text;
};

struct starter {
	uv_loop_t *loop;
	starter_end_fn *on_end;
	void *ctx;
	uv_process_t process;
	struct output out, err; /* the new session's id; why there is none */
	bool busy, good, freed;
	int open; /* handles that the loop knows */
};

static void starter_release(struct starter *s)
{
	buf_fini(&s->out.text);
	buf_fini(&s->err.text);
	free(s);
}

/* Its end and the ends of its outputs come in any order; after the last one it may be run again. */
static void starter_on_closed(uv_handle_t *handle)
{
	struct starter *s =
	    handle->type == UV_PROCESS ? handle->data : ((struct output *)handle->data)->starter;

	if (--s->open)
		return;
	if (s->freed) {
		starter_release(s);
	} else if (s->busy) {
		s->busy = false;
		s->on_end(s->ctx, s->good, buf_text(s->good ? &s->out.text : &s->err.text));
	}
}

static void starter_close(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, starter_on_closed);
}

static void starter_close_all(struct starter *s)
{
	starter_close((uv_handle_t *)&s->process);
	starter_close((uv_handle_t *)&s->out.pipe);
	starter_close((uv_handle_t *)&s->err.pipe);
}

static void starter_on_exit(uv_process_t *process, int64_t status, int signal)
{
	struct starter *s = process->data;

	s->good = status == 0 && signal == 0;
	starter_close((uv_handle_t *)process);
}

static void starter_on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
	static char room[4096];

	(void)handle;
	(void)wanted;
	*out = uv_buf_init(room, sizeof(room));
}

static void starter_on_text(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct output *out = stream->data;

	if (n < 0)
		starter_close((uv_handle_t *)stream);
	for (ssize_t i = 0; i < n && buf_len(&out->text) < STARTER_TEXT_MAX; i++)
		buf_add(&out->text, b->base[i] == '\n' ? " " : &b->base[i], 1);
}

struct starter *starter_new(uv_loop_t *loop, starter_end_fn *on_end, void *ctx)
{
	struct starter *s = mem_alloc(sizeof(*s));

	*s = (struct starter){.loop = loop, .on_end = on_end, .ctx = ctx};
	s->out.starter = s->err.starter = s;
	return s;
}

void starter_free(struct starter *s)
{
	s->freed = true;
	if (s->open)
		starter_close_all(s);
	else
		starter_release(s);
}

bool starter_is_busy(const struct starter *s)
{
	return s->open > 0;
}

static char *starter_program(void)
{
	AUTO_FREE char *self = realpath("/proc/self/exe", NULL);

	if (!self)
		mem_die("/proc is not mounted");
	*strrchr(self, '/') = '\0';
	return mem_format("%s/ccvmctl", self);
}

static void starter_open_output(struct starter *s, struct output *out)
{
	uv_pipe_init(s->loop, &out->pipe, 0);
	out->pipe.data = out;
	buf_drop(&out->text, buf_len(&out->text));
}

static void starter_add_all(struct strv *to, char *const *values)
{
	for (; values && *values; values++)
		strv_add(to, *values);
}

static int starter_spawn(struct starter *s, const char *directory, char **argv, char **envp,
			 int input)
{
	uv_stdio_container_t stdio[3] = {
	    {.flags = input < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = input},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
	     .data.stream = (uv_stream_t *)&s->out.pipe},
	    {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
	     .data.stream = (uv_stream_t *)&s->err.pipe},
	};
	const uv_process_options_t options = {.exit_cb = starter_on_exit,
					      .file = argv[0],
					      .args = argv,
					      .env = envp,
					      .cwd = directory,
					      .stdio = stdio,
					      .stdio_count = 3};

	s->process = (uv_process_t){.data = s};
	return uv_spawn(s->loop, &s->process, &options);
}

int starter_run(struct starter *s, const char *directory, const struct strv *args,
		const struct strv *env, int input, struct err *e)
{
	AUTO_STRV struct strv argv = {0}, envp = {0};
	int rc;

	strv_take(&argv, starter_program());
	starter_add_all(&argv, args->v);
	starter_add_all(&envp, env->v);
	starter_add_all(&envp, environ);
	starter_open_output(s, &s->out);
	starter_open_output(s, &s->err);
	s->open = 3;
	rc = starter_spawn(s, directory, argv.v, envp.v, input);
	if (rc < 0) {
		starter_close_all(s);
		return err_set(e, "start in %.150s: %s", directory, uv_strerror(rc));
	}
	s->busy = true;
	uv_read_start((uv_stream_t *)&s->out.pipe, starter_on_room, starter_on_text);
	uv_read_start((uv_stream_t *)&s->err.pipe, starter_on_room, starter_on_text);
	return 0;
}
