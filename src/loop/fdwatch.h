/* fdwatch: waits in the event loop until an fd of the caller's can be read or written. */
#ifndef CCVM_LOOP_FDWATCH_H
#define CCVM_LOOP_FDWATCH_H

struct loop;
struct fdwatch;

enum fdwatch_events { FDWATCH_NONE = 0, FDWATCH_READ = 1, FDWATCH_WRITE = 2 };

/* Waits for nothing yet. The fd stays the caller's, who closes it after fdwatch_free; whether it
 * blocks is left as it is, since its open file may be other programs' too. What cannot be waited
 * for, a regular file or /dev/null, is always ready. on_ready is called from the loop only, and
 * may free the watch. */
#define fdwatch_new(loop, fd, on_ready, ctx) fdwatch_new_by(__func__, loop, fd, on_ready, ctx)
struct fdwatch *fdwatch_new_by(const char *maker, struct loop *loop, int fd,
			       void (*on_ready)(void *ctx), void *ctx);
/* NULL is fine. */
void fdwatch_free(struct fdwatch *w);
/* events: of enum fdwatch_events, or-ed; errors and hang-ups count as both. */
void fdwatch_set(struct fdwatch *w, int events);

#endif
