#include "session/screen.h"
#include "base/clock.h"
#include "session/state.h"
#include "base/spawn.h"
#include "base/text.h"
#include "proto/view.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define SCREEN_INPUT_MAX (1u << 20) /* of keys for an agent that does not read: the rest is dropped, and that is told. Pastes wait */
#define SCREEN_BELL_MS	 1000
#define SCREEN_SETTLE_MS 500

void screen_init(struct session *s)
{
	s->screen.control_fd = -1;
	s->screen.agent = attention_judge(&(struct attention_signs){.title = "", .screen = ""});
	uv_timer_init(&s->loop, &s->screen.settle);
	s->screen.settle.data = s;
}

static void screen_send(struct session *s, enum wire_type type, const struct buf *payload)
{
	AUTO_BUF struct buf frame = {0};

	if (!s->screen.worker)
		return;
	wire_put(&frame, type, buf_data(payload), buf_len(payload));
	stream_write(s->screen.worker, buf_data(&frame), buf_len(&frame));
}

void screen_feed(struct session *s, const void *bytes, size_t n)
{
	AUTO_BUF struct buf payload = {0};

	buf_add(&payload, bytes, n);
	screen_send(s, WIRE_STDOUT, &payload);
}

size_t screen_queued(const struct session *s)
{
	return s->screen.worker ? stream_queued(s->screen.worker) : 0;
}

void screen_resize(struct session *s)
{
	AUTO_BUF struct buf payload = {0};

	wire_fill_resize(&payload, (struct wire_resize){(uint16_t)s->request.cols, (uint16_t)s->request.rows});
	screen_send(s, WIRE_RESIZE, &payload);
}

/* ---- what ccvm-term says ---- */

static void screen_on_input(struct session *s, const struct wire_frame *f)
{
	const bool full = buf_len(&s->input) + f->n > SCREEN_INPUT_MAX;

	if (full && !s->screen.deaf)
		status_event_note(s, "input", "the program does not read its input: further keys are lost");
	s->screen.deaf = full;
	if (s->input_end || full)
		return;
	buf_add(&s->input, f->payload, f->n);
	agent_pump(s);
}

static void screen_on_data(struct session *s, const struct wire_frame *f)
{
	struct wire_view m;

	if (wire_get_view(f, &m) && m.message.n)
		clients_on_view_data(s, m.viewer, m.message.p, m.message.n);
}

/* Copies well-formed text without control characters (lines may end with a newline where that is allowed). */
static void screen_copy_text(char *out, size_t size, const unsigned char *p, size_t n, bool lines)
{
	size_t used = 0;

	for (size_t i = 0; i < n;) {
		uint32_t ch;
		size_t len = text_get_utf8(p + i, n - i, &ch);

		if (len && used + len < size && (text_is_cell(ch) || (lines && ch == '\n'))) {
			memcpy(out + used, p + i, len);
			used += len;
		}
		i += len ? len : 1;
	}
	out[used] = '\0';
}

static struct attention_verdict screen_verdict(const struct screen *sc)
{
	return attention_judge(&(struct attention_signs){sc->hook, sc->hook_ms, sc->title, sc->title_ms, sc->text ? sc->text : ""});
}

static void screen_on_settled(uv_timer_t *timer)
{
	struct session *s = timer->data;
	struct screen *sc = &s->screen;
	const struct attention_verdict v = screen_verdict(sc);
	AUTO_BUF struct buf fields = {0};

	sc->agent = v;
	sc->agent_since_ms = clock_wall_ms();
	json_add_string(&fields, "agent", attention_name(v.state));
	json_add_string(&fields, "why", v.why);
	status_write(s);
	status_event(s, "agent", &fields);
}

/* A screen is painted in steps, and hooks and title do not come together: a state is told once it has stood for a
 * moment. */
static void screen_judge(struct session *s)
{
	struct screen *sc = &s->screen;

	const enum attention now = screen_verdict(sc).state;

	if (now == sc->agent.state)
		uv_timer_stop(&sc->settle);
	else if (now != sc->pending || !uv_is_active((uv_handle_t *)&sc->settle))
		uv_timer_start(&sc->settle, screen_on_settled, SCREEN_SETTLE_MS, 0);
	sc->pending = now;
}

static void screen_text_event(struct session *s, const char *event, const char *name, const char *text)
{
	AUTO_BUF struct buf fields = {0};

	json_add_string(&fields, name, text);
	status_event(s, event, &fields);
}

static void screen_on_title(struct session *s, const unsigned char *text, size_t n)
{
	screen_copy_text(s->screen.title, sizeof(s->screen.title), text, n, false);
	s->screen.title_ms = clock_wall_ms();
	screen_judge(s);
}

static void screen_on_bell(struct session *s, const unsigned char *text, size_t n)
{
	const int64_t now = clock_wall_ms();

	(void)text;
	(void)n;
	if (now - s->screen.bell_ms < SCREEN_BELL_MS)
		return;
	s->screen.bell_ms = now;
	screen_text_event(s, "bell", "title", s->screen.title);
}

static void screen_on_notify(struct session *s, const unsigned char *text, size_t n)
{
	char copy[SCREEN_TITLE_MAX];

	screen_copy_text(copy, sizeof(copy), text, n, false);
	screen_text_event(s, "notification", "text", copy);
}

static void screen_on_text(struct session *s, const unsigned char *text, size_t n)
{
	const size_t kept = n < SCREEN_TEXT_MAX ? n : SCREEN_TEXT_MAX;

	free(s->screen.text);
	s->screen.text = mem_alloc(kept + 1);
	screen_copy_text(s->screen.text, kept + 1, text + n - kept, kept, true);
	screen_judge(s);
}

static void screen_on_event(struct session *s, const struct wire_frame *f)
{
	static const struct {
		enum wire_term_event event;
		void (*take)(struct session *s, const unsigned char *text, size_t n);
	} table[] = {{WIRE_TERM_TITLE, screen_on_title},
		     {WIRE_TERM_BELL, screen_on_bell},
		     {WIRE_TERM_NOTIFY, screen_on_notify},
		     {WIRE_TERM_SCREEN, screen_on_text}};
	struct wire_told m;

	if (!wire_get_told(f, &m))
		return;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].event == (enum wire_term_event)m.event)
			table[i].take(s, m.text.p, m.text.n);
}

static void screen_on_frame(struct session *s, const struct wire_frame *f)
{
	static const struct {
		enum wire_type type;
		void (*take)(struct session *s, const struct wire_frame *f);
	} table[] = {{WIRE_STDIN, screen_on_input}, {WIRE_VIEW_DATA, screen_on_data}, {WIRE_TERM_EVENT, screen_on_event}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == f->type)
			table[i].take(s, f);
}

static void screen_drop_worker(struct session *s)
{
	stream_close(s->screen.worker);
	s->screen.worker = NULL;
	buf_drop(&s->screen.in, buf_len(&s->screen.in));
}

static void screen_on_bytes(void *ctx, const void *bytes, size_t n)
{
	struct session *s = ctx;
	struct wire_frame f;
	int rc;

	buf_add(&s->screen.in, bytes, n);
	while ((rc = wire_next(&s->screen.in, &f)) == 1) {
		screen_on_frame(s, &f);
		if (!s->screen.worker)
			return;
		buf_drop(&s->screen.in, f.n + WIRE_HEADER_SIZE);
	}
	if (rc < 0)
		screen_drop_worker(s); /* it sees the end of its socket and ends; another one follows */
}

static void screen_on_end(void *ctx)
{
	screen_drop_worker(ctx);
	agent_pump(ctx);
}

static void screen_on_drained(void *ctx)
{
	agent_pump(ctx);
}

void screen_on_hook(struct session *s, const char *name)
{
	const enum attention_hook hook = attention_hook_named(name);

	if (!hook)
		return;
	s->screen.hook = hook;
	s->screen.hook_ms = clock_wall_ms();
	if (hook == ATTENTION_HOOK_PROMPT)
		status_event(s, "prompt", NULL);
	screen_judge(s);
}

/* ---- workers come and go ---- */

/* The fd that came along, or -1. */
static int screen_receive_fd(int control)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control_data;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control_data.bytes,
			   .msg_controllen = sizeof(control_data.bytes)};
	ssize_t n = recvmsg(control, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	int fd = -1;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return n == 0 ? -2 : fd;
}

/* The screen is empty now. A program repaints when the size changes, so it does, for a moment. */
static void screen_repaint(struct session *s)
{
	status_event_note(s, "screen", "ccvm-term ended and was restarted; the agent was asked to redraw its screen");
	if (!s->ssh || s->state != SESSION_RUNNING)
		return;
	sshlink_resize(s->ssh, s->request.cols, s->request.rows > 1 ? s->request.rows - 1 : 2);
	sshlink_resize(s->ssh, s->request.cols, s->request.rows);
	agent_pump(s);
}

static void screen_on_control(uv_poll_t *poll, int status, int events)
{
	struct session *s = poll->data;
	const struct stream_callbacks cb = {screen_on_bytes, screen_on_end, screen_on_drained, s};
	int fd = screen_receive_fd(s->screen.control_fd);

	(void)status;
	(void)events;
	if (fd == -2) {
		uv_poll_stop(poll);
		status_event_note(s, "screen", "ccvm-term has ended: the session's screen can no longer be shown");
	}
	if (fd < 0)
		return;
	if (s->screen.worker)
		screen_drop_worker(s);
	s->screen.worker = stream_open(&s->loop, fd, &cb);
	screen_resize(s);
	clients_choose_answering(s);
	if (s->screen.workers++ > 0)
		screen_repaint(s);
	clients_pull_again(s);
}

int screen_start(struct session *s, struct err *e)
{
	static char *const no_env[] = {NULL};
	AUTO_FREE char *program = mem_format("%s/ccvm-term", s->libexec);
	AUTO_FREE char *history = mem_format("%ld", s->conf.tui_history);
	char *const argv[] = {program, history, NULL};
	AUTO_CLOSE int theirs = -1, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct spawn_fd fds[2];
	struct spawn spawn = {.path = program, .argv = argv, .envp = no_env, .fds = fds, .nfds = 2,
			      .die_with_parent = true, .no_core = true, .new_session = true};
	int pair[2];

	if (!s->request.tty)
		return 0;
	s->stage = "screen";
	if (null < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	s->screen.control_fd = pair[0];
	theirs = pair[1];
	fds[0] = (struct spawn_fd){null, 2};
	fds[1] = (struct spawn_fd){theirs, 3};
	s->screen.pid = spawn_start(&spawn, &s->screen.pidfd, e);
	if (s->screen.pid < 0) {
		s->screen.pid = 0;
		return err_exit_code(e, ERR_EXIT_GUEST);
	}
	s->screen.control = mem_alloc(sizeof(*s->screen.control));
	uv_poll_init(&s->loop, s->screen.control, s->screen.control_fd);
	s->screen.control->data = s;
	uv_poll_start(s->screen.control, UV_READABLE, screen_on_control);
	return 0;
}

static void screen_free_handle(uv_handle_t *handle)
{
	free(handle);
}

void screen_end(struct session *s)
{
	struct screen *sc = &s->screen;

	uv_timer_stop(&sc->settle);
	free(mem_steal_ptr(&sc->text));
	if (sc->control) {
		uv_poll_stop(sc->control);
		uv_close((uv_handle_t *)sc->control, screen_free_handle);
		sc->control = NULL;
	}
	if (sc->control_fd >= 0)
		close(mem_steal_fd(&sc->control_fd));
	screen_drop_worker(s);
	buf_fini(&sc->in);
	if (sc->pid > 0) {
		(void)spawn_signal(sc->pidfd, SIGKILL); /* its worker dies with it */
		waitpid(sc->pid, NULL, 0);
		close(sc->pidfd);
	}
	sc->pid = 0;
}

/* ---- viewers ---- */

void screen_on_view(struct session *s, struct client *c, uint32_t number, const void *bytes, size_t n)
{
	AUTO_BUF struct buf payload = {0};

	if (s->screen.control_fd < 0) {
		clients_send(c, WIRE_VIEW_DATA, (const char[]){VIEW_NONE}, 1);
		return;
	}
	wire_fill_view(&payload, (struct wire_view){number, {bytes, n}});
	screen_send(s, WIRE_VIEW, &payload);
}

void screen_answered_elsewhere(struct session *s, bool most, bool dcs)
{
	AUTO_BUF struct buf payload = {0};

	wire_fill_elsewhere(&payload, (struct wire_elsewhere){most, dcs});
	screen_send(s, WIRE_ANSWERS, &payload);
}

void screen_forget_client(struct session *s, uint32_t number)
{
	AUTO_BUF struct buf payload = {0};

	wire_fill_gone(&payload, (struct wire_gone){number});
	screen_send(s, WIRE_VIEW_GONE, &payload);
}

void screen_add_status(const struct session *s, struct buf *out)
{
	json_add_bool(out, "detached", s->request.detached);
	json_add_bool(out, "terminal", s->request.tty);
	json_add_string(out, "title", s->screen.title);
	json_add_string(out, "agent", attention_name(s->screen.agent.state));
	json_add_string(out, "agent_why", s->screen.agent.why);
	json_add_int(out, "agent_since_ms", s->screen.agent_since_ms);
}
