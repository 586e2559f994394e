/* app_state: what the files of the program ccvm-tui share. */
#ifndef CCVM_UI_APP_STATE_H
#define CCVM_UI_APP_STATE_H

#include <uv.h>

#include "loop/stream.h"
#include "ui/input.h"
#include "ui/model.h"

struct app_connection {
	struct app *app;
	char id[16]; /* empty: unused */
	struct stream *stream;
	struct buf in;
	bool pulling, focused;
	int cols, rows; /* last told */
};

struct app {
	uv_loop_t loop;
	uv_poll_t input_poll;
	uv_timer_t tick, settle;
	uv_prepare_t prepare;
	uv_signal_t signals[3];
	struct model model;
	struct input *input;
	struct app_connection connection[MODEL_SESSIONS];
	char *run_base, *notify; /* owned */
	int cols, rows, told_waiting;
	bool dirty, redraw_all;
	bool copying; /* the next lines are for the clipboard */
	uv_process_t starter;
	uv_pipe_t starter_output;
	struct buf starter_text;
	bool starting;
};

/* app.c */
void app_announce(struct app *a, const struct model_session *s);
void app_on_history(struct app *a, const struct model_session *s, const unsigned char *bytes, size_t n);

/* app_start.c: a new session as the form of the model says. */
void app_start_session(struct app *a);

#endif
