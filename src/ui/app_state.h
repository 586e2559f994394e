/* app_state: what the files of the program ccvm-tui share. */
#ifndef CCVM_UI_APP_STATE_H
#define CCVM_UI_APP_STATE_H

#include <uv.h>

#include "base/mem.h"
#include "client/picture.h"
#include "client/termclip.h"
#include "loop/stream.h"
#include "ui/input.h"
#include "ui/model.h"

struct app_connection {
	struct app *app;
	char id[16]; /* empty: unused */
	struct stream *stream;
	struct buf in;
	bool pulling, focused;
	uint64_t framed_ms; /* the loop's time when the last frame came */
	int cols, rows; /* last told */
	struct picture picture;
	struct buf held; /* frames of keys and pastes, behind an image or a paste that is on its way */
	size_t pasted;	 /* bytes of pastes under way that the session has not taken */
};

/* What a ccvmctl writes. */
struct app_output {
	uv_pipe_t pipe;
	struct app_starter *starter;
	struct buf text;
};

/* A ccvmctl that starts a session; one for the user's, one for the spare. */
struct app_starter {
	struct app *app;
	uv_process_t process;
	struct app_output out, err; /* the new session's id; why there is none */
	bool busy, good;
	int parts;	   /* that have not come: its end, and the ends of its outputs */
	unsigned keys;	   /* of the model, when it was asked for */
	char replaces[16]; /* a session that ends for it; empty: none */
	void (*on_end)(struct app *a, bool good, const char *text); /* the id, or why there is none */
};

struct app {
	uv_loop_t loop;
	uv_poll_t input_poll;
	uv_timer_t tick, settle, beside;
	uv_prepare_t prepare;
	uv_signal_t signals[3];
	struct model model;
	struct input *input;
	struct app_connection connection[MODEL_SESSIONS];
	char *run_base, *notify; /* owned */
	int cols, rows, told_waiting;
	bool dirty, redraw_all;
	bool copying; /* the next lines are for the clipboard, or for a file */
	struct model_span copy_span;
	uint64_t copy_next; /* line */
	struct buf copy_text;
	char copy_file[MODEL_TEXT]; /* empty: the clipboard */
	int drag_row, drag_col;	    /* where the mouse was pressed */
	struct app_starter starter, spare_starter;
	int64_t spare_tried_ms;
	struct termclip termclip;
	uv_timer_t clip_timer;
	char clip_session[16]; /* who asked the terminal for its clipboard */
	char spare_taken[16]; /* until it says that it has its name; empty: none */
	unsigned spare_keys;  /* of the model, when it was taken */
};

/* app.c */
void app_announce(struct app *a, const struct model_session *s);
void app_on_typed(struct app *a, const void *bytes, size_t n);
void app_on_history(struct app *a, const struct model_session *s, const unsigned char *bytes, size_t n); /* app_copy.c */

/* app_start.c: a new session as the form of the model says; a session anew. */
void app_start_session(struct app *a);
void app_restart_session(struct app *a, const struct model_session *s);
/* ccvmctl with these arguments, the first of which is its command, and with that fd as its stdin (-1: nothing). */
void app_run_starter(struct app *a, struct app_starter *starter, const char *directory, struct strv *args, struct strv *env, int input);

/* app_spare.c: the session that is started ahead of need (tui.warmSpare). */
void app_spare_tick(struct app *a);
bool app_spare_take(struct app *a); /* false: there is none that is what the form asks for */
void app_spare_on_renamed(struct app *a, const char *id);
void app_spare_end(struct app *a);

/* app_clip.c: the clipboard of the user's terminal, asked for a session. */
void app_clip_init(struct app *a);
void app_clip_on_ask(struct app *a, const char *id, const void *payload, size_t n); /* of a WIRE_CLIP_ASK */
void app_clip_filter(struct app *a, const void *bytes, size_t n, struct buf *keys); /* appends what is no answer of the terminal's */
void app_clip_end(struct app *a);

/* app_copy.c */
void app_wish_lines(struct app *a, struct model_session *s);
void app_wish_search(struct app *a, struct model_session *s);
void app_wish_copy(struct app *a, struct model_session *s);
void app_wish_save(struct app *a, struct model_session *s);

#endif
