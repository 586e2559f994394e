/* streams: the pipes and sockets to one attempt's QEMU, to its log and its helpers'. */
#ifndef CCVM_SESSION_STREAMS_H
#define CCVM_SESSION_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "vm/qmp.h"

struct loop;
struct qemu;

struct streams;

struct streams_callbacks { /* none may close them */
	void (*on_guest_line)(void *ctx, const char *line,
			      size_t n); /* of ccvm.ctl; bounded, hostile */
	/* of ccvm-fs, as proto/fsctl.h has them */
	void (*on_files_line)(void *ctx, const char *line, size_t n);
	void (*on_console)(void *ctx, const void *bytes, size_t n);
	void (*on_log)(void *ctx, const void *bytes, size_t n);
	void (*on_qmp_event)(void *ctx, const char *name, struct json_value data);
	void (*on_qmp_broken)(void *ctx, const struct err *e);
};

struct streams *streams_new(struct loop *loop, const struct streams_callbacks *callbacks,
			    void *ctx);
void streams_free(struct streams *s); /* NULL is fine */

/* Takes over QEMU's fds, its helpers' log and the lines of ccvm-fs; those of an earlier attempt are closed. */
void streams_open(struct streams *s, struct qemu *qemu, int helpers_log_fd, int files_fd);
void streams_close(struct streams *s);
bool streams_are_open(const struct streams *s);

/* To the guest; nothing while they are closed. */
void streams_to_guest(struct streams *s, const void *line, size_t n);
size_t streams_guest_queued(const struct streams *s);
/* A saved guest's state, to the QEMU that restores it. */
void streams_restore(struct streams *s, const void *bytes, size_t n);
/* As qmp_execute; nothing while they are closed. */
void streams_qmp(struct streams *s, const char *command, const char *arguments, qmp_reply *reply,
		 void *ctx);
/* The connection to the guest's sshd, until streams_close; -1: none. */
int streams_ssh_fd(const struct streams *s);

#endif
