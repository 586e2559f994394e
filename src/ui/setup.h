/* setup: the model as the options and the environment want it at the start. */
#ifndef CCVM_UI_SETUP_H
#define CCVM_UI_SETUP_H

#include "base/err.h"
#include "ui/model.h"

struct conf;

/* Prefix key, further keys, theme and the form's first values, in a model that was just made.
 * Error: an option that names no key. */
int setup_model(struct model *m, const struct conf *conf, struct err *e);

#endif
