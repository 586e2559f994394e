/* sched: settings of the kernel's scheduler for this process. */
#ifndef CCVM_BASE_SCHED_H
#define CCVM_BASE_SCHED_H

/* For threads between a key and its echo: the shortest time slice (0.1 ms), so that this thread
 * gets the processor soon after a wakeup, even beside busy emulated guests; its share stays the
 * same. For this thread alone, not for its children. Linux from 6.12 on; without effect before.
 * sched_setattr(2), "sched_runtime" of an ordinary thread. */
void sched_take_short_turns(void);

#endif
