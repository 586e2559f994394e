/* log: the programs' own lines on stderr, and the escaping of untrusted bytes. Every line is
 * escaped: it may quote a guest, or a session that was taken over. */
#ifndef CCVM_BASE_LOG_H
#define CCVM_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_NOTE, LOG_LEVEL_DEBUG };

/* Sets the name in front of each line and the lowest level that is shown (default: NOTE). */
void log_init(const char *name, enum log_level lowest);
/* Writes to this fd instead of stderr (borrowed). */
void log_set_fd(int fd);
enum log_level log_lowest(void);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A further, indented line of the last message. */
void log_more(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Appends bytes with everything but printable ASCII and well-formed printable UTF-8 shown as \xNN,
 * so that no byte a guest chose can move a cursor or retitle a terminal. At most max bytes of
 * output. */
void log_escape(struct buf *out, const void *bytes, size_t n, size_t max);
/* Appends the bytes to write to fd: escaped for a terminal, unchanged for anything else. */
void log_pass(int fd, struct buf *out, const void *bytes, size_t n);
/* The same on stdout, buffered; -1: not written. */
int log_print(const void *bytes, size_t n);

#endif
