/* paint: a canvas on the user's terminal. The only user of ncurses. */
#ifndef CCVM_UI_PAINT_H
#define CCVM_UI_PAINT_H

#include "base/err.h"
#include "ui/canvas.h"

/* Takes the terminal over. A type that terminfo does not know is used as an xterm. Error (126):
 * it cannot be drawn on. */
int paint_open(struct err *e);
const char *paint_terminal(void); /* the type in use */
void paint_close(void);
void paint_size(int *cols, int *rows);
/* The terminal's size has changed. */
void paint_resized(void);
/* Only what differs from what is there goes out. all: everything, for a terminal that something
 * else wrote to. */
void paint_show(const struct canvas *c, bool all);
void paint_bell(void);
/* The terminal's own title, and a notification of the desktop; texts are ours or checked.
 * Nothing where the terminal would print it. */
void paint_title(const char *text);
void paint_notify(const char *text);
/* A question to the user's terminal, as it is; it must change nothing that is seen. */
void paint_question(const void *bytes, size_t n);
/* To the clipboard of the user's terminal (OSC 52). */
void paint_clipboard(const void *text, size_t n);

#endif
