/* record: what a session's directory says of how it was started, so that one like it can be
 * started when it has ended, and its directory with it. No credential is in it. Pure but for the
 * reading of the files. */
#ifndef CCVM_CLIENT_RECORD_H
#define CCVM_CLIENT_RECORD_H

#include "base/buf.h"
#include "base/err.h"

enum record_part {
	RECORD_OPTIONS,
	RECORD_STATUS,
	RECORD_WORKSPACE,
	RECORD_SHELL,
	RECORD_ARGS,
	RECORD_PARTS
};

/* Reads the parts in the session's directory into a pack (base/pack.h). Error: one is missing,
 * since the session is starting or ending; out is then of no use. */
int record_read(const char *directory, struct buf *out, struct err *e);
/* Takes a record apart, appending to the parts. Error: malformed. */
int record_split(const void *bytes, size_t n, struct buf part[RECORD_PARTS], struct err *e);

#endif
