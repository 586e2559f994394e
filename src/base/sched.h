/* sched: what this process asks of the kernel's scheduler. */
#ifndef CCVM_BASE_SCHED_H
#define CCVM_BASE_SCHED_H

/* For what stands between a key and its echo: turns as short as there are (0.1 ms), so that after a wakeup this thread soon
 * gets the processor, also beside emulated guests that take all they get; its share stays the same. For this thread alone, not
 * for its children. Linux from 6.12 on; without effect before. sched_setattr(2), "sched_runtime" of an ordinary thread. */
void sched_take_short_turns(void);

#endif
