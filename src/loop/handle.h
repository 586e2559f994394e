/* handle: what timer, fdwatch, sigwatch and stream are for libuv: memory that it refers to until a
 * turn after the handle was closed. For files of this folder alone. */
#ifndef CCVM_LOOP_HANDLE_H
#define CCVM_LOOP_HANDLE_H

#include <uv.h>

/* See loop.h. */
struct loop {
	uv_loop_t uv;
	uv_prepare_t prepare; /* has no struct handle: its data is NULL */
	void (*before_wait)(void *ctx);
	void *ctx;
};

/* The first member of what is registered. uv is initialized by its owner, for the loop's uv. */
struct handle {
	union {
		uv_handle_t any;
		uv_timer_t timer;
		uv_poll_t poll;
		uv_idle_t idle;
		uv_signal_t signal;
	} uv;
	const char *kind, *maker; /* literals */
	void (*release)(struct handle *h);
};

/* kind and maker are what loop_free complains of: "timer" and the function that made it. release
 * frees it. */
void handle_init(struct handle *h, const char *kind, const char *maker,
		 void (*release)(struct handle *h));
/* Nothing is called back any more; release is called when the loop has let go of it. NULL is fine. */
void handle_close(struct handle *h);
/* A release for what is one piece of memory. */
void handle_release(struct handle *h);

#endif
