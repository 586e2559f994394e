/* frames: a socket in the event loop over which frames go both ways (proto/wire.h).
 *
 * Callbacks may close it: what is being handled stays until they have returned. */
#ifndef CCVM_LOOP_FRAMES_H
#define CCVM_LOOP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/wire.h"

struct frames;
struct loop;

struct frames_callbacks {
	/* The frame is borrowed until it returns. False: it is malformed. */
	bool (*on_frame)(void *ctx, const struct wire_frame *f);
	/* The other end is gone. Or, malformed, what came was no frame: then nothing more is taken,
	 * and the end still follows when it comes. */
	void (*on_end)(void *ctx, bool malformed);
	/* All that was queued has been sent (may be NULL). */
	void (*on_drained)(void *ctx);
	void *ctx;
};

/* Takes over fd. Never NULL. */
#define frames_open(loop, fd, callbacks) frames_open_by(__func__, loop, fd, callbacks)
struct frames *frames_open_by(const char *maker, struct loop *loop, int fd,
			      const struct frames_callbacks *callbacks);
/* Forgets what is queued; NULL is fine. */
void frames_close(struct frames *f);
/* What comes is wiped after it was handled. */
void frames_keep_secret(struct frames *f);

/* NULL is fine for these: nobody is there. */
void frames_send(struct frames *f, enum wire_type type, const void *payload, size_t n);
size_t frames_queued(const struct frames *f);
/* Stops or resumes reading, so that the other end's queue fills. A frame that was read comes all
 * the same. */
void frames_pause(struct frames *f, bool paused);
/* Frames that were packed already. */
void frames_send_packed(struct frames *f, const void *bytes, size_t n);
/* Sends what is queued, waiting at most ms milliseconds in all. For the very end only. */
void frames_flush(struct frames *f, int ms);

#endif
