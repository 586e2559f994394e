/* screen: the session's side of ccvm-term: it gets the agent's output and viewers' messages, and gives frames, bytes for
 * the agent, and events.
 *
 * ccvm-term is not trusted: what it says is passed on within bounds, texts are checked for their characters, and nothing
 * it says is interpreted but the first bytes that say whom it is for. A worker of it that dies is replaced, and the
 * program in the guest is made to repaint. */
#ifndef CCVM_SESSION_SCREEN_H
#define CCVM_SESSION_SCREEN_H

#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/view.h"
#include "proto/wire.h"
#include "session/attention.h"

#define SCREEN_TITLE_MAX 256
#define SCREEN_TEXT_MAX	 (4 * WIRE_SCREEN_CELLS + VIEW_ROWS_MAX) /* bytes; of a longer text the end is kept */

struct session;
struct client;
struct stream;

struct screen {
	int control_fd;	     /* ccvm-term sends each new worker's socket over it; -1: no screen */
	pid_t pid;
	int pidfd;
	uv_poll_t *control;
	struct stream *worker; /* NULL: none at the moment */
	struct buf in;
	unsigned workers; /* so far */
	bool deaf;	  /* the agent reads nothing, and keys were lost */
	char title[SCREEN_TITLE_MAX];
	char *text; /* owned; of the screen; NULL: none yet */
	enum attention_hook hook;   /* claude's last one */
	int64_t hook_ms, title_ms;
	uv_timer_t settle;	    /* runs while the signs say pending, which is not what agent says */
	enum attention pending;
	struct attention_verdict agent;
	int64_t agent_since_ms;
	int64_t bell_ms; /* last told */
};

void screen_init(struct session *s);
/* Starts ccvm-term, for an agent with a terminal. */
int screen_start(struct session *s, struct err *e);
void screen_end(struct session *s);
/* The agent's output. */
void screen_feed(struct session *s, const void *bytes, size_t n);
/* How much of it ccvm-term has not taken yet. */
size_t screen_queued(const struct session *s);
void screen_resize(struct session *s);
/* What a hook of claude reports. */
void screen_on_hook(struct session *s, const char *name);
/* A viewer's message, to be passed on; number: the client's. */
void screen_on_view(struct session *s, struct client *c, uint32_t number, const void *bytes, size_t n);
/* Who answers the program: the payload of a WIRE_ANSWERS for ccvm-term. */
void screen_answered_elsewhere(struct session *s, bool most, bool dcs);
void screen_forget_client(struct session *s, uint32_t number);
/* Fields of status.json. */
void screen_add_status(const struct session *s, struct buf *out);

#endif
