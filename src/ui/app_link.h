/* app_link: ccvm-tui's connections to sessions. */
#ifndef CCVM_UI_APP_LINK_H
#define CCVM_UI_APP_LINK_H

#include <uv.h>

#include "proto/wire.h"
#include "ui/model.h"

struct app;

/* Reads the sessions' directories into the model; connects to new ones, lets go of ended ones. */
void links_refresh(struct app *a);
void links_close(struct app *a);
/* Asks for frames of what is on the screen, and tells sizes and focus. */
void links_follow(struct app *a);
/* One message of each kind; a session that has no connection gets none. */
void links_key(struct app *a, const struct model_session *s, const struct key *k);
/* Sent as fast as its program reads it. False: nothing of it is sent, since there is no connection, or too much is waiting. */
bool links_paste(struct app *a, const struct model_session *s, const char *text, size_t n);
void links_mouse(struct app *a, const struct model_session *s, unsigned mods, unsigned button, unsigned kind, int row, int col);
void links_lines(struct app *a, const struct model_session *s, uint64_t from, unsigned count);
void links_search(struct app *a, const struct model_session *s, uint64_t from, bool down, const char *text);
void links_stop(struct app *a, const struct model_session *s);
void links_rename(struct app *a, const struct model_session *s, const char *name);
/* A frame that answers what that session asked for; it may have ended meanwhile. */
void links_answer(struct app *a, const char *id, enum wire_type type, const void *payload, size_t n);
/* A request of session/egress.h; entry may be NULL. */
void links_egress(struct app *a, const struct model_session *s, const char *op, const char *entry, bool once);

#endif
