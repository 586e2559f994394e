/* link: a connection to one running session, for programs that ask and wait. */
#ifndef CCVM_CLIENT_LINK_H
#define CCVM_CLIENT_LINK_H

#include "base/buf.h"
#include "base/err.h"
#include "proto/view.h"
#include "proto/wire.h"

struct link {
	int fd;
	struct buf in;
};

#define LINK_PATIENCE_MS 10000

/* By id or unique name. */
int link_open(struct link *k, const char *session, struct err *e);
void link_close(struct link *k);
int link_send(struct link *k, enum wire_type type, const void *payload, size_t n, struct err *e);
int link_resize(struct link *k, int cols, int rows, struct err *e);
/* A whole frame that has arrived already: 1, 0: none, -1. The caller drops it with link_drop. */
int link_take(struct link *k, struct wire_frame *f, struct err *e);
/* Reads what is there: 1, 0: the session ended, -1. */
int link_read(struct link *k, struct err *e);
/* The next frame: 1; 0: the session ended; 2: patience_ms (-1: for ever) went by; -1. */
int link_next(struct link *k, int patience_ms, struct wire_frame *f, struct err *e);
void link_drop(struct link *k, const struct wire_frame *f);
/* Sends a view message and waits for the answer of that kind; *f is to be dropped. Error: no
 * screen, ended, no answer. */
int link_view(struct link *k, const struct buf *message, enum view_type answer,
	      struct wire_frame *f, struct err *e);
/* Pastes text, in brackets if the program asks for them; returns when the program's terminal has
 * it. */
int link_paste(struct link *k, const char *text, size_t n, struct err *e);
/* The screen as it is. */
int link_screen(struct link *k, struct view_screen *v, struct err *e);

#endif
