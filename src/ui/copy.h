/* copy: what copy mode needs of a session: the lines of its history that are shown, what is
 * searched for, and what is selected, on its way to the clipboard or a file. A session gives
 * VIEW_LINES_MAX lines at a time, so a long selection is asked for piece by piece. */
#ifndef CCVM_UI_COPY_H
#define CCVM_UI_COPY_H

#include <stddef.h>

#include "ui/link.h"
#include "ui/model.h"

struct copy;

typedef void copy_clipboard_fn(const void *text, size_t n);

/* Never NULL. Model and link are borrowed; all is about the session in the model's active pane. */
struct copy *copy_new(struct model *m, struct ui_link *link, copy_clipboard_fn *to_clipboard);
void copy_free(struct copy *c);

/* Asks for lines from copy_top on. */
void copy_show(struct copy *c, unsigned rows);
/* Asks where the searched text is next. */
void copy_search(struct copy *c);
/* What is selected to a new file, or for "" to the clipboard. */
void copy_selected(struct copy *c, const char *file);

/* VIEW_HISTORY and VIEW_FOUND. */
void copy_on_history(struct copy *c, const struct model_session *s, const unsigned char *message,
		     size_t n);
void copy_on_found(struct copy *c, const unsigned char *message, size_t n);
/* The connection is gone: lines that were asked for do not come any more. */
void copy_on_end(struct copy *c, const char *id);

#endif
