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

static void journal_begin(const struct journal *j, struct buf *line, const char *event)
{
	const int64_t now = clock_wall_ms();

	json_begin(line);
	json_add_string(line, "event", event);
	json_add_int(line, "time_ms", now);
	json_add_int(line, "since_start_ms", now - j->started_ms);
	json_add_string(line, "session", j->id);
	json_add_string(line, "name", j->name);
}

static void journal_send(struct journal *j, struct buf *line)
{
	json_end(line);
	j->cb.send(j->ctx, buf_data(line), buf_len(line));
}

static void journal_add_tail(struct buf *line, const char *name, const struct logtail *t)
{
	AUTO_BUF struct buf text = {0};

	logtail_last_lines(t, JOURNAL_TAIL_LINES, &text);
	json_add_bytes(line, name, buf_data(&text), buf_len(&text));
}

static void journal_add_tails(const struct journal *j, struct buf *line)
{
	journal_add_tail(line, "console", &j->console);
	journal_add_tail(line, "qemu", &j->qemu);
}

static void journal_add_failure(const struct journal *j, struct buf *line,
				const struct journal_end *end)
{
	json_add_string(line, "stage", end->stage);
	json_add_string(line, "reason", end->failure->text);
	json_add_string(line, "remedy", end->failure->remedy);
	journal_add_tails(j, line);
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
	AUTO_BUF struct buf line = {0};

	journal_begin(j, &line, "state");
	json_add_string(&line, "state", s->state);
	if (how) {
		json_add_string(&line, "how", journal_how(s));
		json_add_string(&line, "accel", journal_accel(s));
	}
	if (end)
		json_add_int(&line, "code", end->exit_code);
	if (end && end->failed)
		journal_add_failure(j, &line, end);
	journal_send(j, &line);
}

static void journal_begin_note(const struct journal *j, struct buf *line, const char *stage,
			       const char *text)
{
	journal_begin(j, line, "note");
	json_add_string(line, "stage", stage);
	json_add_string(line, "text", text);
}

void journal_note(struct journal *j, const char *stage, const char *text)
{
	AUTO_BUF struct buf line = {0};

	journal_begin_note(j, &line, stage, text);
	journal_send(j, &line);
}

void journal_guest_note(struct journal *j, const char *stage, const char *words)
{
	AUTO_FREE char *text = mem_format("the guest says: %s", words);
	AUTO_BUF struct buf line = {0};

	journal_begin_note(j, &line, stage, text);
	json_add_string(&line, "from", "guest");
	journal_send(j, &line);
}

void journal_started_over(struct journal *j, const char *stage, const char *text)
{
	AUTO_BUF struct buf line = {0};

	journal_begin_note(j, &line, stage, text);
	journal_add_tails(j, &line);
	journal_send(j, &line);
}

void journal_progress(struct journal *j, const char *stage, int64_t guest_ms)
{
	AUTO_BUF struct buf line = {0};

	journal_begin(j, &line, "progress");
	json_add_string(&line, "stage", stage);
	json_add_int(&line, "guest_ms", guest_ms);
	journal_send(j, &line);
}

static void journal_add_fields(struct buf *line, const struct buf *fields)
{
	if (!fields || !buf_len(fields))
		return;
	buf_add(line, ",", 1);
	buf_add(line, buf_data(fields), buf_len(fields));
}

void journal_event(struct journal *j, const char *event, const struct buf *fields)
{
	AUTO_BUF struct buf line = {0};

	journal_begin(j, &line, event);
	journal_add_fields(&line, fields);
	journal_send(j, &line);
}

static void journal_tails(const struct journal *j, struct buf *console, struct buf *qemu)
{
	logtail_last_lines(&j->console, JOURNAL_TAIL_LINES, console);
	logtail_last_lines(&j->qemu, JOURNAL_TAIL_LINES, qemu);
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
