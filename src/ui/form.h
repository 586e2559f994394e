/* form: the new-session form of the model: directories for what is typed, and what is asked for, as
 * arguments and variables of ccvmctl. */
#ifndef CCVM_UI_FORM_H
#define CCVM_UI_FORM_H

#include "base/mem.h"
#include "ui/model.h"

/* Puts directories that fit what is typed into the model. */
void form_suggest(struct model *m);
/* Completes the directory; where nothing is left to complete, goes to the next field. */
void form_complete(struct model *m);

/* Where it is to be started. Free it. */
char *form_directory(const struct model *m);
/* Appends `new` and its arguments. */
void form_arguments(const struct model *m, struct strv *argv);
/* Appends NAME=VALUE of the fields that are filled. */
void form_environment(const struct model *m, struct strv *env);

#endif
