/* stream: a socket or pipe in the event loop, with a queue for what is to be written.
 *
 * Callbacks may close the stream; it is freed after the loop has let go of it, never while it is
 * dispatched. */
#ifndef CCVM_LOOP_STREAM_H
#define CCVM_LOOP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct stream;

struct stream_callbacks {
	void (*on_bytes)(void *ctx, const void *bytes, size_t n);
	/* End of file or a broken connection; called once, and nothing after it. */
	void (*on_end)(void *ctx);
	/* The queue became empty (may be NULL). */
	void (*on_drained)(void *ctx);
	void *ctx;
};

/* Takes over fd, which becomes non-blocking. */
#define stream_open(loop, fd, callbacks) stream_open_by(__func__, loop, fd, callbacks)
struct stream *stream_open_by(const char *maker, struct loop *loop, int fd,
			      const struct stream_callbacks *callbacks);
/* Forgets what is queued; NULL is fine. */
void stream_close(struct stream *s);
/* Queues bytes; tries to write at once. */
void stream_write(struct stream *s, const void *bytes, size_t n);
/* Sends bytes with an fd beside them (unix(7), SCM_RIGHTS), at once; the fd stays the caller's. -1
 * when the socket does not take them now. */
int stream_write_fd(struct stream *s, const void *bytes, size_t n, int fd);
size_t stream_queued(const struct stream *s);
/* Stops or resumes reading, so that the peer's queue fills instead of ours. */
void stream_pause(struct stream *s, bool paused);
/* Sends what is queued, waiting at most ms milliseconds in all. For the very end only. */
void stream_flush(struct stream *s, int ms);

#endif
