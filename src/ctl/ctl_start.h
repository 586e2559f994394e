/* ctl_start: starting sessions that belong to no terminal. */
#ifndef CCVM_CTL_START_H
#define CCVM_CTL_START_H

#include "client/launch.h"

#define CTL_START_TERM "xterm-256color" /* what ccvm-term is to a program */

/* Starts it in the current directory, waits until it has begun (wait: until its agent runs), and
 * prints its id, or with json an object with id and name. */
int ctl_start(const struct launch *l, bool wait, bool json, struct err *e);

#endif
