/* link: ccvm-tui's connections to sessions, by their ids. It takes frames apart and makes them;
 * what they mean is the caller's. Its functions and struct are called ui_link, since client/link.h
 * has the other name.
 *
 * A call for a session that has no connection does nothing. Callbacks come from the loop; they may
 * call everything here. */
#ifndef CCVM_UI_LINK_H
#define CCVM_UI_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "client/keyname.h"
#include "proto/egressctl.h"
#include "proto/outcome.h"
#include "proto/wire.h"

struct loop;
struct ui_link;

struct ui_link_callbacks {
	void (*on_event)(void *ctx, const char *id, const struct json_line *l);
	/* The last frame: how the session ended. */
	void (*on_exit)(void *ctx, const char *id, const struct outcome *o);
	/* A row of the answer to ui_link_egress, or its error. */
	void (*on_egress_row)(void *ctx, const struct egressctl_row *r);
	/* A message of proto/view.h. False: it is malformed, which only a session that was taken
	 * over sends. */
	bool (*on_view)(void *ctx, const char *id, const unsigned char *message, size_t n);
	void (*on_clip_ask)(void *ctx, const char *id, const void *payload, size_t n);
	/* The connection is gone; malformed: since what came was no frame. */
	void (*on_end)(void *ctx, const char *id, bool malformed);
	void *ctx;
};

/* At most so many sessions at a time. Never NULL. The loop is borrowed. */
struct ui_link *ui_link_new(struct loop *loop, size_t sessions, const struct ui_link_callbacks *cb);
/* Sends what is queued, a moment for each session. No callback comes any more. */
void ui_link_free(struct ui_link *k);

bool ui_link_has(const struct ui_link *k, const char *id);
/* Connects to the session whose run directory this is. A failure is not reported: it has only just
 * begun, or is ending. */
void ui_link_connect(struct ui_link *k, const char *id, const char *directory);

/* Asks for what has changed since that generation of the screen (0: for all of it), unless a frame
 * is under way already. beside: the session is not the one that the user types into: it gets fewer
 * frames, and when it is too early the loop turns once more. */
void ui_link_pull(struct ui_link *k, const char *id, uint64_t generation, bool beside);
/* Both are sent only when they differ from what was sent last. */
void ui_link_size(struct ui_link *k, const char *id, int cols, int rows);
void ui_link_focus(struct ui_link *k, const char *id, bool focused);

void ui_link_key(struct ui_link *k, const char *id, const struct key *key);
/* Sent as fast as its program reads it. False: nothing of it is sent, since there is no connection,
 * or too much is waiting. */
bool ui_link_paste(struct ui_link *k, const char *id, const char *text, size_t n);
/* As VIEW_MOUSE has it. */
void ui_link_mouse(struct ui_link *k, const char *id, unsigned mods, unsigned button, unsigned kind,
		   int row, int col);
void ui_link_lines(struct ui_link *k, const char *id, uint64_t from, unsigned count);
void ui_link_search(struct ui_link *k, const char *id, uint64_t from, bool down, const char *text);
void ui_link_stop(struct ui_link *k, const char *id);
void ui_link_rename(struct ui_link *k, const char *id, const char *name);
/* The answer comes by on_egress_row. */
void ui_link_egress(struct ui_link *k, const char *id, const struct egressctl_request *request);
/* A frame that answers what that session asked for. */
void ui_link_answer(struct ui_link *k, const char *id, enum wire_type type, const void *payload,
		    size_t n);

#endif
