#include "session/screen.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/text.h"
#include "loop/fdwatch.h"
#include "loop/frames.h"
#include "loop/timer.h"
#include "proto/event.h"
#include "proto/view.h"
#include "proto/wire.h"
#include "session/attention.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCREEN_INPUT_MAX                                                                           \
	(1u                                                                                        \
	 << 20) /* of keys for an agent that does not read: the rest is dropped, and that is told. Pastes wait */
#define SCREEN_BELL_MS	 1000
#define SCREEN_SETTLE_MS 500
#define SCREEN_TITLE_MAX 256
#define SCREEN_TEXT_MAX                                                                            \
	(4 * WIRE_SCREEN_CELLS + VIEW_ROWS_MAX) /* bytes; of a longer text the end is kept */

struct screen {
	struct screen_callbacks cb;
	void *ctx;
	struct loop *loop;
	int control_fd; /* ccvm-term sends each new worker's socket over it; -1: no screen */
	pid_t pid;
	int pidfd;
	struct fdwatch *control;
	struct frames *worker; /* NULL: none at the moment */
	unsigned workers;      /* so far */
	int cols, rows;
	bool deaf; /* the agent reads nothing, and keys were lost */
	char title[SCREEN_TITLE_MAX];
	char *text;		  /* owned; of the screen; NULL: none yet */
	enum attention_hook hook; /* claude's last one */
	int64_t hook_ms, title_ms;
	struct timer *settle; /* runs while the signs say pending, which is not what agent says */
	enum attention pending;
	struct attention_verdict agent;
	int64_t agent_since_ms;
	int64_t bell_ms; /* last told */
};

static void screen_send(struct screen *sc, enum wire_type type, const struct buf *payload)
{
	frames_send(sc->worker, type, buf_data(payload), buf_len(payload));
}

void screen_feed(struct screen *sc, const void *bytes, size_t n)
{
	AUTO_BUF struct buf payload = {0};

	buf_add(&payload, bytes, n);
	screen_send(sc, WIRE_STDOUT, &payload);
}

size_t screen_queued(const struct screen *sc)
{
	return frames_queued(sc->worker);
}

static void screen_send_size(struct screen *sc)
{
	AUTO_BUF struct buf payload = {0};

	wire_fill_resize(&payload, (struct wire_resize){(uint16_t)sc->cols, (uint16_t)sc->rows});
	screen_send(sc, WIRE_RESIZE, &payload);
}

void screen_resize(struct screen *sc, int cols, int rows)
{
	sc->cols = cols;
	sc->rows = rows;
	screen_send_size(sc);
}

bool screen_has_worker(const struct screen *sc)
{
	return sc->worker != NULL;
}

/* ---- what ccvm-term says ---- */

static void screen_on_input(struct screen *sc, const struct wire_frame *f)
{
	const bool full = sc->cb.input_queued(sc->ctx) + f->n > SCREEN_INPUT_MAX;

	if (full && !sc->deaf)
		sc->cb.note(sc->ctx, "input",
			    "the program does not read its input: further keys are lost");
	sc->deaf = full;
	if (!full)
		sc->cb.input(sc->ctx, f->payload, f->n);
}

static void screen_on_data(struct screen *sc, const struct wire_frame *f)
{
	struct wire_view m;

	if (wire_get_view(f, &m) && m.message.n)
		sc->cb.to_viewer(sc->ctx, m.viewer, m.message.p, m.message.n);
}

/* Copies well-formed text without control characters (lines may end with a newline where that is
 * allowed). */
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
	return attention_judge(&(struct attention_signs){sc->hook, sc->hook_ms, sc->title,
							 sc->title_ms, sc->text ? sc->text : ""});
}

static void screen_on_settled(void *ctx)
{
	struct screen *sc = ctx;
	const struct attention_verdict v = screen_verdict(sc);

	sc->agent = v;
	sc->agent_since_ms = clock_wall_ms();
	sc->cb.changed(sc->ctx);
	sc->cb.event(sc->ctx, &(struct event){.type = EVENT_AGENT,
					      .agent = attention_name(v.state),
					      .why = v.why});
}

/* A screen is painted in steps, and hooks and title do not come together: a state is told once
 * it has stood for a moment. */
static void screen_judge(struct screen *sc)
{
	const enum attention now = screen_verdict(sc).state;

	if (now == sc->agent.state)
		timer_stop(sc->settle);
	else if (now != sc->pending || !timer_is_active(sc->settle))
		timer_start(sc->settle, SCREEN_SETTLE_MS, 0);
	sc->pending = now;
}

static void screen_on_title(struct screen *sc, const unsigned char *text, size_t n)
{
	screen_copy_text(sc->title, sizeof(sc->title), text, n, false);
	sc->title_ms = clock_wall_ms();
	screen_judge(sc);
}

static void screen_on_bell(struct screen *sc, const unsigned char *text, size_t n)
{
	const int64_t now = clock_wall_ms();

	(void)text;
	(void)n;
	if (now - sc->bell_ms < SCREEN_BELL_MS)
		return;
	sc->bell_ms = now;
	sc->cb.event(sc->ctx, &(struct event){.type = EVENT_BELL, .title = sc->title});
}

static void screen_on_notify(struct screen *sc, const unsigned char *text, size_t n)
{
	char copy[SCREEN_TITLE_MAX];

	screen_copy_text(copy, sizeof(copy), text, n, false);
	sc->cb.event(sc->ctx, &(struct event){.type = EVENT_NOTIFICATION, .text = copy});
}

static void screen_on_text(struct screen *sc, const unsigned char *text, size_t n)
{
	const size_t kept = n < SCREEN_TEXT_MAX ? n : SCREEN_TEXT_MAX;

	free(sc->text);
	sc->text = mem_alloc(kept + 1);
	screen_copy_text(sc->text, kept + 1, text + n - kept, kept, true);
	screen_judge(sc);
}

static void screen_on_event(struct screen *sc, const struct wire_frame *f)
{
	static const struct {
		enum wire_term_event event;
		void (*take)(struct screen *sc, const unsigned char *text, size_t n);
	} table[] = {{WIRE_TERM_TITLE, screen_on_title},
		     {WIRE_TERM_BELL, screen_on_bell},
		     {WIRE_TERM_NOTIFY, screen_on_notify},
		     {WIRE_TERM_SCREEN, screen_on_text}};
	struct wire_told m;

	if (!wire_get_told(f, &m))
		return;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].event == (enum wire_term_event)m.event)
			table[i].take(sc, m.text.p, m.text.n);
}

static bool screen_on_frame(void *ctx, const struct wire_frame *f)
{
	struct screen *sc = ctx;
	static const struct {
		enum wire_type type;
		void (*take)(struct screen *sc, const struct wire_frame *f);
	} table[] = {{WIRE_STDIN, screen_on_input},
		     {WIRE_VIEW_DATA, screen_on_data},
		     {WIRE_TERM_EVENT, screen_on_event}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == f->type)
			table[i].take(sc, f);
	return true;
}

static void screen_drop_worker(struct screen *sc)
{
	frames_close(mem_steal_ptr(&sc->worker));
}

static void screen_on_end(void *ctx, bool malformed)
{
	struct screen *sc = ctx;

	(void)malformed; /* then it sees the end of its socket and ends; another one follows */
	screen_drop_worker(sc);
	sc->cb.on_drained(sc->ctx);
}

static void screen_on_drained(void *ctx)
{
	struct screen *sc = ctx;

	sc->cb.on_drained(sc->ctx);
}

void screen_on_hook(struct screen *sc, const char *name)
{
	const enum attention_hook hook = attention_hook_named(name);

	if (!hook)
		return;
	sc->hook = hook;
	sc->hook_ms = clock_wall_ms();
	if (hook == ATTENTION_HOOK_PROMPT)
		sc->cb.event(sc->ctx, &(struct event){.type = EVENT_PROMPT});
	screen_judge(sc);
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
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control_data.bytes,
			   .msg_controllen = sizeof(control_data.bytes)};
	ssize_t n = recvmsg(control, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	int fd = -1;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return n == 0 ? -2 : fd;
}

static void screen_on_control(void *ctx)
{
	struct screen *sc = ctx;
	const struct frames_callbacks cb = {screen_on_frame, screen_on_end, screen_on_drained, sc};
	int fd = screen_receive_fd(sc->control_fd);

	if (fd == -2) {
		fdwatch_set(sc->control, FDWATCH_NONE);
		sc->cb.note(sc->ctx, "screen",
			    "ccvm-term has ended: the session's screen can no longer be shown");
	}
	if (fd < 0)
		return;
	if (sc->worker)
		screen_drop_worker(sc);
	sc->worker = frames_open(sc->loop, fd, &cb);
	screen_send_size(sc);
	if (sc->workers++ > 0)
		sc->cb.note(sc->ctx, "screen",
			    "ccvm-term ended and was restarted; the agent was asked to redraw its "
			    "screen");
	sc->cb.on_worker(sc->ctx, sc->workers > 1);
}

int screen_start(struct screen *sc, const char *libexec, long history_lines, struct err *e)
{
	static char *const no_env[] = {NULL};
	AUTO_FREE char *program = mem_format("%s/ccvm-term", libexec);
	AUTO_FREE char *history = mem_format("%ld", history_lines);
	char *const argv[] = {program, history, NULL};
	AUTO_CLOSE int theirs = -1, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct spawn_fd fds[2];
	/* clang-format off */
	struct spawn spawn = {
		.path = program, .argv = argv, .envp = no_env, .fds = fds, .nfds = 2,
		.die_with_parent = true, .no_core = true, .new_session = true,
	};
	/* clang-format on */
	int pair[2];

	if (null < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	sc->control_fd = pair[0];
	theirs = pair[1];
	fds[0] = (struct spawn_fd){null, 2};
	fds[1] = (struct spawn_fd){theirs, 3};
	sc->pid = spawn_start(&spawn, &sc->pidfd, e);
	if (sc->pid < 0) {
		sc->pid = 0;
		return err_exit_code(e, ERR_EXIT_GUEST);
	}
	sc->control = fdwatch_new(sc->loop, sc->control_fd, screen_on_control, sc);
	fdwatch_set(sc->control, FDWATCH_READ);
	return 0;
}

struct screen *screen_new(struct loop *loop, const struct screen_callbacks *callbacks, void *ctx)
{
	struct screen *sc = mem_alloc(sizeof(*sc));

	sc->cb = *callbacks;
	sc->ctx = ctx;
	sc->loop = loop;
	sc->control_fd = sc->pidfd = -1;
	sc->agent = attention_judge(&(struct attention_signs){.title = "", .screen = ""});
	sc->settle = timer_new(loop, screen_on_settled, sc);
	return sc;
}

void screen_stop(struct screen *sc)
{
	timer_stop(sc->settle);
	fdwatch_free(mem_steal_ptr(&sc->control));
	if (sc->control_fd >= 0)
		close(mem_steal_fd(&sc->control_fd));
	screen_drop_worker(sc);
	if (sc->pid > 0) {
		(void)spawn_signal(sc->pidfd, SIGKILL); /* its worker dies with it */
		waitpid(sc->pid, NULL, 0);
		close(sc->pidfd);
	}
	sc->pid = 0;
}

void screen_free(struct screen *sc)
{
	if (!sc)
		return;
	screen_stop(sc);
	timer_free(sc->settle);
	free(sc->text);
	free(sc);
}

/* ---- viewers ---- */

void screen_on_view(struct screen *sc, uint32_t number, const void *bytes, size_t n)
{
	AUTO_BUF struct buf payload = {0};

	if (sc->control_fd < 0) {
		sc->cb.to_viewer(sc->ctx, number, (const char[]){VIEW_NONE}, 1);
		return;
	}
	wire_fill_view(&payload, (struct wire_view){number, {bytes, n}});
	screen_send(sc, WIRE_VIEW, &payload);
}

void screen_answered_elsewhere(struct screen *sc, bool most, bool dcs)
{
	AUTO_BUF struct buf payload = {0};

	wire_fill_elsewhere(&payload, (struct wire_elsewhere){most, dcs});
	screen_send(sc, WIRE_ANSWERS, &payload);
}

void screen_forget_client(struct screen *sc, uint32_t number)
{
	AUTO_BUF struct buf payload = {0};

	wire_fill_gone(&payload, (struct wire_gone){number});
	screen_send(sc, WIRE_VIEW_GONE, &payload);
}

void screen_add_status(const struct screen *sc, struct buf *out)
{
	json_add_string(out, "title", sc->title);
	json_add_string(out, "agent", attention_name(sc->agent.state));
	json_add_string(out, "agent_why", sc->agent.why);
	json_add_int(out, "agent_since_ms", sc->agent_since_ms);
}
