/* ctl_session: a session as the commands that do something to it print it with --json:
 * {"id":…,"name":…}. */
#ifndef CCVM_CTL_SESSION_H
#define CCVM_CTL_SESSION_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct ctl_args;

struct ctl_session {
	char *id, *name; /* owned */
};

/* By id or unique name. */
int ctl_session_find(struct ctl_session *s, const char *wanted, struct err *e);
void ctl_session_fini(struct ctl_session *s);

/* The fields of an object that was begun. */
void ctl_session_add(struct buf *out, const struct ctl_session *s);
/* One line on stdout. What a session or a guest chose may be in it, so a terminal gets it escaped.
 */
void ctl_session_print(const struct ctl_session *s);
/* A line of JSON. */
void ctl_print_json(const struct buf *json);

/* For commands that take any number of operands, or --all: calls `one` for each operand up to
 * the first that fails, or `all`. Both append to done, objects with commas between them; with
 * --json these are printed, even after a failure. `what` is an operand: "session". */
typedef int ctl_session_fn(const char *operand, struct buf *done, struct err *e);
typedef int ctl_session_all_fn(struct buf *done, struct err *e);
int ctl_session_each(const struct ctl_args *a, const char *what, ctl_session_fn *one,
		     ctl_session_all_fn *all, struct err *e);

#endif
