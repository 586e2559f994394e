/* spare: one session that is started ahead of need in the directory ccvm-tui was started in. It is
 * a session as others, with the agent up, but for a mark: it is in no list, and it ends when no
 * ccvm-tui is connected to it. A new name takes the mark off. */
#ifndef CCVM_UI_SPARE_H
#define CCVM_UI_SPARE_H

#include <stdbool.h>

#include "ui/model.h"

struct loop;
struct spare;

/* Never NULL. Loop and model are borrowed; the model says where one is wanted and knows it when it
 * is there. */
struct spare *spare_new(struct loop *loop, struct model *m);
void spare_free(struct spare *s);

/* Once in a while: starts one when it is wanted and missing. busy: the user's own start goes first.
 */
void spare_tick(struct spare *s, bool busy);
/* Whether the spare is what the form asks for. Then it is the user's: id is its id, and it is to be
 * renamed to name; spare_on_renamed hears of that. */
bool spare_take(struct spare *s, char id[16], char name[MODEL_TEXT]);
/* A session has another name. True when it is the one that was taken, once: *keys is what m->keys
 * was then. */
bool spare_on_renamed(struct spare *s, const char *id, unsigned *keys);

#endif
