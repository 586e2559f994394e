/* journal: what a session tells of itself: events to its clients, status.json, and the logs of the
 * guest's console and of QEMU.
 *
 * It is handed what it tells, and reads nobody. Texts are escaped already or ours; events are those
 * of proto/event.h. */
#ifndef CCVM_SESSION_JOURNAL_H
#define CCVM_SESSION_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/event.h"

struct journal;

struct journal_callbacks {
	void (*send)(void *ctx, const void *event, size_t n); /* to every client */
};

/* The session at one moment. Everything is borrowed for the call. */
struct journal_snapshot {
	const char *state;
	int64_t state_since_ms;
	bool dryrun;
	const char *workspace; /* NULL: none yet */
	int workspace_fd;      /* -1: none */
	bool writable_workspace;
	bool spare, detached, terminal;
	const char *image; /* NULL: none */
	bool nix;
	bool from_template, kvm; /* the machine of this attempt */
	long memory_mib, cores;
	pid_t qemu_pid;
	int64_t guest_memory_total_kib, guest_memory_used_kib,
		guest_load_milli; /* as the guest says */
	const struct buf *more;	  /* further fields of status.json: json_add_* alone; NULL: none */
};

/* How it ended. */
struct journal_end {
	int exit_code;
	bool failed;
	const char *stage; /* of the failure */
	const struct err *failure;
	const char *directory; /* what a dry run leaves; NULL: nothing */
};

struct journal *journal_new(const struct journal_callbacks *callbacks,
			    void *ctx); /* the session starts now */
void journal_free(struct journal *j);	/* NULL is fine */
/* Its directory, borrowed until journal_close: status.json is kept there, and events have the id
 * from here on; before, their `session` is null. */
void journal_open(struct journal *j, int dirfd, const char *id);
void journal_open_logs(struct journal *j); /* and the logs */
void journal_close(struct journal *j);
void journal_rename(struct journal *j, const char *name);

/* What the guest's console and QEMU with its helpers say. */
void journal_console(struct journal *j, const void *bytes, size_t n);
void journal_qemu(struct journal *j, const void *bytes, size_t n);

/* With the time and the session's id and name, which it adds. */
void journal_event(struct journal *j, const struct event *e);
void journal_note(struct journal *j, const char *stage, const char *text);
/* A note in the guest's words, which says so: they may be anybody's. */
void journal_guest_note(struct journal *j, const char *stage, const char *words);
/* A note with the last lines of both logs, which nobody could read any more later. */
void journal_started_over(struct journal *j, const char *stage, const char *text);
void journal_progress(struct journal *j, const char *stage, int64_t guest_ms);
/* A change of state; `how`: a guest is being started, the snapshot says in which way. end: NULL
 * while it lives. */
void journal_state(struct journal *j, const struct journal_snapshot *s, bool how,
		   const struct journal_end *end);
/* Writes status.json. Nothing before journal_open. */
void journal_write(struct journal *j, const struct journal_snapshot *s);
/* The last frame's payload. */
void journal_exit_payload(const struct journal *j, const struct journal_end *end, struct buf *out);

#endif
