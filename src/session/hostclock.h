/* hostclock: tells the guest the time while the agent runs. */
#ifndef CCVM_SESSION_HOSTCLOCK_H
#define CCVM_SESSION_HOSTCLOCK_H

#include <stddef.h>

struct loop;
struct hostclock;

struct hostclock_callbacks {
	/* A line for the guest. An old time that waits in a queue would be worse than none: dropped
	 * where one has formed. */
	void (*send)(void *ctx, const void *line, size_t n);
	void (*on_tick)(void *ctx); /* twice a minute, after hostclock_start */
};

struct hostclock *hostclock_new(struct loop *loop, const struct hostclock_callbacks *callbacks,
				void *ctx);
void hostclock_free(struct hostclock *h); /* NULL is fine */
void hostclock_tell(struct hostclock *h);
/* Tells it now, and from here on. Once. */
void hostclock_start(struct hostclock *h);

#endif
