/* app_start: a new session, by ccvmctl new in the directory the user named: what it says when it fails is shown. */
#include "base/file.h"
#include "base/mem.h"
#include "ui/app_link.h"
#include "ui/app_state.h"
#include "ui/suggest.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

static void start_on_closed(uv_handle_t *handle)
{
	(void)handle;
}

/* Its end and the end of what it says come in either order. */
static void start_on_part(struct app_starter *starter)
{
	if (--starter->parts > 0)
		return;
	starter->busy = false;
	starter->on_end(starter->app, starter->good, buf_text(starter->good ? &starter->out.text : &starter->err.text));
}

static void start_on_exit(uv_process_t *process, int64_t status, int signal)
{
	struct app_starter *starter = process->data;

	uv_close((uv_handle_t *)process, start_on_closed);
	starter->good = status == 0 && signal == 0;
	start_on_part(starter);
}

/* The text is the new session's id, or why there is none. */
static void start_on_end(struct app *a, bool good, const char *text)
{
	struct app_starter *starter = &a->starter;
	char id[16] = "";

	model_say(&a->model, "%.250s", good ? "started" : text);
	model_add_log(&a->model, a->model.message);
	links_refresh(a);
	if (good && sscanf(text, "%15s", id) == 1 && starter->replaces[0])
		model_replace(&a->model, starter->replaces, id);
	else if (good)
		model_offer(&a->model, id, starter->keys);
	starter->replaces[0] = '\0';
}

static void start_on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
	static char room[4096];

	(void)handle;
	(void)wanted;
	*out = uv_buf_init(room, sizeof(room));
}

static void start_on_text(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct app_output *out = stream->data;

	if (n < 0) {
		uv_close((uv_handle_t *)stream, start_on_closed);
		start_on_part(out->starter);
		return;
	}
	for (ssize_t i = 0; i < n && buf_len(&out->text) < 4096; i++)
		buf_add(&out->text, b->base[i] == '\n' ? " " : &b->base[i], 1);
}

static void start_environment(const struct model *m, struct strv *env)
{
	static const struct {
		enum model_field field;
		const char *variable;
	} table[] = {{FORM_MEMORY, "CCVM_MEMORY"}, {FORM_CORES, "CCVM_CORES"}, {FORM_POOL, "CCVM_VM_DISK_SIZE"}, {FORM_ALLOWLIST, "CCVM_EGRESS_ALLOWLIST"}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (m->form[table[i].field].text[0])
			strv_addf(env, "%s=%s", table[i].variable, m->form[table[i].field].text);
}

/* Words of a line, split at spaces; a prompt is one word. */
static void start_arguments(const struct model *m, struct strv *argv)
{
	AUTO_FREE char *words = mem_strdup(m->form[FORM_ARGUMENTS].text);
	char *rest = NULL;

	strv_add(argv, "new");
	if (m->form[FORM_NAME].text[0]) {
		strv_add(argv, "--name");
		strv_add(argv, m->form[FORM_NAME].text);
	}
	strv_add(argv, strcmp(m->form[FORM_MODE].text, "overlay") == 0 ? "--read-only-cwd" : "--writable-cwd");
	if (strcmp(words, "--shell") == 0)
		strv_add(argv, "--shell");
	strv_add(argv, "--");
	for (char *w = strtok_r(words, " ", &rest); w && strcmp(w, "--shell") != 0; w = strtok_r(NULL, " ", &rest))
		strv_add(argv, w);
	if (m->form[FORM_PROMPT].text[0])
		strv_add(argv, m->form[FORM_PROMPT].text);
}

static char *start_program(void)
{
	AUTO_FREE char *self = realpath("/proc/self/exe", NULL);

	if (!self)
		mem_die("/proc is not mounted");
	*strrchr(self, '/') = '\0';
	return mem_format("%s/ccvmctl", self);
}

static void start_init_output(struct app *a, struct app_starter *starter, struct app_output *out)
{
	uv_pipe_init(&a->loop, &out->pipe, 0);
	out->starter = starter;
	out->pipe.data = out;
	buf_drop(&out->text, buf_len(&out->text));
}

void app_run_starter(struct app *a, struct app_starter *starter, const char *directory, struct strv *args, struct strv *env, int input)
{
	AUTO_FREE char *program = start_program();
	AUTO_STRV struct strv argv = {0};
	uv_stdio_container_t stdio[3] = {
		{.flags = input < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = input},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&starter->out.pipe},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&starter->err.pipe},
	};
	uv_process_options_t options = {.exit_cb = start_on_exit, .file = program, .cwd = directory, .stdio = stdio, .stdio_count = 3};
	int rc;

	strv_add(&argv, program);
	for (size_t i = 0; i < args->n; i++)
		strv_add(&argv, args->v[i]);
	for (char **p = environ; *p; p++)
		strv_add(env, *p);
	options.args = argv.v;
	options.env = env->v;
	starter->app = a;
	starter->process.data = starter;
	start_init_output(a, starter, &starter->out);
	start_init_output(a, starter, &starter->err);
	rc = uv_spawn(&a->loop, &starter->process, &options);
	if (rc < 0) {
		model_say(&a->model, "start in %.150s: %s", directory, uv_strerror(rc));
		uv_close((uv_handle_t *)&starter->out.pipe, start_on_closed);
		uv_close((uv_handle_t *)&starter->err.pipe, start_on_closed);
		uv_close((uv_handle_t *)&starter->process, start_on_closed);
		return;
	}
	starter->busy = true;
	starter->parts = 3;
	uv_read_start((uv_stream_t *)&starter->out.pipe, start_on_room, start_on_text);
	uv_read_start((uv_stream_t *)&starter->err.pipe, start_on_room, start_on_text);
}

static bool start_is_free(struct app *a)
{
	if (a->starter.busy)
		model_say(&a->model, "another session is being started");
	else
		a->starter.replaces[0] = '\0';
	a->starter.on_end = start_on_end;
	a->starter.keys = a->model.keys;
	return !a->starter.busy;
}

void app_start_session(struct app *a)
{
	AUTO_FREE char *directory = suggest_expand(a->model.form[FORM_DIRECTORY].text[0] ? a->model.form[FORM_DIRECTORY].text : ".");
	AUTO_STRV struct strv args = {0}, env = {0};

	if (app_spare_take(a) || !start_is_free(a))
		return;
	start_arguments(&a->model, &args);
	start_environment(&a->model, &env);
	model_say(&a->model, "starting a session in %.150s", directory);
	app_run_starter(a, &a->starter, directory, &args, &env, -1);
}

/* The record of one that has ended, where ccvmctl reads it; -1: it was not known in time. */
static int start_give_record(struct app *a, const struct model_session *s)
{
	int fd = buf_len(&s->record) ? memfd_create("record", MFD_CLOEXEC) : -1;
	struct err ignored;

	if (fd < 0) {
		model_say(&a->model, "%.100s cannot be started again: n starts a new session", s->name);
		return -1;
	}
	if (file_write_all(fd, buf_data(&s->record), buf_len(&s->record), &ignored) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void app_restart_session(struct app *a, const struct model_session *s)
{
	AUTO_STRV struct strv args = {0}, env = {0};
	AUTO_CLOSE int record = -1;

	if (!start_is_free(a) || (s->ended && (record = start_give_record(a, s)) < 0))
		return;
	strv_add(&args, "restart");
	strv_add(&args, s->ended ? "--record" : s->id);
	snprintf(a->starter.replaces, sizeof(a->starter.replaces), "%s", s->id);
	model_say(&a->model, "restarting %.200s", s->name);
	app_run_starter(a, &a->starter, "/", &args, &env, record);
}
