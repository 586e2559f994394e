/* areas: base loop proto
 * The event loop: what it complains of when it is freed, and what each kind of registration calls
 * back. */
#include "unit/unit.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/spawn.h"
#include "loop/child.h"
#include "loop/fdwatch.h"
#include "loop/frames.h"
#include "loop/loop.h"
#include "loop/sigwatch.h"
#include "loop/stream.h"
#include "loop/timer.h"

/* What the callbacks said, and what they may free. */
struct said {
	struct loop *loop;
	struct buf text;
	struct timer *timer;
	struct fdwatch *watch;
	struct stream *stream;
	int fd, left;
};

static void on_due(void *ctx)
{
	buf_addf(&((struct said *)ctx)->text, "due ");
}

static void on_ready(void *ctx)
{
	buf_addf(&((struct said *)ctx)->text, "ready ");
}

static void on_signal(void *ctx, int number)
{
	buf_addf(&((struct said *)ctx)->text, "signal:%d ", number == SIGUSR1);
}

static void on_bytes(void *ctx, const void *bytes, size_t n)
{
	buf_addf(&((struct said *)ctx)->text, "bytes:%.*s ", (int)n, (const char *)bytes);
}

static void on_end(void *ctx)
{
	struct said *s = ctx;

	buf_addf(&s->text, "end ");
	stream_close(mem_steal_ptr(&s->stream));
}

static void on_exit_status(void *ctx, int status)
{
	buf_addf(&((struct said *)ctx)->text, "exit:%d ", WEXITSTATUS(status));
}

/* ---- the end of a loop ---- */

/* The lines that loop_free logs. */
static size_t free_logged(struct loop *l, struct buf *lines)
{
	const int fd = memfd_create("log", MFD_CLOEXEC);
	size_t left;
	char bytes[1024];
	ssize_t n;

	log_set_fd(fd);
	left = loop_free(l);
	log_set_fd(STDERR_FILENO);
	n = pread(fd, bytes, sizeof(bytes), 0);
	assert_true(n >= 0);
	buf_drop(lines, buf_len(lines));
	buf_add(lines, bytes, (size_t)n);
	close(fd);
	return left;
}

static void test_what_is_left(void **state)
{
	struct loop *l = loop_new();
	struct said s = {0};
	const struct stream_callbacks cb = {on_bytes, on_end, NULL, &s};
	AUTO_BUF struct buf lines = {0};
	struct timer *timer = timer_new(l, on_due, &s), *freed = timer_new(l, on_due, &s);
	struct sigwatch *signals = sigwatch_new(l, SIGUSR1, on_signal, &s);
	struct fdwatch *regular, *pipe_end;
	struct stream *stream;
	int pair[2], ends[2];

	(void)state;
	log_init("test", LOG_LEVEL_NOTE);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	stream = stream_open(l, pair[0], &cb);
	pipe_end = fdwatch_new(l, ends[0], on_ready, &s);
	regular = fdwatch_new(l, open("/dev/null", O_RDONLY | O_CLOEXEC), on_ready, &s);
	timer_start(timer, 0, 0);
	timer_free(freed);
	assert_int_equal(free_logged(l, &lines), 5);
	for (int i = 0; i < 3; i++) {
		static const char *const kinds[] = {"a timer of", "a sigwatch of", "a stream of"};
		AUTO_FREE char *line = mem_format(
			"test: error: loop: %s test_what_is_left is still registered\n", kinds[i]);

		if (!strstr(buf_text(&lines), line))
			fail_msg("no line \"%s\" in: %s", line, buf_text(&lines));
	}
	/* It is whole: all may be freed, and it with them. */
	stream_close(stream);
	sigwatch_free(signals);
	fdwatch_free(regular);
	fdwatch_free(pipe_end);
	assert_int_equal(free_logged(l, &lines), 1);
	assert_string_equal(
		buf_text(&lines),
		"test: error: loop: a timer of test_what_is_left is still registered\n");
	timer_free(timer);
	assert_int_equal(free_logged(l, &lines), 0);
	assert_string_equal(buf_text(&lines), "");
	assert_int_equal(buf_len(&s.text), 0);
	assert_int_equal(read(pair[1], &(char){0}, 1), 0); /* the stream's fd was closed */
	assert_int_equal(loop_free(NULL), 0);
	close(pair[1]);
	close(ends[0]);
	close(ends[1]);
}

/* ---- turns ---- */

static void on_due_frees(void *ctx)
{
	struct said *s = ctx;

	buf_addf(&s->text, "due ");
	timer_free(s->timer);
}

static void on_due_stops(void *ctx)
{
	struct said *s = ctx;

	buf_addf(&s->text, "stop ");
	loop_stop(s->loop);
}

static void before_wait(void *ctx)
{
	buf_addf(&((struct said *)ctx)->text, "before ");
}

static void test_timers_and_turns(void **state)
{
	struct said s = {.loop = loop_new()};
	struct timer *period = timer_new(s.loop, on_due_stops, &s);

	(void)state;
	s.timer = timer_new(s.loop, on_due_frees, &s);
	timer_start(s.timer, 0, 0);
	loop_run(s.loop); /* which ends, as nothing is left that could call back */
	assert_string_equal(buf_text(&s.text), "due ");
	loop_before_wait(s.loop, before_wait, &s);
	timer_start(period, 0, 1);
	assert_true(timer_is_active(period));
	loop_run(s.loop);
	assert_string_equal(buf_text(&s.text), "due stop before ");
	timer_stop(period);
	assert_false(timer_is_active(period));
	timer_free(period);
	assert_int_equal(loop_free(s.loop), 0);
	buf_fini(&s.text);
}

/* ---- fds ---- */

static void on_ready_reads(void *ctx)
{
	struct said *s = ctx;
	char byte;

	buf_addf(&s->text, "%zd ", read(s->fd, &byte, 1));
	if (--s->left)
		return;
	fdwatch_free(s->watch);
}

/* What read returns, so many times. */
static void check_reads(int fd, int times, const char *wanted)
{
	struct said s = {.loop = loop_new(), .fd = fd, .left = times};
	const int flags = fcntl(fd, F_GETFL);

	s.watch = fdwatch_new(s.loop, fd, on_ready_reads, &s);
	/* The terminal is the shell's too. */
	assert_int_equal(fcntl(fd, F_GETFL), flags);
	fdwatch_set(s.watch, FDWATCH_READ);
	assert_int_equal(fcntl(fd, F_GETFL), flags);
	loop_run(s.loop);
	assert_string_equal(buf_text(&s.text), wanted);
	assert_int_equal(loop_free(s.loop), 0);
	buf_fini(&s.text);
}

static void test_fds(void **state)
{
	AUTO_CLOSE int regular = memfd_create("regular", MFD_CLOEXEC);
	AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int directory = open("/", O_PATH | O_CLOEXEC);
	int pair[2];

	(void)state;
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_int_equal(write(pair[1], "ab", 2), 2);
	close(pair[1]);
	check_reads(pair[0], 3, "1 1 0 ");
	close(pair[0]);
	/* These are always ready. */
	assert_int_equal(pwrite(regular, "ab", 2, 0), 2);
	check_reads(regular, 3, "1 1 0 ");
	check_reads(null, 1, "0 ");
	check_reads(directory, 1, "-1 ");
}

static void test_streams(void **state)
{
	struct said s = {.loop = loop_new()};
	const struct stream_callbacks cb = {on_bytes, on_end, NULL, &s};
	int pair[2];
	char bytes[8];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	s.stream = stream_open(s.loop, pair[0], &cb);
	stream_write(s.stream, "out", 3);
	assert_int_equal(read(pair[1], bytes, sizeof(bytes)), 3);
	stream_pause(s.stream, true);
	assert_int_equal(write(pair[1], "in", 2), 2);
	loop_turn(s.loop, false);
	assert_string_equal(buf_text(&s.text), "");
	stream_pause(s.stream, false);
	close(pair[1]);
	loop_run(s.loop);
	assert_string_equal(buf_text(&s.text), "bytes:in end ");
	assert_int_equal(loop_free(s.loop), 0);
	buf_fini(&s.text);
}

/* ---- frames ---- */

struct talk {
	struct frames *frames;
	struct buf text;
	char close_at, bad_at; /* type of a frame */
};

static bool on_frame(void *ctx, const struct wire_frame *f)
{
	struct talk *t = ctx;

	buf_addf(&t->text, "%c:%.*s ", (char)f->type, (int)f->n, (const char *)f->payload);
	if ((char)f->type == t->close_at)
		frames_close(mem_steal_ptr(&t->frames));
	return (char)f->type != t->bad_at;
}

static void on_frames_end(void *ctx, bool malformed)
{
	struct talk *t = ctx;

	buf_addf(&t->text, malformed ? "malformed " : "end ");
	if (!malformed)
		frames_close(mem_steal_ptr(&t->frames));
}

/* These bytes come, a piece at a time, then the end. */
static void check_talk(struct talk t, const struct buf *bytes, size_t piece, const char *wanted)
{
	const struct frames_callbacks cb = {on_frame, on_frames_end, NULL, &t};
	struct loop *loop = loop_new();
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	t.frames = frames_open(loop, pair[0], &cb);
	frames_keep_secret(t.frames);
	for (size_t at = 0; at < buf_len(bytes); at += piece) {
		const size_t left = buf_len(bytes) - at, n = left < piece ? left : piece;

		assert_int_equal(send(pair[1], (const char *)buf_data(bytes) + at, n, MSG_NOSIGNAL),
				 n);
		loop_turn(loop, false);
		if (!t.frames)
			break;
	}
	close(pair[1]);
	loop_run(loop);
	assert_string_equal(buf_text(&t.text), wanted);
	assert_null(t.frames);
	assert_int_equal(loop_free(loop), 0);
	buf_fini(&t.text);
}

static void test_frames(void **state)
{
	AUTO_BUF struct buf good = {0}, bad = {0};

	(void)state;
	wire_put(&good, WIRE_EVENT, "one", 3);
	wire_put(&good, WIRE_STDOUT, "two", 3);
	wire_put(&good, WIRE_STDOUT, "", 0);
	for (size_t piece = 1; piece <= buf_len(&good); piece++)
		check_talk((struct talk){0}, &good, piece, "e:one o:two o: end ");
	/* Closed by a callback, the rest of what was read goes with it; a malformed frame is the
	 * last. */
	check_talk((struct talk){.close_at = WIRE_EVENT}, &good, 100, "e:one ");
	check_talk((struct talk){.bad_at = WIRE_EVENT}, &good, 100, "e:one malformed end ");
	check_talk((struct talk){.bad_at = WIRE_EVENT}, &good, 8, "e:one malformed end ");
	buf_add(&bad, buf_data(&good), buf_len(&good));
	buf_add(&bad, "\xff\xff\xff\xff\xff\xff", 6);
	buf_add(&bad, buf_data(&good), buf_len(&good));
	check_talk((struct talk){0}, &bad, 1000, "e:one o:two o: malformed end ");
}

static void test_frames_sent(void **state)
{
	struct talk t = {0};
	const struct frames_callbacks cb = {on_frame, on_frames_end, NULL, &t};
	struct loop *loop = loop_new();
	AUTO_BUF struct buf wanted = {0};
	char got[64];
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	t.frames = frames_open(loop, pair[0], &cb);
	wire_put(&wanted, WIRE_EVENT, "one", 3);
	frames_send_packed(t.frames, buf_data(&wanted), buf_len(&wanted));
	frames_send(t.frames, WIRE_STDOUT, "two", 3);
	wire_put(&wanted, WIRE_STDOUT, "two", 3);
	frames_flush(t.frames, 1000);
	assert_int_equal(frames_queued(t.frames), 0);
	assert_int_equal(read(pair[1], got, sizeof(got)), buf_len(&wanted));
	assert_memory_equal(got, buf_data(&wanted), buf_len(&wanted));
	frames_close(t.frames);
	/* Nobody is there. */
	frames_send(NULL, WIRE_STDOUT, "", 0);
	frames_pause(NULL, true);
	frames_close(NULL);
	assert_int_equal(frames_queued(NULL), 0);
	assert_int_equal(loop_free(loop), 0);
	close(pair[1]);
}

/* ---- signals and children ---- */

static void test_signals(void **state)
{
	struct said s = {.loop = loop_new()};
	struct sigwatch *w = sigwatch_new(s.loop, SIGUSR1, on_signal, &s);

	(void)state;
	raise(SIGUSR1);
	assert_string_equal(buf_text(&s.text), "");
	loop_turn(s.loop, true);
	assert_string_equal(buf_text(&s.text), "signal:1 ");
	sigwatch_free(w);
	assert_int_equal(loop_free(s.loop), 0);
	assert_ptr_equal(signal(SIGUSR1, SIG_DFL), SIG_DFL);
	buf_fini(&s.text);
}

static void test_children(void **state)
{
	static char *const argv[] = {"sh", "-c", "read line; exit 7", NULL}, *const envp[] = {NULL};
	struct said s = {.loop = loop_new()};
	struct spawn_fd fds[1];
	struct err e;
	struct child *c;
	int pair[2], pidfd;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	fds[0] = (struct spawn_fd){pair[0], 0};
	pid = spawn_start(
		&(struct spawn){
			.path = "/bin/sh", .argv = argv, .envp = envp, .fds = fds, .nfds = 1},
		&pidfd, &e);
	assert_true(pid > 0);
	close(pair[0]);
	c = child_new(s.loop, pid, pidfd, on_exit_status, &s);
	child_watch(c);
	assert_int_equal(child_pid(c), pid);
	loop_turn(s.loop, false);
	assert_string_equal(buf_text(&s.text), "");
	assert_int_equal(child_signal(c, 0), 0);
	close(pair[1]);
	loop_run(s.loop);
	assert_string_equal(buf_text(&s.text), "exit:7 ");
	assert_int_equal(child_pid(c), 0);
	assert_int_equal(child_signal(c, 0), -1);
	child_free(c);
	assert_int_equal(child_pid(NULL), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); /* it was reaped */
	assert_int_equal(loop_free(s.loop), 0);
	buf_fini(&s.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_left), cmocka_unit_test(test_timers_and_turns),
		cmocka_unit_test(test_fds),	     cmocka_unit_test(test_streams),
		cmocka_unit_test(test_frames),	     cmocka_unit_test(test_frames_sent),
		cmocka_unit_test(test_signals),	     cmocka_unit_test(test_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
