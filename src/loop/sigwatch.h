/* sigwatch: a signal to this process, told from the event loop. */
#ifndef CCVM_LOOP_SIGWATCH_H
#define CCVM_LOOP_SIGWATCH_H

struct loop;
struct sigwatch;

/* From now on; on_signal is called from the loop only. Never NULL. */
#define sigwatch_new(loop, number, on_signal, ctx)                                                 \
	sigwatch_new_by(__func__, loop, number, on_signal, ctx)
struct sigwatch *sigwatch_new_by(const char *maker, struct loop *loop, int number,
				 void (*on_signal)(void *ctx, int number), void *ctx);
/* Without another watch for it, the signal does its default action again. NULL is fine. */
void sigwatch_free(struct sigwatch *w);

#endif
