#include "session/journal.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/place.h"
#include "proto/outcome.h"
#include "proto/rundir.h"
#include "session/logtail.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define JOURNAL_TAIL_LINES 15

struct journal {
	struct journal_callbacks cb;
	void *ctx;
	int64_t started_ms;
	int dirfd;	 /* borrowed; -1: none */
	char *id, *name; /* owned; NULL: none yet */
	struct logtail console, qemu;
};

/* ---- events ---- */

/* Sends it with what all have. */
void journal_event(struct journal *j, const struct event *e)
{
	const int64_t now = clock_wall_ms();
	struct event whole = *e;
	AUTO_BUF struct buf line = {0};

	whole.time_ms = now;
	whole.since_start_ms = now - j->started_ms;
	whole.session = j->id;
	whole.name = j->name;
	event_put(&line, &whole);
	j->cb.send(j->ctx, buf_data(&line), buf_len(&line));
}

static void journal_tails(const struct journal *j, struct buf *console, struct buf *qemu)
{
	logtail_last_lines(&j->console, JOURNAL_TAIL_LINES, console);
	logtail_last_lines(&j->qemu, JOURNAL_TAIL_LINES, qemu);
}

static const char *journal_how(const struct journal_snapshot *s)
{
	return s->from_template ? "template" : "cold";
}

static const char *journal_accel(const struct journal_snapshot *s)
{
	return s->kvm ? "kvm" : "tcg";
}

void journal_state(struct journal *j, const struct journal_snapshot *s, bool how,
		   const struct journal_end *end)
{
	AUTO_BUF struct buf console = {0}, qemu = {0};
	struct event e = {.type = EVENT_STATE,
			  .state = s->state,
			  .how = how ? journal_how(s) : NULL,
			  .accel = how ? journal_accel(s) : NULL,
			  .code = end ? end->exit_code : -1};

	if (end && end->failed) {
		journal_tails(j, &console, &qemu);
		e.stage = end->stage;
		e.reason = end->failure->text;
		e.remedy = end->failure->remedy;
		e.console = buf_text(&console);
		e.qemu = buf_text(&qemu);
	}
	journal_event(j, &e);
}

void journal_note(struct journal *j, const char *stage, const char *text)
{
	journal_event(j, &(struct event){.type = EVENT_NOTE, .stage = stage, .text = text});
}

void journal_guest_note(struct journal *j, const char *stage, const char *words)
{
	AUTO_FREE char *text = mem_format("the guest says: %s", words);

	journal_event(
		j,
		&(struct event){.type = EVENT_NOTE, .stage = stage, .text = text, .from = "guest"});
}

void journal_started_over(struct journal *j, const char *stage, const char *text)
{
	AUTO_BUF struct buf console = {0}, qemu = {0};

	journal_tails(j, &console, &qemu);
	journal_event(j, &(struct event){.type = EVENT_NOTE,
					 .stage = stage,
					 .text = text,
					 .console = buf_text(&console),
					 .qemu = buf_text(&qemu)});
}

void journal_progress(struct journal *j, const char *stage, int64_t guest_ms)
{
	journal_event(
		j, &(struct event){.type = EVENT_PROGRESS, .stage = stage, .guest_ms = guest_ms});
}

/* What is written borrows its texts. */
static char *journal_borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

void journal_exit_payload(const struct journal *j, const struct journal_end *end, struct buf *out)
{
	AUTO_BUF struct buf console = {0}, qemu = {0};
	struct outcome o = {.code = end->exit_code,
			    .failed = end->failed,
			    .directory = journal_borrow(end->directory)};

	if (end->failed) {
		journal_tails(j, &console, &qemu);
		o.stage = journal_borrow(end->stage);
		o.reason = journal_borrow(end->failure->text);
		o.remedy = journal_borrow(end->failure->remedy);
		o.console = journal_borrow(buf_text(&console));
		o.qemu = journal_borrow(buf_text(&qemu));
	}
	outcome_put(out, &o);
}

/* ---- status.json ---- */

static void journal_add_fields(struct buf *line, const struct buf *fields)
{
	if (!fields || !buf_len(fields))
		return;
	buf_add(line, ",", 1);
	buf_add(line, buf_data(fields), buf_len(fields));
}

/* Which directory it is: a restart takes no other, whatever the path leads to by then. */
static void journal_add_workspace(const struct journal_snapshot *s, struct buf *text)
{
	struct place at;

	json_add_string(text, "workspace", s->workspace);
	if (s->workspace_fd < 0 || !place_of(s->workspace_fd, &at))
		return;
	json_add_int(text, "workspace_dev", (int64_t)at.dev);
	json_add_int(text, "workspace_ino", (int64_t)at.ino);
}

static void journal_add_machine(const struct journal_snapshot *s, struct buf *text)
{
	json_add_string(text, "image", s->image);
	json_add_bool(text, "nix", s->nix);
	json_add_string(text, "how", journal_how(s));
	json_add_string(text, "accel", journal_accel(s));
	json_add_int(text, "memory_mib", s->memory_mib);
	json_add_int(text, "cores", s->cores);
	json_add_int(text, "guest_memory_total_kib", s->guest_memory_total_kib);
	json_add_int(text, "guest_memory_used_kib", s->guest_memory_used_kib);
	json_add_int(text, "guest_load_milli", s->guest_load_milli);
}

void journal_write(struct journal *j, const struct journal_snapshot *s)
{
	AUTO_BUF struct buf text = {0};
	struct err ignored;

	if (j->dirfd < 0)
		return;
	json_begin(&text);
	json_add_string(&text, "id", j->id);
	json_add_string(&text, "name", j->name);
	json_add_int(&text, "pid", getpid());
	json_add_int(&text, "qemu_pid", s->qemu_pid);
	journal_add_workspace(s, &text);
	json_add_bool(&text, "spare", s->spare);
	json_add_string(&text, "mode", s->writable_workspace ? "rw" : "overlay");
	json_add_string(&text, "state", s->dryrun ? "dry-run" : s->state);
	json_add_int(&text, "state_since_ms", s->state_since_ms);
	json_add_int(&text, "started_ms", j->started_ms);
	journal_add_machine(s, &text);
	json_add_bool(&text, "detached", s->detached);
	json_add_bool(&text, "terminal", s->terminal);
	journal_add_fields(&text, s->more);
	json_end(&text);
	buf_add(&text, "\n", 1);
	/* A reader sees the old text or the new one, never half of it. */
	unlinkat(j->dirfd, RUNDIR_STATUS ".new", 0);
	if (file_create(j->dirfd, RUNDIR_STATUS ".new", buf_data(&text), buf_len(&text), 0600,
			&ignored) == 0)
		renameat(j->dirfd, RUNDIR_STATUS ".new", j->dirfd, RUNDIR_STATUS);
}

/* ---- logs ---- */

void journal_console(struct journal *j, const void *bytes, size_t n)
{
	logtail_add(&j->console, bytes, n);
}

void journal_qemu(struct journal *j, const void *bytes, size_t n)
{
	logtail_add(&j->qemu, bytes, n);
}

/* ---- its life ---- */

struct journal *journal_new(const struct journal_callbacks *callbacks, void *ctx)
{
	struct journal *j = mem_alloc(sizeof(*j));

	j->cb = *callbacks;
	j->ctx = ctx;
	j->started_ms = clock_wall_ms();
	j->dirfd = j->console.fd = j->qemu.fd = -1;
	return j;
}

void journal_open(struct journal *j, int dirfd, const char *id)
{
	j->dirfd = dirfd;
	free(j->id);
	j->id = mem_strdup(id);
}

void journal_open_logs(struct journal *j)
{
	logtail_init(&j->console, j->dirfd, RUNDIR_CONSOLE);
	logtail_init(&j->qemu, j->dirfd, RUNDIR_QEMU);
}

void journal_close(struct journal *j)
{
	j->dirfd = -1; /* events keep the id: the last one has to say whose end it tells */
}

void journal_rename(struct journal *j, const char *name)
{
	free(j->name);
	j->name = mem_strdup(name);
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	logtail_fini(&j->console);
	logtail_fini(&j->qemu);
	free(j->id);
	free(j->name);
	free(j);
}
