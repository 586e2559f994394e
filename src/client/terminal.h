/* terminal: the user's terminal while an agent has it: modes, and getting it back on every path. */
#ifndef CCVM_CLIENT_TERMINAL_H
#define CCVM_CLIENT_TERMINAL_H

#include <stdbool.h>

/* Remembers the modes of stdin's terminal; restores them at exit, also after a fatal signal. */
void terminal_init(void);
/* While the guest boots: typed keys wait unseen, but Ctrl+C still interrupts. */
void terminal_set_waiting(void);
/* While the agent runs: every byte is its. */
void terminal_set_raw(void);
/* Back to what was found. With reset, also undoes what a program that died may have left switched on: alternate
 * screen, mouse, bracketed paste, hidden cursor, keyboard protocol. */
void terminal_restore(bool reset);
/* The window's size; 80 × 24 when the terminal does not say. */
void terminal_size(int *cols, int *rows);

#endif
