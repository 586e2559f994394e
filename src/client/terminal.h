/* terminal: the user's terminal while an agent has it: modes, and getting it back on every path. */
#ifndef CCVM_CLIENT_TERMINAL_H
#define CCVM_CLIENT_TERMINAL_H

#include "base/buf.h"

/* Remembers the modes of stdin's terminal; restores them at exit, also after a fatal signal. */
void terminal_init(void);
/* While the guest boots: typed keys wait unseen, but Ctrl+C still interrupts. */
void terminal_set_waiting(void);
/* While the agent runs: every byte is its. */
void terminal_set_raw(void);
/* Back to what was found. undo (NULL: nothing) is written first: what a program left switched on
 * (termfilter_undo). */
void terminal_restore(const struct buf *undo);
/* The window's size; 80 × 24 when the terminal does not say. */
void terminal_size(int *cols, int *rows);

#endif
