#include "base/strlist.h"
#include "session/state.h"
#include "proto/view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct client {
	struct session *session;
	struct stream *stream;
	struct buf in;
	struct client *next;
	bool owner;
	uint32_t number;
	bool attached;	 /* gets the agent's output */
	bool unfiltered; /* DCS reaches its terminal */
	struct buf held; /* output since it attached, until the screen at that moment is on its way */
	bool holding;
	bool pulling;	 /* waits for a frame of the screen */
	uint32_t pasted; /* bytes of pastes that ccvm-term has not reported */
	uint32_t taken;	 /* those that it has reported, while the agent has enough to read */
	struct clip_typed typed; /* how far its keys were followed */
	bool paused;	 /* typed more than the agent takes */
	bool has_request, has_args, has_env;
	bool busy;	 /* one of its frames is being handled: what that says to all must not free it */
	bool doomed;	 /* goes when the frame was handled */
};

#define CLIENTS_FLUSH_MS  200
#define CLIENTS_LONELY_MS 10000 /* a ccvm-tui that was killed is started again by then, or not */
#define CLIENTS_QUEUE_MAX (8u << 20) /* events of a client that does not read; then it is dropped */

static void clients_on_lonely(uv_timer_t *timer)
{
	struct session *s = timer->data;

	if (s->request.spare && !s->clients)
		session_ask_to_end(s, "HUP", 128 + 1);
}

static struct client *clients_find(struct session *s, uint32_t number)
{
	struct client *c = s->clients;

	while (c && c->number != number)
		c = c->next;
	return c;
}

static void clients_tell_answers(struct client *c, bool answers)
{
	AUTO_BUF struct buf payload = {0};

	wire_fill_answers(&payload, (struct wire_answers){answers});
	clients_send(c, WIRE_ANSWERS, buf_data(&payload), buf_len(&payload));
}

/* The starter's terminal, or the first that attached: clients are numbered in their order. */
static struct client *clients_with_terminal(struct session *s)
{
	struct client *first = NULL;

	if (s->owner && s->request.tty && !s->request.detached)
		return s->owner;
	for (struct client *c = s->clients; c; c = c->next)
		if (c->attached && (!first || c->number < first->number))
			first = c;
	return first;
}

void clients_choose_answering(struct session *s)
{
	struct client *c = clients_with_terminal(s), *before = clients_find(s, s->answering);
	const bool dcs = c && (c->owner ? !s->conf.terminal_filter : c->unfiltered);

	/* To ccvm-term always: it may be a new one. */
	screen_answered_elsewhere(s, c != NULL, dcs);
	if (c == before && (c || !s->answering))
		return;
	s->answering = c ? c->number : 0;
	if (before)
		clients_tell_answers(before, false);
	if (c)
		clients_tell_answers(c, true);
}

static void clients_remove(struct client *c)
{
	struct client **p = &c->session->clients;

	while (*p && *p != c)
		p = &(*p)->next;
	if (*p)
		*p = c->next;
	if (c->session->owner == c)
		c->session->owner = NULL;
	if (c->session->request.spare && !c->session->clients)
		uv_timer_start(&c->session->lonely, clients_on_lonely, CLIENTS_LONELY_MS, 0);
	egress_forget_client(c->session, c);
	screen_forget_client(c->session, c->number);
	if (c->session->answering == c->number)
		clients_choose_answering(c->session);
	paste_forget_client(c->session, c->number);
	termclip_forget_client(c->session, c->number);
	buf_fini(&c->held);
	stream_close(c->stream);
	buf_fini(&c->in);
	free(c);
}

/* What was sent last still goes out to clients that read. */
void clients_close_all(struct session *s)
{
	while (s->clients) {
		stream_flush(s->clients->stream, CLIENTS_FLUSH_MS);
		clients_remove(s->clients);
	}
}

static void clients_protocol_error(struct client *c)
{
	struct err e;

	err_set(&e, "the client sent a malformed frame");
	if (c->owner)
		session_fail(c->session, "client", &e);
}

/* ---- one function a frame type; -1: malformed ---- */

static int clients_on_start(struct client *c, const struct wire_frame *f)
{
	struct err e;

	if (c->has_request || request_parse(&c->session->request, f->payload, f->n, &e) < 0)
		return -1;
	c->has_request = true;
	return 0;
}

static int clients_on_args(struct client *c, const struct wire_frame *f)
{
	c->has_args = true;
	if (!strlist_is_valid(f->payload, f->n))
		return -1;
	buf_add(&c->session->args, f->payload, f->n);
	return 0;
}

static int clients_on_env(struct client *c, const struct wire_frame *f)
{
	c->has_env = true;
	if (c->session->env || !strlist_is_valid(f->payload, f->n))
		return -1;
	c->session->env = secret_new(f->payload, f->n);
	return 0;
}

static int clients_on_begin(struct client *c, const struct wire_frame *f)
{
	(void)f;
	if (!c->has_request || !c->has_args || !c->has_env || c->session->state != SESSION_CREATED)
		return -1;
	session_begin(c->session);
	return 0;
}

static int clients_on_stdin(struct client *c, const struct wire_frame *f)
{
	struct session *s = c->session;

	/* The client may not send more than it has credit for. */
	if (s->input_end || buf_len(&s->input) + f->n > WIRE_CREDIT_FIRST)
		return -1;
	clip_on_typed(s, c->number, &c->typed, f->payload, f->n);
	buf_add(&s->input, f->payload, f->n);
	agent_pump(s);
	return 0;
}

static int clients_on_stdin_end(struct client *c, const struct wire_frame *f)
{
	(void)f;
	c->session->input_end = true;
	agent_pump(c->session);
	return 0;
}

static int clients_on_resize(struct client *c, const struct wire_frame *f)
{
	struct request *r = &c->session->request;
	struct wire_resize size;

	if (!wire_get_resize(f, &size))
		return -1;
	/* The terminal of the one that started it decides, where there is one. */
	if (!c->owner && !c->session->request.detached)
		return 0;
	r->cols = size.cols;
	r->rows = size.rows;
	if (c->session->ssh && r->cols && r->rows)
		sshlink_resize(c->session->ssh, r->cols, r->rows);
	screen_resize(c->session);
	agent_pump(c->session);
	return 0;
}

static int clients_on_signal(struct client *c, const struct wire_frame *f)
{
	struct session *s = c->session;
	char name[16] = "";

	if (f->n == 0 || f->n >= sizeof(name))
		return -1;
	memcpy(name, f->payload, f->n);
	if (!sshlink_signal_number(name))
		return -1;
	if (s->state == SESSION_RUNNING)
		sshlink_signal(s->ssh, name);
	else /* no agent yet that could handle it: it ends the start, as it would end a program */
		session_end(s, 128 + sshlink_signal_number(name));
	agent_pump(s);
	return 0;
}

static int clients_on_stop(struct client *c, const struct wire_frame *f)
{
	(void)f;
	session_ask_to_end(c->session, "TERM", 128 + 15);
	return 0;
}

static int clients_on_egress(struct client *c, const struct wire_frame *f)
{
	return egress_on_request(c->session, c, f->payload, f->n);
}

static int clients_on_typed(struct client *c, const struct wire_frame *f)
{
	struct session *s = c->session;

	if (s->input_end)
		return 0;
	clip_on_typed(s, c->number, &c->typed, f->payload, f->n);
	buf_add(&s->input, f->payload, f->n);
	c->paused = buf_len(&s->input) > WIRE_CREDIT_FIRST;
	stream_pause(c->stream, c->paused);
	agent_pump(s);
	return 0;
}

/* Asks ccvm-term for the whole screen, in the client's name. */
static void clients_pull(struct client *c)
{
	AUTO_BUF struct buf pull = {0};

	view_put_pull(&pull, (struct view_pull){0});
	screen_on_view(c->session, c, c->number, buf_data(&pull), buf_len(&pull));
}

static int clients_on_attach(struct client *c, const struct wire_frame *f)
{
	struct wire_attach m;

	if (!wire_get_attach(f, &m))
		return -1;
	c->attached = true;
	c->unfiltered = !m.filtered;
	clients_choose_answering(c->session);
	c->holding = c->session->screen.worker != NULL;
	clients_pull(c);
	return 0;
}

static int clients_on_view(struct client *c, const struct wire_frame *f)
{
	struct view_paste paste;

	if (f->n == 0)
		return -1;
	if (view_type(f->payload, f->n) == VIEW_PULL)
		c->pulling = true;
	if (view_get_paste(f->payload, f->n, &paste))
		c->pasted += (uint32_t)paste.text.n;
	clip_on_view(c->session, c->number, f->payload, f->n);
	screen_on_view(c->session, c, c->number, f->payload, f->n);
	return 0;
}

static int clients_on_image_bytes(struct client *c, const struct wire_frame *f)
{
	paste_on_bytes(c->session, c->number, f->payload, f->n);
	return 0;
}

static int clients_on_image(struct client *c, const struct wire_frame *f)
{
	paste_on_image(c->session, c->number, f->payload, f->n);
	return 0;
}

static int clients_on_clip_bytes(struct client *c, const struct wire_frame *f)
{
	termclip_on_bytes(c->session, c->number, f->payload, f->n);
	return 0;
}

static int clients_on_clip_done(struct client *c, const struct wire_frame *f)
{
	termclip_on_done(c->session, c->number, f->payload, f->n);
	return 0;
}

static int clients_on_rename(struct client *c, const struct wire_frame *f)
{
	struct session *s = c->session;

	if (!request_is_name(f->payload, f->n))
		return -1;
	free(s->name);
	s->name = mem_strndup((const char *)f->payload, f->n);
	s->request.spare = false;
	status_write(s);
	status_event(s, "renamed", NULL);
	return 0;
}

static const struct {
	enum wire_type type;
	int (*handle)(struct client *c, const struct wire_frame *f);
} clients_frames[] = {
	{WIRE_START, clients_on_start},
	{WIRE_ARGS, clients_on_args},
	{WIRE_ENV, clients_on_env},
	{WIRE_BEGIN, clients_on_begin},
	{WIRE_STDIN, clients_on_stdin},
	{WIRE_STDIN_END, clients_on_stdin_end},
	{WIRE_RESIZE, clients_on_resize},
	{WIRE_SIGNAL, clients_on_signal},
	{WIRE_TYPED, clients_on_typed},
	{WIRE_ATTACH, clients_on_attach},
	{WIRE_VIEW, clients_on_view},
	{WIRE_RENAME, clients_on_rename},
	{WIRE_STOP, clients_on_stop},
	{WIRE_EGRESS, clients_on_egress},
	{WIRE_IMAGE_BYTES, clients_on_image_bytes},
	{WIRE_IMAGE, clients_on_image},
	{WIRE_CLIP_BYTES, clients_on_clip_bytes},
	{WIRE_CLIP_DONE, clients_on_clip_done},
};

/* Who may send a type, and when, stands in proto/wire.c. */
static int clients_dispatch(struct client *c, const struct wire_frame *f)
{
	const enum wire_phase phase = c->session->state == SESSION_CREATED ? WIRE_BEFORE : WIRE_AFTER;

	if (!wire_may_send(c->owner ? WIRE_STARTER : WIRE_CLIENT, phase, f->type))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(clients_frames); i++)
		if (clients_frames[i].type == f->type)
			return clients_frames[i].handle(c, f);
	return -1;
}

static void clients_on_bytes(void *ctx, const void *bytes, size_t n)
{
	struct client *c = ctx;
	struct wire_frame f;
	int rc;

	c->in.secret = c->owner; /* the API key is among what it says first */
	buf_add(&c->in, bytes, n);
	c->busy = true;
	while ((rc = wire_next(&c->in, &f)) == 1 && !c->doomed) {
		int handled = clients_dispatch(c, &f);

		buf_drop(&c->in, f.n + WIRE_HEADER_SIZE);
		if (handled < 0) {
			rc = -1;
			break;
		}
	}
	c->busy = false;
	if (rc < 0)
		clients_protocol_error(c);
	if (c->doomed || (rc < 0 && !c->owner))
		clients_remove(c);
}

static void clients_on_end(void *ctx)
{
	struct client *c = ctx;
	struct session *s = c->session;
	bool was_owner = c->owner && !(s->request.detached && s->state > SESSION_CREATED);

	clients_remove(c);
	/* Its terminal or its caller is gone: what closing claude would do. */
	if (was_owner)
		session_ask_to_end(s, "HUP", 128 + 1);
}

static void clients_on_drained(void *ctx)
{
	agent_pump(((struct client *)ctx)->session);
}

struct client *clients_add(struct session *s, int fd, bool owner)
{
	struct client *c = mem_alloc(sizeof(*c));
	const struct stream_callbacks cb = {clients_on_bytes, clients_on_end, clients_on_drained, c};

	c->session = s;
	c->owner = owner;
	c->number = ++s->client_numbers;
	c->next = s->clients;
	s->clients = c;
	c->stream = stream_open(&s->loop, fd, &cb);
	return c;
}

void clients_send(struct client *c, enum wire_type type, const void *payload, size_t n)
{
	AUTO_BUF struct buf frame = {0};

	if (!c)
		return;
	wire_put(&frame, type, payload, n);
	stream_write(c->stream, buf_data(&frame), buf_len(&frame));
}

size_t clients_queued(const struct client *c)
{
	return c ? stream_queued(c->stream) : 0;
}

void clients_broadcast(struct session *s, enum wire_type type, const void *payload, size_t n)
{
	for (struct client *c = s->clients, *next; c; c = next) {
		next = c->next;
		if (!c->owner && clients_queued(c) > CLIENTS_QUEUE_MAX && c->busy)
			c->doomed = true;
		else if (!c->owner && clients_queued(c) > CLIENTS_QUEUE_MAX)
			clients_remove(c);
		else
			clients_send(c, type, payload, n);
	}
}

void clients_send_output(struct session *s, const void *bytes, size_t n)
{
	for (struct client *c = s->clients; c; c = c->next) {
		if (!c->attached)
			continue;
		if (c->holding)
			buf_add(&c->held, bytes, n);
		else if (clients_queued(c) <= CLIENTS_QUEUE_MAX)
			clients_send(c, WIRE_STDOUT, bytes, n);
	}
}

void clients_send_to(struct session *s, uint32_t number, enum wire_type type, const void *payload, size_t n)
{
	clients_send(clients_find(s, number), type, payload, n);
}

bool clients_is_there(struct session *s, uint32_t number)
{
	return clients_find(s, number) != NULL;
}

/* The viewer may send that much more. */
static void clients_send_taken(struct client *c)
{
	AUTO_BUF struct buf message = {0};

	view_put_taken(&message, (struct view_taken){c->taken});
	if (c->taken)
		clients_send(c, WIRE_VIEW_DATA, buf_data(&message), buf_len(&message));
	c->taken = 0;
}

/* ccvm-term has made bytes for the agent of a part of a paste; they are in the input by now. What it claims is bounded by what it
 * was given. */
static void clients_on_taken(struct client *c, const struct view_taken *m)
{
	const uint32_t taken = m->bytes < c->pasted ? m->bytes : c->pasted;

	c->pasted -= taken;
	c->taken += taken;
	if (buf_len(&c->session->input) < WIRE_CREDIT_FIRST / 2)
		clients_send_taken(c);
}

void clients_on_view_data(struct session *s, uint32_t number, const void *bytes, size_t n)
{
	struct client *c = clients_find(s, number);
	struct view_taken taken;

	if (!c)
		return;
	if (view_get_taken(bytes, n, &taken)) {
		clients_on_taken(c, &taken);
		return;
	}
	if (view_type(bytes, n) == VIEW_FRAME)
		c->pulling = false;
	clients_send(c, WIRE_VIEW_DATA, bytes, n);
	if (!c->holding)
		return;
	c->holding = false;
	if (buf_len(&c->held))
		clients_send(c, WIRE_STDOUT, buf_data(&c->held), buf_len(&c->held));
	buf_fini(&c->held);
	c->held = (struct buf){0};
}

void clients_pull_again(struct session *s)
{
	for (struct client *c = s->clients; c; c = c->next) {
		if (c->pulling || c->holding)
			clients_pull(c);
		c->taken += c->pasted; /* what the old one had of a paste is lost with the screen, which was told */
		c->pasted = 0;
		clients_send_taken(c);
	}
}

void clients_resume(struct session *s)
{
	if (buf_len(&s->input) >= WIRE_CREDIT_FIRST / 2)
		return;
	for (struct client *c = s->clients; c; c = c->next) {
		clients_send_taken(c);
		if (c->paused)
			stream_pause(c->stream, false);
		c->paused = false;
	}
}

static void clients_on_connection(uv_poll_t *poll, int status, int events)
{
	struct session *s = poll->data;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (status < 0 || fd < 0)
		return;
	/* The directory is 0700 already; this holds even where someone loosened it. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid())
		close(fd);
	else
		clients_add(s, fd, false);
}

int clients_listen(struct session *s, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_FREE char *path = mem_format("%s/%s", s->run.path, RUNDIR_SOCKET);
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		err_set(e, "the run directory's path is too long for a socket: %s", path);
		return err_remedy(e, "set XDG_RUNTIME_DIR to a shorter path");
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0) {
		err_sys(e, "listen on %s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	s->listen_fd = fd;
	uv_poll_init(&s->loop, &s->listener, fd);
	s->listener.data = s;
	uv_poll_start(&s->listener, UV_READABLE, clients_on_connection);
	return 0;
}
