/* ccvmctl send, keys, capture, rename: a session's screen and keyboard, for scripts. */
#include "ctl/ctl.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/number.h"
#include "client/keyname.h"
#include "client/link.h"
#include "ctl/ctl_session.h"
#include "ctl/ctl_wait.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCREEN_TEXT_MAX (1u << 20)

#define SCREEN_QUIET_MS 100  /* a program that shows nothing new for so long has read a paste */
#define SCREEN_SHOWN_MS 2000 /* for it to show something of it at all */

/* What was sent is with the session's terminal when a screen comes back. */
static int screen_settle(struct link *k, uint64_t *gen, struct err *e)
{
	struct view_screen v = {0};
	int rc = link_screen(k, &v, e);

	*gen = v.s.gen;
	view_screen_fini(&v);
	return rc;
}

/* A program may take an Enter that comes with the paste for a part of it: it comes once the program
 * has shown what was pasted. */
static int screen_await(struct link *k, uint64_t before, struct err *e)
{
	const int64_t end = clock_mono_ms() + SCREEN_SHOWN_MS;
	uint64_t last = before, gen;

	while (clock_mono_ms() < end) {
		usleep(SCREEN_QUIET_MS * 1000);
		if (screen_settle(k, &gen, e) < 0)
			return -1;
		if (gen != before && gen == last)
			return 0;
		last = gen;
	}
	return 0;
}

static int screen_type(struct link *k, const struct buf *text, bool typed, struct err *e)
{
	if (!buf_len(text))
		return 0;
	return typed ? link_send(k, WIRE_TYPED, buf_data(text), buf_len(text), e)
		     : link_paste(k, (const char *)buf_data(text), buf_len(text), e);
}

static int screen_send(struct link *k, const struct buf *text, bool typed, bool enter,
		       struct err *e)
{
	uint64_t gen;

	if (screen_settle(k, &gen, e) < 0 || screen_type(k, text, typed, e) < 0)
		return -1;
	if (enter && !typed && buf_len(text) && screen_await(k, gen, e) < 0)
		return -1;
	if (enter && link_send(k, WIRE_TYPED, "\r", 1, e) < 0)
		return -1;
	return screen_settle(k, &gen, e);
}

/* The arguments joined by spaces, or stdin for "-". */
static int screen_collect(int argc, char **argv, struct buf *text, struct err *e)
{
	if (argc == 1 && strcmp(argv[0], "-") == 0)
		return file_read_fd(STDIN_FILENO, SCREEN_TEXT_MAX, text, e);
	for (int i = 0; i < argc; i++)
		buf_addf(text, "%s%s", i ? " " : "", argv[i]);
	return 0;
}

/* After it was done: with --json, to what. */
static void screen_report(const struct ctl_args *a)
{
	struct ctl_session s;
	struct err ignored;

	if (ctl_has(a, "json") && ctl_session_find(&s, a->operands[0], &ignored) == 0) {
		ctl_session_print(&s);
		ctl_session_fini(&s);
	}
}

/* With --json: to what it was sent, when, and with --wait what the agent does then. */
static void send_report(const struct ctl_session *s, int64_t sent_ms, const char *agent)
{
	AUTO_BUF struct buf out = {0};

	json_begin(&out);
	ctl_session_add(&out, s);
	json_add_int(&out, "time_ms", sent_ms);
	if (agent)
		json_add_string(&out, "agent", agent);
	json_end(&out);
	ctl_print_json(&out);
}

static int send_to(const struct ctl_args *a, const struct ctl_session *s, int64_t timeout,
		   const struct buf *text, struct err *e)
{
	const bool wait = ctl_has(a, "wait");
	const int64_t sent_ms = clock_wall_ms();
	const char *agent = NULL;
	struct link k;
	int rc;

	if (link_open(&k, s->id, e) < 0)
		return -1;
	rc = screen_send(&k, text, ctl_has(a, "typed"), wait || ctl_has(a, "enter"), e);
	if (rc == 0 && wait && !(agent = ctl_wait_done(&k, s, timeout, e)))
		rc = -1;
	link_close(&k);
	if (rc == 0 && ctl_has(a, "json"))
		send_report(s, sent_ms, agent);
	return rc;
}

static int send_run(const struct ctl_args *a, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	struct ctl_session s;
	int64_t timeout;
	int rc;

	if (ctl_wait_seconds(a, &timeout, e) < 0 ||
	    screen_collect(a->n - 1, a->operands + 1, &text, e) < 0 ||
	    ctl_session_find(&s, a->operands[0], e) < 0)
		return -1;
	rc = send_to(a, &s, timeout, &text, e);
	ctl_session_fini(&s);
	return rc;
}

const struct ctl_command ctl_send = {
	.name = "send",
	.operands = "SESSION TEXT...",
	.help = "paste TEXT, or standard input with -",
	.more = "From the first TEXT on everything is text; a TEXT that begins with a dash follows "
		"--.",
	.options = (const struct ctl_option[]){{"enter", 'e', NULL, "press Enter after it"},
					       {"wait", 'w', NULL,
						"the same, and wait until the agent has done it or "
						"asks something"},
					       {"timeout", 't', "SECONDS",
						"time limit of --wait (default: none)"},
					       {"typed", 0, NULL,
						"as keys instead of a paste, for a program whose "
						"keys are commands"},
					       CTL_JSON,
					       {0}},
	.least = 2,
	.most = CTL_ANY,
	.text_after = 1,
	.operand = CTL_SESSION,
	.run = send_run,
};

static int screen_key(struct link *k, const struct key *key, struct err *e)
{
	AUTO_BUF struct buf message = {0};

	view_put_pressed(&message, (struct view_pressed){(uint8_t)key->mods, key->code});
	return link_send(k, WIRE_VIEW, buf_data(&message), buf_len(&message), e);
}

static int keys_run(const struct ctl_args *a, struct err *e)
{
	struct link k;
	struct key key;
	uint64_t gen;
	int rc = 0;

	for (int i = 1; i < a->n; i++)
		if (!keyname_parse(&key, a->operands[i])) {
			err_set(e, "invalid key %s", a->operands[i]);
			return err_remedy(e, "write keys as a, C-x, M-x, S-Enter, Up, PageDown, "
					     "F5, Escape, Space");
		}
	if (link_open(&k, a->operands[0], e) < 0)
		return -1;
	for (int i = 1; rc == 0 && i < a->n; i++)
		rc = keyname_parse(&key, a->operands[i]) ? screen_key(&k, &key, e) : -1;
	if (rc == 0)
		rc = screen_settle(&k, &gen, e);
	link_close(&k);
	if (rc == 0)
		screen_report(a);
	return rc;
}

const struct ctl_command ctl_keys = {
	.name = "keys",
	.operands = "SESSION KEY...",
	.help = "press keys: a, C-x, M-x, S-Enter, Up, F5, Escape",
	.options = (const struct ctl_option[]){CTL_JSON, {0}},
	.least = 2,
	.most = CTL_ANY,
	.operand = CTL_SESSION,
	.run = keys_run,
};

struct capture_flags {
	bool ansi, json;
	unsigned long history;
};

static void capture_row(struct buf *out, const struct view_screen *v, uint16_t row, bool ansi)
{
	if (ansi)
		view_row_ansi(out, view_row(v, row), v->cols, &v->links);
	else
		view_row_text(out, view_row(v, row), v->cols);
	buf_add(out, "\n", 1);
}

/* The lines above the screen, from the oldest wanted one on. */
static int capture_history(struct link *k, const struct view_screen *v,
			   const struct capture_flags *f, struct buf *out, struct err *e)
{
	uint64_t line = v->s.top - v->s.first > f->history ? v->s.top - f->history : v->s.first;

	while (line < v->s.top) {
		const uint16_t n = (uint16_t)(v->s.top - line < VIEW_LINES_MAX ? v->s.top - line
									       : VIEW_LINES_MAX);
		AUTO_BUF struct buf ask = {0};
		struct view_screen rows = {0};
		struct wire_frame frame;
		int rc;

		view_put_lines(&ask, (struct view_lines){line, n});
		if (link_view(k, &ask, VIEW_HISTORY, &frame, e) < 0)
			return -1;
		rc = view_take_history(&rows, v->cols, n, frame.payload, frame.n);
		link_drop(k, &frame);
		for (uint16_t i = 0; rc == 0 && i < n; i++)
			capture_row(out, &rows, i, f->ansi);
		view_screen_fini(&rows);
		if (rc < 0)
			return err_set(e, "the session sent malformed history lines");
		line += n;
	}
	return 0;
}

static void capture_print(const struct view_screen *v, const struct capture_flags *f,
			  struct buf *text)
{
	AUTO_BUF struct buf json = {0};

	if (!f->json) {
		fwrite(buf_data(text), 1, buf_len(text), stdout);
		return;
	}
	json_begin(&json);
	json_add_int(&json, "cols", v->cols);
	json_add_int(&json, "rows", v->rows);
	json_add_int(&json, "cursor_row", v->s.cursor_row);
	json_add_int(&json, "cursor_col", v->s.cursor_col);
	json_add_bool(&json, "cursor_visible", v->s.modes & VIEW_CURSOR_VISIBLE);
	json_add_bool(&json, "alternate", v->s.modes & VIEW_ALTERNATE);
	json_add_int(&json, "history", (int64_t)(v->s.top - v->s.first));
	json_add_string(&json, "title", v->title);
	json_add_bytes(&json, "text", buf_data(text), buf_len(text));
	json_end(&json);
	printf("%s\n", buf_text(&json));
}

static int capture_run(struct link *k, const struct capture_flags *f, struct err *e)
{
	struct view_screen v = {0};
	AUTO_BUF struct buf text = {0};
	int rc = link_screen(k, &v, e);

	if (rc == 0)
		rc = capture_history(k, &v, f, &text, e);
	for (uint16_t i = 0; rc == 0 && i < v.rows; i++)
		capture_row(&text, &v, i, f->ansi);
	if (rc == 0)
		capture_print(&v, f, &text);
	view_screen_fini(&v);
	return rc;
}

static int capture_main(const struct ctl_args *a, struct err *e)
{
	struct capture_flags f = {.ansi = ctl_has(a, "ansi"), .json = ctl_has(a, "json")};
	const char *history = ctl_value(a, "history");
	int64_t lines = 0;
	struct link k;
	int rc;

	if (history && !number_parse(history, 0, INT32_MAX, &lines))
		return ctl_usage(e, "invalid number of lines %s", history);
	f.history = (unsigned long)lines;
	if (link_open(&k, a->operands[0], e) < 0)
		return -1;
	rc = capture_run(&k, &f, e);
	link_close(&k);
	return rc;
}

const struct ctl_command ctl_capture = {
	.name = "capture",
	.operands = "SESSION",
	.help = "print a session's screen",
	.options = (const struct ctl_option[]){{"ansi", 0, NULL, "with colours and links"},
					       {"history", 0, "LINES",
						"also print LINES lines above it"},
					       CTL_JSON,
					       {0}},
	.least = 1,
	.most = 1,
	.operand = CTL_SESSION,
	.run = capture_main,
};

/* Until the session says that it took the name; one that finds it malformed closes the connection. */
static int rename_wait(struct link *k, struct err *e)
{
	static struct json_line l;
	struct wire_frame f;
	int rc;

	while ((rc = link_next(k, LINK_PATIENCE_MS, &f, e)) == 1) {
		const char *event = f.type == WIRE_EVENT && json_parse_line((const char *)f.payload,
									    f.n, &l) == 0
					    ? json_get_string(&l, "event")
					    : NULL;
		const bool done = event && strcmp(event, "renamed") == 0;

		link_drop(k, &f);
		if (done)
			return 0;
	}
	if (rc < 0)
		return -1;
	err_set(e, rc == 0 ? "the session refused the name" : "the session does not answer");
	return err_remedy(e, "a name is one line of printable text, 64 bytes at most, and does not "
			     "begin with - or a space");
}

static int rename_run(const struct ctl_args *a, struct err *e)
{
	const char *name = a->operands[1];
	struct ctl_session s;
	struct link k;
	int rc;

	if (ctl_session_find(&s, a->operands[0], e) < 0)
		return -1;
	rc = link_open(&k, s.id, e);
	if (rc == 0) {
		rc = link_send(&k, WIRE_RENAME, name, strlen(name), e);
		if (rc == 0)
			rc = rename_wait(&k, e);
		link_close(&k);
	}
	free(s.name);
	s.name = mem_strdup(name);
	if (rc == 0 && ctl_has(a, "json"))
		ctl_session_print(&s);
	ctl_session_fini(&s);
	return rc;
}

const struct ctl_command ctl_rename = {
	.name = "rename",
	.operands = "SESSION NAME",
	.help = "rename a session",
	.options = (const struct ctl_option[]){CTL_JSON, {0}},
	.least = 2,
	.most = 2,
	.operand = CTL_SESSION,
	.run = rename_run,
};
