/* command: what keys do in ccvm-tui. One table makes the keys, the help and the manual. */
#ifndef CCVM_UI_COMMAND_H
#define CCVM_UI_COMMAND_H

#include "ui/model.h"

struct command {
	const char *key;  /* as keyname_parse reads it */
	const char *help; /* half a line */
	void (*run)(struct model *m, const struct key *k);
};

/* NULL past the end. Every row works in the list, and in a pane behind the prefix key. */
const struct command *command_at(size_t i);

/* Takes one key. True when it is for the active session's program (model_active). */
bool command_key(struct model *m, const struct key *k);
/* Pasted text, for a line being typed; true when it is for the active session's program. */
bool command_paste(struct model *m, const char *text);

#endif
