/* command_mode: what the files of commands share: one function a mode, true when the key is for
 * the session. */
#ifndef CCVM_UI_COMMAND_MODE_H
#define CCVM_UI_COMMAND_MODE_H

#include "ui/model.h"

/* True when the key changed the line. */
bool command_edit(struct model_line *line, const struct key *k);

bool command_in_find(struct model *m, const struct key *k);
bool command_in_rename(struct model *m, const struct key *k);
bool command_in_new(struct model *m, const struct key *k);
bool command_in_ask_stop(struct model *m, const struct key *k);
bool command_in_ask_restart(struct model *m, const struct key *k);
bool command_in_ask_quit(struct model *m, const struct key *k);
bool command_in_copy(struct model *m, const struct key *k);
bool command_in_search(struct model *m, const struct key *k);
bool command_in_save(struct model *m, const struct key *k);

#endif
