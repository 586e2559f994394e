#include "session/agent.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "loop/fdwatch.h"
#include "ssh/sshkey.h"
#include "ssh/sshlink.h"

#include <poll.h>
#include <string.h>

struct agent {
	struct agent_callbacks cb;
	void *ctx;
	struct loop *loop;
	struct sshkey *client_key, *host_key;
	struct secret *env; /* NULL: none, or the link has it */
	struct sshlink *link;
	struct fdwatch *watch; /* NULL without a link */
	bool wanted;	       /* agent_start was called */
	bool running;
	bool failed; /* before that, and for this reason: */
	struct err failure;
	struct buf input; /* on its way */
	bool input_ended, end_sent;
};

static void agent_watch(struct agent *a);

/* ---- what the link says ---- */

static void agent_on_authenticated(void *ctx)
{
	struct agent *a = ctx;

	a->cb.on_authenticated(a->ctx);
}

static int agent_on_due(void *ctx)
{
	struct agent *a = ctx;

	return a->cb.on_due(a->ctx);
}

static void agent_on_started(void *ctx)
{
	struct agent *a = ctx;

	a->running = a->cb.on_started(a->ctx);
}

static size_t agent_output_room(void *ctx)
{
	const struct agent *a = ctx;

	return a->cb.output_room(a->ctx);
}

static void agent_on_output(void *ctx, enum sshlink_stream stream, const void *bytes, size_t n)
{
	struct agent *a = ctx;

	a->cb.on_output(a->ctx, stream == SSHLINK_STDERR, bytes, n);
}

static void agent_on_ended(void *ctx, int code)
{
	struct agent *a = ctx;

	a->cb.on_ended(a->ctx, code);
}

static void agent_on_failure(void *ctx, const struct err *e)
{
	struct agent *a = ctx;

	/* A guest that could not be set up powers off; it has said why, or will, on another
	 * channel. */
	if (a->wanted) {
		a->cb.on_failure(a->ctx, e);
		return;
	}
	a->failed = true;
	a->failure = *e;
}

static void agent_on_forward_bytes(void *ctx, unsigned id, const void *bytes, size_t n)
{
	struct agent *a = ctx;

	a->cb.on_forward_bytes(a->ctx, id, bytes, n);
}

static void agent_on_forward_end(void *ctx, unsigned id)
{
	struct agent *a = ctx;

	a->cb.on_forward_end(a->ctx, id);
}

static void agent_on_forward_refused(void *ctx)
{
	struct agent *a = ctx;

	a->cb.on_forward_refused(a->ctx);
}

/* ---- data ---- */

/* Input goes out as far as the guest's window lets it. False: nothing went. */
static bool agent_send_input(struct agent *a)
{
	size_t sent = 0;
	bool end = false;

	while (buf_len(&a->input)) {
		size_t n = sshlink_write(a->link, buf_data(&a->input), buf_len(&a->input));

		if (n == 0)
			break;
		buf_drop(&a->input, n);
		sent += n;
	}
	if (sent)
		a->cb.on_input_taken(a->ctx, sent);
	if (a->input_ended && !buf_len(&a->input) && !a->end_sent) {
		a->end_sent = end = true;
		sshlink_send_eof(a->link);
	}
	return sent || end;
}

void agent_pump(struct agent *a)
{
	bool wrote = true;

	/* Reading may make answers, and writing may take packets off the socket, which no wake
	 * announces any more; so the last thing before the wait is a round that had nothing to
	 * write. */
	while (wrote && a->link) {
		sshlink_service(a->link);
		wrote = false;
		if (a->link && a->running) {
			wrote = agent_send_input(a);
			wrote = a->cb.write_more(a->ctx) || wrote;
		}
	}
	agent_watch(a);
}

static void agent_on_poll(void *ctx)
{
	agent_pump(ctx);
}

static void agent_watch(struct agent *a)
{
	short events;

	if (!a->link)
		return;
	events = sshlink_events(a->link);
	/* With no room for output the fd is left alone: data waits in the guest, and whoever makes
	 * room pumps. */
	if (a->running && a->cb.output_room(a->ctx) == 0)
		events &= (short)~POLLIN;
	fdwatch_set(a->watch,
		    (events & POLLIN ? FDWATCH_READ : 0) | (events & POLLOUT ? FDWATCH_WRITE : 0));
}

int agent_input(struct agent *a, const void *bytes, size_t n)
{
	if (a->input_ended)
		return -1;
	buf_add(&a->input, bytes, n);
	agent_pump(a);
	return 0;
}

void agent_input_end(struct agent *a)
{
	a->input_ended = true;
	agent_pump(a);
}

size_t agent_input_queued(const struct agent *a)
{
	return buf_len(&a->input);
}

/* ---- the link ---- */

int agent_connect(struct agent *a, const struct agent_plan *plan, struct err *e)
{
	const struct sshlink_callbacks cb = {
		.on_authenticated = agent_on_authenticated,
		.on_agent_due = agent_on_due,
		.on_agent_started = agent_on_started,
		.output_room = agent_output_room,
		.on_output = agent_on_output,
		.on_agent_ended = agent_on_ended,
		.on_failure = agent_on_failure,
		.on_forward_bytes = agent_on_forward_bytes,
		.on_forward_end = agent_on_forward_end,
		.on_forward_refused = agent_on_forward_refused,
		.ctx = a,
	};
	const struct sshlink_pty pty = {.term = plan->term, .cols = plan->cols, .rows = plan->rows};

	a->link = sshlink_new(plan->fd, a->client_key, a->host_key, &cb, e);
	if (!a->link)
		return -1;
	sshlink_plan_agent(a->link, plan->tty ? &pty : NULL, mem_steal_ptr(&a->env));
	if (plan->forward_port)
		sshlink_plan_forward(a->link, plan->forward_port);
	a->watch = fdwatch_new(a->loop, plan->fd, agent_on_poll, a);
	agent_pump(a);
	return 0;
}

bool agent_is_connected(const struct agent *a)
{
	return a->link != NULL;
}

int agent_start(struct agent *a, struct err *e)
{
	if (!a->link && !a->failed)
		return err_set(e, "the guest is ready, but has no sshd");
	if (!a->link || a->failed) {
		*e = a->failure;
		return -1;
	}
	a->wanted = true;
	sshlink_start_agent(a->link);
	agent_pump(a);
	return 0;
}

void agent_disconnect(struct agent *a)
{
	a->wanted = a->running = a->failed = false;
	if (!a->link)
		return;
	fdwatch_free(mem_steal_ptr(&a->watch));
	a->cb.on_disconnected(a->ctx);
	a->env = sshlink_reclaim_env(a->link);
	sshlink_free(mem_steal_ptr(&a->link));
}

const char *agent_step(const struct agent *a)
{
	return a->link ? sshlink_step(a->link) : "no link";
}

void agent_resize(struct agent *a, int cols, int rows)
{
	if (a->link)
		sshlink_resize(a->link, cols, rows);
}

void agent_repaint(struct agent *a, int cols, int rows)
{
	if (!a->link || !a->running)
		return;
	sshlink_resize(a->link, cols, rows > 1 ? rows - 1 : 2);
	sshlink_resize(a->link, cols, rows);
	agent_pump(a);
}

void agent_signal(struct agent *a, const char *name)
{
	if (a->link)
		sshlink_signal(a->link, name);
}

size_t agent_forward_write(struct agent *a, unsigned id, const void *bytes, size_t n)
{
	return a->link ? sshlink_forward_write(a->link, id, bytes, n) : 0;
}

void agent_forward_close(struct agent *a, unsigned id)
{
	if (a->link)
		sshlink_forward_close(a->link, id);
}

/* ---- its life ---- */

int agent_make_keys(struct agent *a, struct err *e)
{
	a->client_key = sshkey_generate(e);
	a->host_key = sshkey_generate(e);
	return a->client_key && a->host_key ? 0 : -1;
}

int agent_write_seed(const struct agent *a, int seed_fd, struct err *e)
{
	return sshkey_write_seed(a->client_key, a->host_key, seed_fd, e);
}

int agent_set_env(struct agent *a, const void *bytes, size_t n)
{
	if (a->env || !strlist_is_valid(bytes, n))
		return -1;
	a->env = secret_new(bytes, n);
	return 0;
}

void agent_variables(const struct agent *a, struct strv *out)
{
	const char *p = a->env ? secret_text(a->env) : NULL;
	const char *end = p ? p + secret_size(a->env) : NULL;

	for (; p < end; p += strlen(p) + 1)
		strv_addf(out, "%.*s", (int)strcspn(p, "="), p);
}

struct agent *agent_new(struct loop *loop, const struct agent_callbacks *callbacks, void *ctx)
{
	struct agent *a = mem_alloc(sizeof(*a));

	a->cb = *callbacks;
	a->ctx = ctx;
	a->loop = loop;
	return a;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	agent_disconnect(a);
	secret_free(a->env);
	sshkey_free(a->client_key);
	sshkey_free(a->host_key);
	buf_fini(&a->input);
	free(a);
}
