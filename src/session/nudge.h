/* nudge: keeps QEMU looking at the guest's ports while the guest sets up its connections.
 *
 * QEMU stops watching a port's socket while the guest has the port closed, and an emulated guest's
 * opening it does not wake QEMU's main loop: what was written meanwhile would lie there until
 * something else does (seen: for minutes). Any command makes the loop turn and look again. */
#ifndef CCVM_SESSION_NUDGE_H
#define CCVM_SESSION_NUDGE_H

#include <stdbool.h>

struct loop;
struct nudge;

struct nudge_callbacks {
	/* Sends QEMU a command whose answer leads to nudge_answered; false: it takes none now. */
	bool (*wake)(void *ctx);
	/* This process's end of the connection is looked at as often. */
	void (*look)(void *ctx);
};

/* Never NULL. */
struct nudge *nudge_new(struct loop *loop, const struct nudge_callbacks *callbacks, void *ctx);
void nudge_free(struct nudge *n); /* NULL is fine */

/* Now, and five times a second until nudge_stop. */
void nudge_start(struct nudge *n);
/* Also forgets the command that is under way: its QEMU may be gone. */
void nudge_stop(struct nudge *n);
/* Once, out of turn; unless a command is under way. */
void nudge_now(struct nudge *n);
void nudge_answered(struct nudge *n);

#endif
