/* screen: the session's side of ccvm-term: it gets the agent's output and viewers' messages, and
 * gives frames, bytes for the agent, and events.
 *
 * ccvm-term is not trusted: what it says is passed on within bounds, texts are checked for their
 * characters, and nothing it says is interpreted but the first bytes that say whom it is for. A
 * worker of it that dies is replaced, and the program in the guest is made to repaint. */
#ifndef CCVM_SESSION_SCREEN_H
#define CCVM_SESSION_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct event;
struct loop;
struct screen;

struct screen_callbacks {
	/* Keys for the agent. One that does not read loses what does not fit into its queue, and
	 * that is told. */
	size_t (*input_queued)(void *ctx);
	void (*input)(void *ctx, const void *bytes, size_t n);
	/* A message for the viewer with that number. */
	void (*to_viewer)(void *ctx, uint32_t number, const void *bytes, size_t n);
	void (*on_drained)(void *ctx); /* ccvm-term has taken all output, or its worker is gone */
	/* A new one is there, which knows of no viewer. again: it replaces one; its screen is
	 * empty, and the agent's program has to paint it again. */
	void (*on_worker)(void *ctx, bool again);
	void (*event)(void *ctx, const struct event *e);
	void (*note)(void *ctx, const char *stage, const char *text);
	void (*changed)(void *ctx); /* what screen_add_status says */
};

struct screen *screen_new(struct loop *loop, const struct screen_callbacks *callbacks, void *ctx);
void screen_free(struct screen *sc); /* NULL is fine */
/* Starts ccvm-term, which keeps that many lines of history. */
int screen_start(struct screen *sc, const char *libexec, long history, struct err *e);
/* Ends it, and waits for that. */
void screen_stop(struct screen *sc);
/* A worker is there: viewers get frames. */
bool screen_has_worker(const struct screen *sc);
/* The agent's output. */
void screen_feed(struct screen *sc, const void *bytes, size_t n);
/* How much of it ccvm-term has not taken yet. */
size_t screen_queued(const struct screen *sc);
/* Kept for workers to come. */
void screen_resize(struct screen *sc, int cols, int rows);
/* What a hook of claude reports. */
void screen_on_hook(struct screen *sc, const char *name);
/* A viewer's message, to be passed on; number: the client's. */
void screen_on_view(struct screen *sc, uint32_t number, const void *bytes, size_t n);
/* Who answers the program: the payload of a WIRE_ANSWERS for ccvm-term. */
void screen_answered_elsewhere(struct screen *sc, bool most, bool dcs);
void screen_forget_client(struct screen *sc, uint32_t number);
/* Fields of status.json. */
void screen_add_status(const struct screen *sc, struct buf *out);

#endif
