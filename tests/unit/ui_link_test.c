/* areas: base proto loop
 * files: src/ui/link.c src/client/picture.c src/client/sessions.c src/clip/clip_path.c src/clip/clip_image.c src/conf/env.c
 * ccvm-tui's connections: which frame reaches which callback, what goes out and how often, and how
 * a connection ends. */
#include "unit/unit.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "loop/loop.h"
#include "proto/rundir.h"
#include "proto/view.h"
#include "ui/link.h"

#define PATIENCE_MS 10000

/* What the callbacks said, one word each, and the session's end of the connection. */
struct fixture {
	struct loop *loop;
	struct ui_link *link;
	struct buf said;
	bool view_is_bad;
	int listener, session;
	struct buf in; /* what the session got */
};

static void on_event(void *ctx, const char *id, const struct json_line *l)
{
	buf_addf(&((struct fixture *)ctx)->said, "event:%s:%s ", id, json_get_string(l, "event"));
}

static void on_exit_frame(void *ctx, const char *id, const struct outcome *o)
{
	buf_addf(&((struct fixture *)ctx)->said, "exit:%s:%d ", id, o->code);
}

static void on_egress_row(void *ctx, const struct egressctl_row *r)
{
	buf_addf(&((struct fixture *)ctx)->said, "row:%s ", r->host);
}

static bool on_view(void *ctx, const char *id, const unsigned char *message, size_t n)
{
	struct fixture *f = ctx;

	buf_addf(&f->said, "view:%s:%c:%zu ", id, message[0], n);
	return !f->view_is_bad;
}

static void on_clip_ask(void *ctx, const char *id, const void *payload, size_t n)
{
	(void)payload;
	buf_addf(&((struct fixture *)ctx)->said, "ask:%s:%zu ", id, n);
}

static void on_end(void *ctx, const char *id, bool malformed)
{
	buf_addf(&((struct fixture *)ctx)->said, "end:%s:%s ", id,
		 malformed ? "malformed" : "gone");
}

static void begin(struct fixture *f)
{
	const struct ui_link_callbacks cb = {
		on_event, on_exit_frame, on_egress_row, on_view, on_clip_ask, on_end, f};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char directory[80];

	*f = (struct fixture){.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
			      .session = -1};
	snprintf(directory, sizeof(directory), "%s/one", unit_dir);
	mkdir(directory, 0700);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, RUNDIR_SOCKET);
	unlink(address.sun_path);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 1), 0);
	f->loop = loop_new();
	f->link = ui_link_new(f->loop, 2, &cb);
	assert_false(ui_link_has(f->link, "one"));
	ui_link_connect(f->link, "one", directory);
	assert_true(ui_link_has(f->link, "one"));
	f->session = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(f->session >= 0);
}

static void end(struct fixture *f)
{
	if (f->session >= 0)
		close(f->session);
	close(f->listener);
	buf_fini(&f->said);
	buf_fini(&f->in);
	ui_link_free(f->link);
	assert_int_equal(loop_free(f->loop), 0);
}

/* The session sends a frame; the loop turns until the callbacks have said that much. */
static void session_sends(struct fixture *f, enum wire_type type, const void *payload, size_t n,
			  const char *said)
{
	AUTO_BUF struct buf frame = {0};

	wire_put(&frame, type, payload, n);
	assert_int_equal(write(f->session, buf_data(&frame), buf_len(&frame)), buf_len(&frame));
	for (int i = 0; i < PATIENCE_MS && !strstr(buf_text(&f->said), said); i++) {
		loop_turn(f->loop, false);
		poll(NULL, 0, 1);
	}
	assert_string_equal(buf_text(&f->said), said);
	buf_drop(&f->said, buf_len(&f->said));
}

static void session_says(struct fixture *f, enum wire_type type, const char *text, const char *said)
{
	session_sends(f, type, text, strlen(text), said);
}

/* What the session has got since the last time: each frame's type, and of a view message its kind,
 * "V:k w ". */
static void session_got(struct fixture *f, const char *wanted)
{
	AUTO_BUF struct buf got = {0};
	struct pollfd p = {f->session, POLLIN, 0};
	struct wire_frame frame;

	for (int i = 0; i < 20; i++)
		loop_turn(f->loop, false);
	while (poll(&p, 1, 0) > 0) {
		ssize_t n = read(f->session, buf_room(&f->in, 65536), 65536);

		if (n <= 0)
			break;
		buf_grew(&f->in, (size_t)n);
	}
	while (wire_next(&f->in, &frame) == 1) {
		if (frame.type == WIRE_VIEW)
			buf_addf(&got, "V:%c ", frame.payload[0]);
		else
			buf_addf(&got, "%c:%.*s ", (char)frame.type, (int)frame.n,
				 (const char *)frame.payload);
		buf_drop(&f->in, frame.n + WIRE_HEADER_SIZE);
	}
	assert_string_equal(buf_text(&got), wanted);
}

static void test_frames_reach_their_callbacks(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	session_says(&f, WIRE_EVENT, "{\"event\":\"bell\"}", "event:one:bell ");
	session_says(&f, WIRE_EGRESS_ROW,
		     "{\"type\":\"connection\",\"verdict\":\"refused\",\"host\":\"a.example\","
		     "\"address\":\"\",\"proto\":\"tcp\",\"reason\":\"\"}",
		     "row:a.example ");
	session_says(&f, WIRE_VIEW_DATA, "L12345678", "view:one:L:9 ");
	session_says(&f, WIRE_CLIP_ASK, "\1", "ask:one:1 ");
	session_says(&f, WIRE_EXIT, "{\"code\":3}", "exit:one:3 ");
	close(f.session);
	f.session = -1;
	for (int i = 0; i < PATIENCE_MS && !buf_len(&f.said); i++) {
		loop_turn(f.loop, false);
		poll(NULL, 0, 1);
	}
	assert_string_equal(buf_text(&f.said), "end:one:gone ");
	assert_false(ui_link_has(f.link, "one"));
	end(&f);
}

/* A frame of no length that can be, or a screen that the caller does not take: the connection goes.
 */
static void test_malformed(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.view_is_bad = true;
	session_says(&f, WIRE_VIEW_DATA, "F", "view:one:F:1 end:one:malformed ");
	assert_false(ui_link_has(f.link, "one"));
	end(&f);
}

static void test_what_goes_out(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	ui_link_key(f.link, "one", &(struct key){'a', 0});
	ui_link_lines(f.link, "one", 0, 10);
	ui_link_search(f.link, "one", 0, true, "x");
	ui_link_mouse(f.link, "one", 0, 0, 0, 1, 1);
	session_got(&f, "V:k V:l V:f V:m ");
	ui_link_rename(f.link, "one", "new");
	ui_link_stop(f.link, "one");
	ui_link_egress(f.link, "one", &(struct egressctl_request){.type = EGRESSCTL_LOG});
	ui_link_egress(f.link, "one",
		       &(struct egressctl_request){EGRESSCTL_ALLOW, "a.example", true});
	ui_link_answer(f.link, "one", WIRE_CLIP_DONE, "{}", 2);
	session_got(&f, "n:new x: g:{\"type\":\"log\"} "
			"g:{\"type\":\"allow\",\"entry\":\"a.example\",\"once\":true} F:{} ");
	/* Nobody has these ids. */
	ui_link_stop(f.link, "two");
	ui_link_stop(f.link, "");
	ui_link_key(f.link, "", &(struct key){'a', 0});
	assert_false(ui_link_paste(f.link, "", "x", 1));
	session_got(&f, "");
	end(&f);
}

/* One frame at a time; sizes and focus when they change. */
static void test_what_is_followed(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	ui_link_pull(f.link, "one", 0, false);
	ui_link_pull(f.link, "one", 0, false);
	session_got(&f, "V:p ");
	session_says(&f, WIRE_VIEW_DATA, "F", "view:one:F:1 ");
	ui_link_pull(f.link, "one", 1,
		     true); /* not yet: one that is not typed into has had a frame */
	session_got(&f, "");
	ui_link_pull(f.link, "one", 1, false);
	session_got(&f, "V:p ");
	ui_link_focus(f.link, "one", true);
	ui_link_focus(f.link, "one", true);
	ui_link_focus(f.link, "one", false);
	session_got(&f, "V:c V:c ");
	ui_link_size(f.link, "one", 'A', 'B');
	ui_link_size(f.link, "one", 'A', 'B');
	session_got(&f, "w:A ");
	end(&f);
}

/* Parts of a paste go as fast as the session takes them, and keys behind them in their order. */
static void test_a_long_paste(void **state)
{
	const size_t n = VIEW_PASTE_WINDOW + VIEW_PASTE_PART;
	AUTO_FREE char *text = mem_alloc(n);
	const unsigned char taken[] = {VIEW_TAKEN, VIEW_PASTE_PART & 0xff,
				       VIEW_PASTE_PART >> 8 & 0xff, VIEW_PASTE_PART >> 16, 0};
	struct fixture f;
	AUTO_BUF struct buf wanted = {0};

	(void)state;
	memset(text, 'x', n);
	begin(&f);
	for (size_t i = 0; i < VIEW_PASTE_WINDOW / VIEW_PASTE_PART; i++)
		buf_addf(&wanted, "V:t ");
	assert_true(ui_link_paste(f.link, "one", text, n));
	ui_link_key(f.link, "one", &(struct key){'a', 0});
	session_got(&f, buf_text(&wanted));
	session_sends(&f, WIRE_VIEW_DATA, taken, sizeof(taken), "");
	for (int i = 0; i < 100 && buf_len(&f.in) == 0; i++) {
		loop_turn(f.loop, false);
		poll(NULL, 0, 1);
	}
	session_got(&f, "V:t V:k ");
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_reach_their_callbacks),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_what_goes_out),
		cmocka_unit_test(test_what_is_followed),
		cmocka_unit_test(test_a_long_paste),
	};

	return cmocka_run_group_tests(tests, unit_make_dir, unit_remove_dir);
}
