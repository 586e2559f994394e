#include "client/events.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/place.h"
#include "base/trustpath.h"
#include "proto/event.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What one run may add to a file: a guest has a part in what is written. */
#define EVENTS_FILE_MAX	 ((size_t)64 << 20)
#define EVENTS_STAGE_MAX 40 /* of a line that is to be overwritten */

/* "3", or as a shell's process substitution writes it, "/dev/fd/3". */
static int events_parse_fd(const char *text)
{
	static const char dir[] = "/dev/fd/";
	const size_t skip = strncmp(text, dir, sizeof(dir) - 1) == 0 ? sizeof(dir) - 1 : 0;
	int64_t fd;

	if (strcmp(text, "/dev/stderr") == 0)
		return STDERR_FILENO;
	return number_parse(text + skip, 0, 65535, &fd) && fcntl((int)fd, F_GETFD) >= 0 ? (int)fd
											: -1;
}

/* What is written there comes from a guest in part, and whoever works in the project could point
 * the name at any file: so no link is followed, and a file in the project itself is refused. */
static int events_open_file(const char *path, struct err *e)
{
	AUTO_CLOSE int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *name;
	AUTO_CLOSE int dir = trustpath_open_parent(path, &name, e);
	struct place workspace;

	if (dir < 0)
		return -1;
	if (here < 0 || !place_of(here, &workspace))
		return err_sys(e, "open .");
	if (place_is_within(dir, workspace))
		return err_set(e,
			       "%s is in the project, where the agent could replace it by a link "
			       "to any of your files",
			       path);
	return trustpath_open_at(dir, name, O_WRONLY | O_CREAT | O_APPEND, 0600, path, e);
}

int events_init(struct events *ev, const char *target, bool debug, struct err *e)
{
	*ev = (struct events){.fd = -1, .progress = isatty(STDERR_FILENO), .debug = debug};
	if (!target || !target[0])
		return 0;
	ev->fd = events_parse_fd(target);
	if (ev->fd >= 0)
		return 0;
	ev->fd = events_open_file(target, e);
	if (ev->fd < 0) {
		err_wrap(e, "CCVM_EVENTS");
		err_remedy(e, "set an open descriptor, or a writable file outside the project");
		return err_exit_code(e, ERR_EXIT_POLICY);
	}
	ev->room = EVENTS_FILE_MAX;
	return 0;
}

void events_clear_line(struct events *ev)
{
	if (ev->line_shown)
		dprintf(STDERR_FILENO, "\r\033[K");
	ev->line_shown = false;
}

static void events_show_progress(struct events *ev, const struct json_line *l, const char *what)
{
	AUTO_BUF struct buf shown = {0};
	int64_t ms = 0;

	if (!ev->progress || ev->debug)
		return;
	json_get_int(l, "since_start_ms", &ms);
	log_escape(&shown, what, strlen(what), EVENTS_STAGE_MAX);
	dprintf(STDERR_FILENO, "\r\033[Kccvm: starting the guest: %s (%" PRId64 ".%" PRId64 " s)",
		buf_text(&shown), ms / 1000, ms / 100 % 10);
	ev->line_shown = true;
}

static void events_on_state(struct events *ev, const struct json_line *l)
{
	const char *state = json_get_string(l, "state");

	if (!state)
		return;
	if (strcmp(state, "starting") == 0)
		events_show_progress(ev, l, "boot");
	else if (strcmp(state, "ready") == 0)
		events_show_progress(ev, l, "connecting");
	else
		events_clear_line(ev);
}

static void events_on_progress(struct events *ev, const struct json_line *l)
{
	const char *stage = json_get_string(l, "stage");

	if (stage)
		events_show_progress(ev, l, stage);
}

static void events_on_note(struct events *ev, const struct json_line *l)
{
	const char *stage = json_get_string(l, "stage"), *text = json_get_string(l, "text");

	events_clear_line(ev);
	if (!ev->debug && text)
		log_note("%s: %s", stage ? stage : "note", text);
}

static void events_on_clip(struct events *ev, const struct json_line *l)
{
	const char *reason = json_get_string(l, "reason");

	if (!json_get_bool(l, "asked", false))
		snprintf(ev->unpasted, sizeof(ev->unpasted), "%s", reason ? reason : "");
}

void events_finish(struct events *ev)
{
	if (ev->unpasted[0])
		log_note("no image was pasted: %s", ev->unpasted);
}

/* l: what json is, or NULL where it is none. */
static void events_debug_line(const char *json, size_t n, const struct json_line *l)
{
	AUTO_BUF struct buf shown = {0};
	int64_t ms = 0;

	log_escape(&shown, json, n, 4 * n);
	if (!l) {
		dprintf(STDERR_FILENO, "ccvm: %s\r\n", buf_text(&shown));
		return;
	}
	json_get_int(l, "since_start_ms", &ms);
	dprintf(STDERR_FILENO, "ccvm: %6" PRId64 " ms  %s\r\n", ms, buf_text(&shown));
}

/* In one write: several runs may append to one file. */
static void events_write(struct events *ev, const char *json, size_t n)
{
	AUTO_BUF struct buf line = {0}, full = {0};

	if (ev->fd < 0)
		return;
	event_put(&full, &(struct event){
				 .type = EVENT_FULL,
				 .text = "64 MiB were written: no more events of this run follow"});
	buf_add(&full, "\n", 1);
	if (ev->room && n + 1 + buf_len(&full) >= ev->room) {
		(void)!write(ev->fd, buf_data(&full), buf_len(&full));
		close(mem_steal_fd(&ev->fd));
		return;
	}
	log_pass(ev->fd, &line, json, n);
	buf_add(&line, "\n", 1);
	(void)!write(ev->fd, buf_data(&line), buf_len(&line));
	if (ev->room)
		ev->room -= buf_len(&line);
}

void events_take(struct events *ev, const char *json, size_t n)
{
	static const struct {
		const char *event;
		void (*take)(struct events *ev, const struct json_line *l);
	} table[] = {{"state", events_on_state},
		     {"progress", events_on_progress},
		     {"note", events_on_note},
		     {"clip", events_on_clip}};
	static struct json_line l;
	const char *event;

	events_write(ev, json, n);
	if (json_parse_line(json, n, &l) < 0) {
		if (ev->debug)
			events_debug_line(json, n, NULL);
		return;
	}
	if (ev->debug)
		events_debug_line(json, n, &l);
	event = json_get_string(&l, "event");
	for (size_t i = 0; event && i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].event, event) == 0)
			table[i].take(ev, &l);
}
