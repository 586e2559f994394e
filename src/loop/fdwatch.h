/* fdwatch: waits in the event loop (libuv) until an fd of the caller's can be read or written. */
#ifndef CCVM_LOOP_FDWATCH_H
#define CCVM_LOOP_FDWATCH_H

#include <uv.h>

struct fdwatch;

enum fdwatch_events { FDWATCH_NONE = 0, FDWATCH_READ = 1, FDWATCH_WRITE = 2 };

/* Waits for nothing yet. The fd stays the caller's, who closes it after fdwatch_free. on_ready is
 * called from the loop only, and may free the watch. */
struct fdwatch *fdwatch_new(uv_loop_t *loop, int fd, void (*on_ready)(void *ctx), void *ctx);
/* NULL is fine. */
void fdwatch_free(struct fdwatch *w);
/* events: of enum fdwatch_events, or-ed; errors and hang-ups count as both. */
void fdwatch_set(struct fdwatch *w, int events);

#endif
