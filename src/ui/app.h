/* app: ccvm-tui as a program: the terminal, the sessions' sockets, and the loop that ties them
 * to the model. */
#ifndef CCVM_UI_APP_H
#define CCVM_UI_APP_H

#include "base/err.h"

struct conf;

/* Runs until the user quits or the terminal is gone. */
int app_run(const struct conf *conf, struct err *e);

#endif
