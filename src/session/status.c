#include "base/clock.h"
#include "session/state.h"
#include "base/file.h"
#include "base/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[] = {
	[SESSION_CREATED] = "created", [SESSION_STARTING] = "starting", [SESSION_SEEDING] = "seeding",
	[SESSION_READY] = "ready",     [SESSION_RUNNING] = "running",   [SESSION_STOPPING] = "stopping",
	[SESSION_ENDED] = "ended",     [SESSION_FAILED] = "failed",
};

const char *status_state_name(enum session_state state)
{
	return status_names[state];
}

static void status_begin_event(const struct session *s, struct buf *line, const char *event)
{
	json_begin(line);
	json_add_string(line, "event", event);
	json_add_int(line, "time_ms", clock_wall_ms());
	json_add_int(line, "since_start_ms", clock_wall_ms() - s->started_ms);
	json_add_string(line, "session", s->run.path ? s->run.id : NULL);
	json_add_string(line, "name", s->name);
}

static void status_send_event(struct session *s, struct buf *line)
{
	json_end(line);
	clients_broadcast(s, WIRE_EVENT, buf_data(line), buf_len(line));
}

static void status_add_tail(struct buf *line, const char *name, const struct logtail *t)
{
	AUTO_BUF struct buf text = {0};

	logtail_last_lines(t, 15, &text);
	json_add_bytes(line, name, buf_data(&text), buf_len(&text));
}

static void status_add_tails(const struct session *s, struct buf *line)
{
	status_add_tail(line, "console", &s->console_tail);
	status_add_tail(line, "qemu", &s->qemu_tail);
}

static void status_add_failure(const struct session *s, struct buf *line)
{
	json_add_string(line, "stage", s->failure_stage);
	json_add_string(line, "reason", s->failure.text);
	json_add_string(line, "remedy", s->failure.remedy);
	status_add_tails(s, line);
}

void status_event_state(struct session *s)
{
	AUTO_BUF struct buf line = {0};

	status_begin_event(s, &line, "state");
	json_add_string(&line, "state", status_names[s->state]);
	if (s->state == SESSION_STARTING) {
		json_add_string(&line, "how", s->from_template ? "template" : "cold");
		json_add_string(&line, "accel", s->accel.kvm ? "kvm" : "tcg");
	}
	if (s->state == SESSION_ENDED || s->state == SESSION_FAILED)
		json_add_int(&line, "code", s->exit_code);
	if (s->state == SESSION_FAILED)
		status_add_failure(s, &line);
	status_send_event(s, &line);
}

static void status_begin_note(const struct session *s, struct buf *line, const char *stage, const char *text)
{
	status_begin_event(s, line, "note");
	json_add_string(line, "stage", stage);
	json_add_string(line, "text", text);
}

void status_event_note(struct session *s, const char *stage, const char *text)
{
	AUTO_BUF struct buf line = {0};

	status_begin_note(s, &line, stage, text);
	status_send_event(s, &line);
}

void status_event_guest_note(struct session *s, const char *stage, const char *words)
{
	AUTO_FREE char *text = mem_format("the guest says: %s", words);
	AUTO_BUF struct buf line = {0};

	status_begin_note(s, &line, stage, text);
	json_add_string(&line, "from", "guest");
	status_send_event(s, &line);
}

void status_event_started_over(struct session *s, const char *stage, const char *text)
{
	AUTO_BUF struct buf line = {0};

	status_begin_note(s, &line, stage, text);
	status_add_tails(s, &line);
	status_send_event(s, &line);
}

void status_event_progress(struct session *s, const char *stage, int64_t guest_ms)
{
	AUTO_BUF struct buf line = {0};

	status_begin_event(s, &line, "progress");
	json_add_string(&line, "stage", stage);
	json_add_int(&line, "guest_ms", guest_ms);
	status_send_event(s, &line);
}

void status_event(struct session *s, const char *event, const struct buf *fields)
{
	AUTO_BUF struct buf line = {0};

	status_begin_event(s, &line, event);
	if (fields) {
		buf_add(&line, ",", 1);
		buf_add(&line, buf_data(fields), buf_len(fields));
	}
	status_send_event(s, &line);
}

void status_exit_payload(const struct session *s, struct buf *out)
{
	json_begin(out);
	json_add_int(out, "code", s->exit_code);
	json_add_bool(out, "failed", s->failed);
	if (s->request.dryrun)
		json_add_string(out, "directory", s->run.path);
	if (s->failed)
		status_add_failure(s, out);
	json_end(out);
}

/* Which directory it is: a restart takes no other, whatever the path leads to by then. */
static void status_add_workspace(const struct session *s, struct buf *text)
{
	struct place at;

	if (s->workspace_fd < 0 || !place_of(s->workspace_fd, &at))
		return;
	json_add_int(text, "workspace_dev", (int64_t)at.dev);
	json_add_int(text, "workspace_ino", (int64_t)at.ino);
}

void status_write(struct session *s)
{
	AUTO_BUF struct buf text = {0};
	struct err ignored;

	if (!s->run.path)
		return;
	json_begin(&text);
	json_add_string(&text, "id", s->run.id);
	json_add_string(&text, "name", s->name);
	json_add_int(&text, "pid", getpid());
	json_add_int(&text, "qemu_pid", s->qemu_child.pid);
	json_add_string(&text, "workspace", s->workspace);
	status_add_workspace(s, &text);
	json_add_bool(&text, "spare", s->request.spare);
	json_add_string(&text, "mode", s->conf.writable_cwd ? "rw" : "overlay");
	json_add_string(&text, "state", s->request.dryrun ? "dry-run" : status_names[s->state]);
	json_add_int(&text, "state_since_ms", s->state_since_ms);
	json_add_int(&text, "started_ms", s->started_ms);
	json_add_string(&text, "image", s->image.id);
	json_add_bool(&text, "nix", s->image.nix);
	json_add_string(&text, "how", s->from_template ? "template" : "cold");
	json_add_string(&text, "accel", s->accel.kvm ? "kvm" : "tcg");
	json_add_int(&text, "memory_mib", s->conf.memory);
	json_add_int(&text, "cores", s->conf.cores);
	json_add_int(&text, "guest_memory_total_kib", s->report.memory_total_kib);
	json_add_int(&text, "guest_memory_used_kib", s->report.memory_used_kib);
	json_add_int(&text, "guest_load_milli", s->report.load_milli);
	egress_add_status(s, &text);
	screen_add_status(s, &text);
	pool_add_status(s, &text);
	json_end(&text);
	buf_add(&text, "\n", 1);
	/* A reader sees the old text or the new one, never half of it. */
	unlinkat(s->run.fd, RUNDIR_STATUS ".new", 0);
	if (file_create(s->run.fd, RUNDIR_STATUS ".new", buf_data(&text), buf_len(&text), 0600, &ignored) == 0)
		renameat(s->run.fd, RUNDIR_STATUS ".new", s->run.fd, RUNDIR_STATUS);
}
