/* term_confine: takes from this process everything but its memory, the clock and the fds it has. */
#ifndef CCVM_TERM_CONFINE_H
#define CCVM_TERM_CONFINE_H

#include <stddef.h>

#include "base/err.h"

/* Every turn of work begins with this: one that computes for TERM_TURN_S seconds ends the
 * process. */
#define TERM_TURN_S 5
void term_confine_begin_turn(void);

/* keep: the one fd beside 2 that stays open. history: lines that may be kept, for the limit of
 * memory. The caller ends the process when it fails. */
int term_confine(int keep, size_t history, struct err *e);

#endif
