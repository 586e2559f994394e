/* command: what keys do in ccvm-tui. One table makes the keys, the help and the manual. */
#ifndef CCVM_UI_COMMAND_H
#define CCVM_UI_COMMAND_H

#include "ui/model.h"

struct command {
	const char *key;  /* as keyname_parse reads it */
	const char *name; /* for tui.keys; empty: cannot be bound */
	const char *help; /* half a line */
	void (*run)(struct model *m, const struct key *k);
};

/* NULL past the end. Every row works in the list, and in a pane behind the prefix key. */
const struct command *command_at(size_t i);

/* "NAME=KEY", as tui.keys has it: one more key for a command, in front of the usual ones. False:
 * no such command or key. */
bool command_bind(struct model *m, const char *binding);
/* The key to show for a command: the bound one, or the usual. */
void command_key_of(const struct model *m, const struct command *c, char out[KEYNAME_SIZE]);
/* For the mouse in copy mode: begins or ends a selection; goes to a place of the pane. */
void command_copy_select(struct model *m, enum copy_kind kind);
void command_copy_point(struct model *m, int row, int column);

/* Takes one key. True when it is for the active session's program (model_active). */
bool command_key(struct model *m, const struct key *k);
/* Pasted text, for a line being typed; true when it is for the active session's program. */
bool command_paste(struct model *m, const char *text, size_t n);

#endif
