/* Theory of operation of ccvmctl attach: the session's bytes in this terminal, as ssh would pass
 * them.
 *
 * The session sends the screen of the moment as a frame, then every byte that came after it. The
 * frame is checked and drawn by us; what follows is the guest's, as with ccvm itself. One key
 * detaches; the session goes on. */
#include "ctl/ctl.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/keymatch.h"
#include "client/link.h"
#include "client/screendraw.h"
#include "client/termfilter.h"
#include "client/terminal.h"
#include "client/typed.h"
#include "conf/conf.h"
#include "conf/env.h"
#include "proto/outcome.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

struct attach {
	struct link link;
	int signals; /* fd */
	struct keymatch detach;
	int64_t typed_ms; /* when something was typed last (clock_mono_ms) */
	struct typed typed;
	struct termfilter filter;
	struct err typed_error; /* of what typed sent */
	bool drawn, detached, ended, broken;
	int code;
};

/* tui.prefix: the same key everywhere; terminal.filter. */
static int attach_configure(struct attach *a, struct err *e)
{
	struct conf c;
	int rc;

	conf_init(&c);
	rc = conf_load(&c, NULL, env_all(), e);
	if (rc == 0 && !keyname_parse(&a->detach.key, c.tui_prefix))
		rc = err_set(e, "tui.prefix: invalid key %s", c.tui_prefix);
	a->filter.open = !c.terminal_filter;
	conf_fini(&c);
	return rc;
}

/* What a guest wrote, or the screen that was made of it. */
static int attach_write(struct attach *a, const void *bytes, size_t n, struct err *e)
{
	AUTO_BUF struct buf out = {0};

	termfilter_feed(&a->filter, bytes, n, &out);
	return file_write_all(STDOUT_FILENO, buf_data(&out), buf_len(&out), e);
}

static int attach_on_view(struct attach *a, const struct wire_frame *f, struct err *e)
{
	struct view_screen v = {0};
	AUTO_BUF struct buf out = {0};
	int rc;

	if (view_type(f->payload, f->n) == VIEW_NONE) {
		err_set(e, "the session has no terminal to attach to");
		return err_remedy(
			e, "it was started by ccvm without one; ccvmctl events shows what it does");
	}
	if (a->drawn)
		return 0;
	rc = view_take_frame(&v, f->payload, f->n) < 0
		     ? err_set(e, "the session sent a malformed screen update")
		     : 0;
	if (rc == 0) {
		screendraw(&v, &out);
		rc = attach_write(a, buf_data(&out), buf_len(&out), e);
	}
	a->drawn = true;
	view_screen_fini(&v);
	return rc;
}

static void attach_on_answers(struct attach *a, const struct wire_frame *f)
{
	struct wire_answers m;

	a->filter.answers = wire_get_answers(f, &m) && m.answers;
}

static void attach_on_exit(struct attach *a, const struct wire_frame *f)
{
	struct outcome o;

	(void)outcome_get(f->payload, f->n, &o);
	a->ended = true;
	a->code = o.code;
	outcome_fini(&o);
}

static int attach_on_session(struct attach *a, struct err *e)
{
	struct wire_frame f;
	int rc = link_read(&a->link, e);

	if (rc == 0)
		a->ended = true;
	while (rc >= 0 && (rc = link_take(&a->link, &f, e)) == 1) {
		if (f.type == WIRE_STDOUT)
			rc = attach_write(a, f.payload, f.n, e);
		else if (f.type == WIRE_ANSWERS)
			attach_on_answers(a, &f);
		else if (f.type == WIRE_VIEW_DATA)
			rc = attach_on_view(a, &f, e);
		else if (f.type == WIRE_EXIT)
			attach_on_exit(a, &f);
		else if (f.type == WIRE_CLIP_ASK)
			typed_on_ask(&a->typed, f.payload, f.n);
		else if (f.type == WIRE_IMAGE_PLACED)
			typed_on_placed(&a->typed, f.payload, f.n);
		link_drop(&a->link, &f);
	}
	return rc;
}

static void attach_send(void *ctx, enum wire_type type, const void *payload, size_t n)
{
	struct attach *a = ctx;

	if (!a->broken && link_send(&a->link, type, payload, n, &a->typed_error) < 0)
		a->broken = true;
}

static void attach_pass(void *ctx, const void *bytes, size_t n)
{
	attach_send(ctx, WIRE_TYPED, bytes, n);
}

static void attach_show(void *ctx, const void *bytes, size_t n)
{
	struct err ignored;

	(void)ctx;
	(void)file_write_all(STDOUT_FILENO, bytes, n, &ignored);
}

static int attach_take_typed(struct attach *a, const struct buf *typed, struct err *e)
{
	typed_feed(&a->typed, buf_data(typed), buf_len(typed));
	if (a->detached)
		typed_give_up(&a->typed);
	return a->broken ? (*e = a->typed_error, -1) : 0;
}

static int attach_on_typed(struct attach *a, struct err *e)
{
	AUTO_BUF struct buf typed = {0};
	char bytes[4096];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n < 0 && errno == EINTR)
		return 0;
	a->typed_ms = clock_mono_ms();
	a->detached = n <= 0 || keymatch_feed(&a->detach, bytes, (size_t)n, &typed);
	return attach_take_typed(a, &typed, e);
}

/* The beginning of a sequence behind which nothing came goes on its way; the session may write all
 * the while. */
static int attach_flush_typed(struct attach *a, struct err *e)
{
	AUTO_BUF struct buf typed = {0};

	a->detached = keymatch_flush(&a->detach, &typed);
	return attach_take_typed(a, &typed, e);
}

static int attach_patience_ms(const struct attach *a)
{
	const int64_t left = a->typed_ms + KEYMATCH_HELD_MS - clock_mono_ms();

	if (!keymatch_is_holding(&a->detach))
		return typed_patience_ms(&a->typed);
	return left > 0 ? (int)left : 0;
}

static int attach_on_signal(struct attach *a, struct err *e)
{
	struct signalfd_siginfo info;
	int cols, rows;

	if (read(a->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	a->detached = info.ssi_signo != SIGWINCH;
	terminal_size(&cols, &rows);
	return link_resize(&a->link, cols, rows, e);
}

static int attach_loop(struct attach *a, struct err *e)
{
	while (!a->detached && !a->ended) {
		/* While an image is on its way, what is typed waits in the terminal. */
		struct pollfd p[] = {{a->link.fd, POLLIN, 0},
				     {typed_is_waiting(&a->typed) ? -1 : STDIN_FILENO, POLLIN, 0},
				     {a->signals, POLLIN, 0}};
		int rc = 0, ready = poll(p, 3, attach_patience_ms(a));

		if (ready == 0 && !keymatch_is_holding(&a->detach))
			typed_give_up(&a->typed);
		if (ready < 0)
			continue;
		if (p[0].revents)
			rc = attach_on_session(a, e);
		if (rc >= 0 && p[2].revents)
			rc = attach_on_signal(a, e);
		if (rc >= 0 && p[1].revents && !a->ended)
			rc = attach_on_typed(a, e);
		if (rc >= 0 && keymatch_is_holding(&a->detach) && attach_patience_ms(a) == 0)
			rc = attach_flush_typed(a, e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int attach_open_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(e, "signalfd") : fd;
}

static int attach_run(struct attach *a, struct err *e)
{
	AUTO_BUF struct buf undo = {0}, attach = {0};
	int cols, rows, rc;

	terminal_size(&cols, &rows);
	wire_fill_attach(&attach, (struct wire_attach){!a->filter.open});
	if (link_resize(&a->link, cols, rows, e) < 0 ||
	    link_send(&a->link, WIRE_ATTACH, buf_data(&attach), buf_len(&attach), e) < 0)
		return -1;
	terminal_init();
	terminal_set_raw();
	rc = attach_loop(a, e);
	termfilter_undo(&a->filter, &undo);
	terminal_restore(&undo);
	return rc;
}

static int attach_main(const struct ctl_args *args, struct err *e)
{
	struct attach a = {.link = {.fd = -1},
			   .signals = -1,
			   .typed = {.cb = {attach_send, attach_pass, attach_show, &a}}};
	const char *session = args->operands[0];
	int rc = -1;

	signal(SIGPIPE, SIG_IGN);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		err_set(e, "attach needs a terminal");
		return err_remedy(e, "in scripts use ccvmctl capture, send, keys and wait");
	}
	if (attach_configure(&a, e) == 0 && link_open(&a.link, session, e) == 0 &&
	    (a.signals = attach_open_signals(e)) >= 0)
		rc = attach_run(&a, e);
	if (rc == 0)
		printf(a.ended ? "\nccvmctl: %s has ended with %d\n"
			       : "\nccvmctl: detached from %s, which goes on\n",
		       session, a.code);
	if (a.signals >= 0)
		close(a.signals);
	link_close(&a.link);
	typed_fini(&a.typed);
	return rc;
}

const struct ctl_command ctl_attach = {
	.name = "attach",
	.operands = "SESSION",
	.help = "show a session in this terminal",
	.more = "The key of tui.prefix (C-\\) leaves it running.",
	.options = (const struct ctl_option[]){{"json", 'j', NULL, "print an error as JSON"}, {0}},
	.least = 1,
	.most = 1,
	.operand = CTL_SESSION,
	.run = attach_main,
};
