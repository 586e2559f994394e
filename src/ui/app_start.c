/* app_start: a new session, by ccvmctl new in the directory the user named: what it says when it fails is shown. */
#include "base/mem.h"
#include "ui/app_link.h"
#include "ui/app_state.h"
#include "ui/suggest.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

static void start_on_closed(uv_handle_t *handle)
{
	(void)handle;
}

static void start_on_exit(uv_process_t *process, int64_t status, int signal)
{
	struct app *a = process->data;

	uv_close((uv_handle_t *)process, start_on_closed);
	a->starting = false;
	if (status == 0 && signal == 0)
		model_say(&a->model, "started");
	else
		model_say(&a->model, "%.250s", buf_text(&a->starter_text));
	model_add_log(&a->model, buf_text(&a->starter_text));
	links_refresh(a);
	if (status == 0)
		model_choose(&a->model, a->model.n - 1);
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
	struct app *a = stream->data;

	if (n < 0) {
		uv_close((uv_handle_t *)stream, start_on_closed);
		return;
	}
	for (ssize_t i = 0; i < n && buf_len(&a->starter_text) < 4096; i++)
		buf_add(&a->starter_text, b->base[i] == '\n' ? " " : &b->base[i], 1);
}

static void start_environment(const struct model *m, struct strv *env)
{
	static const struct {
		enum model_field field;
		const char *variable;
	} table[] = {{FORM_MEMORY, "CCVM_MEMORY"}, {FORM_CORES, "CCVM_CORES"}, {FORM_POOL, "CCVM_VM_DISK_SIZE"}, {FORM_ALLOWLIST, "CCVM_EGRESS_ALLOWLIST"}};

	for (char **p = environ; *p; p++)
		strv_add(env, *p);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (m->form[table[i].field].text[0])
			strv_addf(env, "%s=%s", table[i].variable, m->form[table[i].field].text);
}

/* Words of a line, split at spaces; a prompt is one word. */
static void start_arguments(const struct model *m, const char *program, struct strv *argv)
{
	AUTO_FREE char *words = mem_strdup(m->form[FORM_ARGUMENTS].text);
	char *rest = NULL;

	strv_add(argv, program);
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

/* Runs ccvmctl; what it prints is shown at its end. */
static void start_run(struct app *a, const char *program, const char *directory, struct strv *argv, struct strv *env)
{
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_IGNORE},
		{.flags = UV_IGNORE},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&a->starter_output},
	};
	uv_process_options_t options = {.exit_cb = start_on_exit, .file = program, .cwd = directory, .stdio = stdio, .stdio_count = 3,
					.args = argv->v, .env = env->v};
	int rc;

	uv_pipe_init(&a->loop, &a->starter_output, 0);
	a->starter_output.data = a->starter.data = a;
	buf_drop(&a->starter_text, buf_len(&a->starter_text));
	rc = uv_spawn(&a->loop, &a->starter, &options);
	if (rc < 0) {
		model_say(&a->model, "start in %.150s: %s", directory, uv_strerror(rc));
		uv_close((uv_handle_t *)&a->starter_output, start_on_closed);
		uv_close((uv_handle_t *)&a->starter, start_on_closed);
		return;
	}
	a->starting = true;
	uv_read_start((uv_stream_t *)&a->starter_output, start_on_room, start_on_text);
}

static bool start_is_free(struct app *a)
{
	if (a->starting)
		model_say(&a->model, "another session is being started");
	return !a->starting;
}

void app_start_session(struct app *a)
{
	AUTO_FREE char *program = start_program();
	AUTO_FREE char *directory = suggest_expand(a->model.form[FORM_DIRECTORY].text[0] ? a->model.form[FORM_DIRECTORY].text : ".");
	AUTO_STRV struct strv argv = {0}, env = {0};

	if (!start_is_free(a))
		return;
	start_arguments(&a->model, program, &argv);
	start_environment(&a->model, &env);
	model_say(&a->model, "starting a session in %.150s", directory);
	start_run(a, program, directory, &argv, &env);
}

void app_restart_session(struct app *a, const struct model_session *s)
{
	AUTO_FREE char *program = start_program();
	AUTO_STRV struct strv argv = {0}, env = {0};

	if (!start_is_free(a))
		return;
	strv_add(&argv, program);
	strv_add(&argv, "restart");
	strv_add(&argv, s->id);
	for (char **p = environ; *p; p++)
		strv_add(&env, *p);
	model_say(&a->model, "restarting %.200s", s->name);
	start_run(a, program, "/", &argv, &env);
}
