/* routes: what clients send, and who takes it. */
#include "session/wiring.h"
#include "base/strlist.h"
#include "ssh/sshlink.h"

#include <signal.h>
#include <string.h>

/* ---- one function a frame type; -1: malformed ---- */

static int routes_on_start(void *ctx, uint32_t client, const void *json, size_t n)
{
	struct session *s = ctx;
	struct err e;

	(void)client;
	if (s->said.request || request_parse(&s->request, json, n, &e) < 0)
		return -1;
	s->said.request = true;
	return 0;
}

static int routes_on_args(void *ctx, uint32_t client, const void *strings, size_t n)
{
	struct session *s = ctx;

	(void)client;
	if (s->said.args || !strlist_is_valid(strings, n))
		return -1;
	s->said.args = true;
	buf_add(&s->args, strings, n);
	return 0;
}

static int routes_on_env(void *ctx, uint32_t client, const void *strings, size_t n)
{
	struct session *s = ctx;

	(void)client;
	s->said.env = true;
	return agent_set_env(s->agent, strings, n);
}

static int routes_on_begin(void *ctx)
{
	struct session *s = ctx;

	if (!s->said.request || !s->said.args || !s->said.env)
		return -1;
	session_begin(s);
	return 0;
}

static int routes_on_stdin_end(void *ctx, uint32_t client, const void *payload, size_t n)
{
	(void)client;
	(void)payload;
	(void)n;
	agent_input_end(((struct session *)ctx)->agent);
	return 0;
}

static int routes_on_signal(void *ctx, uint32_t client, const void *payload, size_t n)
{
	struct session *s = ctx;
	char name[16] = "";

	(void)client;
	if (n == 0 || n >= sizeof(name))
		return -1;
	memcpy(name, payload, n);
	if (!sshlink_signal_number(name))
		return -1;
	if (s->attempt.state == ATTEMPT_RUNNING)
		agent_signal(s->agent, name);
	else /* no agent yet that could handle it: it ends the start, as it would end a program */
		ending_with_code(s, 128 + sshlink_signal_number(name));
	agent_pump(s->agent);
	return 0;
}

static int routes_on_stop(void *ctx, uint32_t client, const void *payload, size_t n)
{
	(void)client;
	(void)payload;
	(void)n;
	ending_ask(ctx, "TERM", 128 + SIGTERM);
	return 0;
}

static int routes_on_egress(void *ctx, uint32_t client, const void *json, size_t n)
{
	return egress_on_request(((struct session *)ctx)->egress, client, json, n);
}

static int routes_on_image_bytes(void *ctx, uint32_t client, const void *bytes, size_t n)
{
	paste_on_bytes(((struct session *)ctx)->paste, client, bytes, n);
	return 0;
}

static int routes_on_image(void *ctx, uint32_t client, const void *path, size_t n)
{
	paste_on_image(((struct session *)ctx)->paste, client, path, n);
	return 0;
}

static int routes_on_clip_bytes(void *ctx, uint32_t client, const void *bytes, size_t n)
{
	termclip_on_bytes(((struct session *)ctx)->termclip, client, bytes, n);
	return 0;
}

static int routes_on_clip_done(void *ctx, uint32_t client, const void *json, size_t n)
{
	termclip_on_done(((struct session *)ctx)->termclip, client, json, n);
	return 0;
}

static int routes_on_rename(void *ctx, uint32_t client, const void *name, size_t n)
{
	AUTO_FREE char *copy = mem_strndup(name, n);
	struct session *s = ctx;

	(void)client;
	if (!request_is_name(name, n))
		return -1;
	journal_rename(s->journal, copy);
	s->request.spare = false;
	session_write_status(s);
	journal_event(s->journal, &(struct event){.type = EVENT_RENAMED});
	return 0;
}

/* ---- what else the hub tells ---- */

static void routes_on_owner_gone(void *ctx)
{
	ending_ask(ctx, "HUP", 128 + SIGHUP);
}

static void routes_on_owner_broken(void *ctx, const struct err *e)
{
	ending_fail(ctx, "client", e);
}

static void routes_on_lonely(void *ctx)
{
	ending_ask(ctx, "HUP", 128 + SIGHUP);
}

static void routes_on_gone(void *ctx, uint32_t client)
{
	struct session *s = ctx;

	egress_forget_client(s->egress, client);
	screen_forget_client(s->screen, client);
	paste_forget_client(s->paste, client);
	termclip_forget_client(s->termclip, client);
}

static void routes_on_drained(void *ctx)
{
	agent_pump(((struct session *)ctx)->agent);
}

static void routes_on_resize(void *ctx, int cols, int rows)
{
	struct session *s = ctx;

	s->request.cols = cols;
	s->request.rows = rows;
	if (cols && rows)
		agent_resize(s->agent, cols, rows);
	screen_resize(s->screen, cols, rows);
	agent_pump(s->agent);
}

static void routes_on_paste_key(void *ctx, uint32_t client)
{
	clip_grant(((struct session *)ctx)->clip, client);
}

static size_t routes_input_queued(void *ctx)
{
	return agent_input_queued(((struct session *)ctx)->agent);
}

static int routes_input(void *ctx, const void *bytes, size_t n)
{
	return agent_input(((struct session *)ctx)->agent, bytes, n);
}

static bool routes_has_screen(void *ctx)
{
	return screen_has_worker(((struct session *)ctx)->screen);
}

static void routes_to_screen(void *ctx, uint32_t client, const void *bytes, size_t n)
{
	struct session *s = ctx;

	clip_on_view(s->clip, client, bytes, n);
	screen_on_view(s->screen, client, bytes, n);
}

static void routes_answered_elsewhere(void *ctx, bool most, bool dcs)
{
	screen_answered_elsewhere(((struct session *)ctx)->screen, most, dcs);
}

struct hub *routes_make_hub(struct session *s)
{
	static const struct hub_route routes[] = {
		{WIRE_START, routes_on_start},
		{WIRE_ARGS, routes_on_args},
		{WIRE_ENV, routes_on_env},
		{WIRE_STDIN_END, routes_on_stdin_end},
		{WIRE_SIGNAL, routes_on_signal},
		{WIRE_RENAME, routes_on_rename},
		{WIRE_STOP, routes_on_stop},
		{WIRE_EGRESS, routes_on_egress},
		{WIRE_IMAGE_BYTES, routes_on_image_bytes},
		{WIRE_IMAGE, routes_on_image},
		{WIRE_CLIP_BYTES, routes_on_clip_bytes},
		{WIRE_CLIP_DONE, routes_on_clip_done},
	};
	static const struct hub_callbacks callbacks = {
		.routes = routes,
		.nroutes = ARRAY_LEN(routes),
		.on_begin = routes_on_begin,
		.on_owner_gone = routes_on_owner_gone,
		.on_owner_broken = routes_on_owner_broken,
		.on_lonely = routes_on_lonely,
		.on_gone = routes_on_gone,
		.on_drained = routes_on_drained,
		.on_resize = routes_on_resize,
		.on_paste_key = routes_on_paste_key,
		.input_queued = routes_input_queued,
		.input = routes_input,
		.has_screen = routes_has_screen,
		.to_screen = routes_to_screen,
		.answered_elsewhere = routes_answered_elsewhere,
	};

	return hub_new(s->loop, &s->request, &s->conf, &callbacks, s);
}
