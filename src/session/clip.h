/* clip: the session's side of image paste: who may have an image, and when.
 *
 * The guest's connections bring questions (proto/clip.h), ccvm-clip answers them, and the lease
 * decides: an image goes into the guest only within CLIP_LEASE_MS of a Ctrl+V that the user's own
 * client sent, one for each. What happened is told as an EVENT_CLIP (proto/event.h). */
#ifndef CCVM_SESSION_CLIP_H
#define CCVM_SESSION_CLIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "clip/clip_request.h"

#define CLIP_LEASE_MS 10000

struct event;
struct loop;
struct hostenv;
struct clip;

struct clip_callbacks {
	void (*event)(void *ctx, const struct event *e);
	void (*note)(void *ctx, const char *stage, const char *text);
	/* An image whose path was pasted: what to answer, valid until the next call, or NULL: there
	 * is no such image. */
	const struct buf *(*file)(void *ctx, const struct clip_request *r);
	/* The host has no display: asks the terminal of that client for the list (CLIP_NO_TYPE) or
	 * for an image. True: clip_on_answer follows. */
	bool (*ask_terminal)(void *ctx, uint32_t client, enum clip_type what);
	/* To a connection of the guest's: how many bytes it took. */
	size_t (*write)(void *ctx, unsigned id, const void *bytes, size_t n);
	void (*close)(void *ctx, unsigned id);
	void (*on_writable)(void *ctx); /* there is something for clip_pump to send */
};

/* conf: borrowed. */
struct conf;
struct clip *clip_new(struct loop *loop, const struct conf *conf,
		      const struct clip_callbacks *callbacks, void *ctx);
void clip_free(struct clip *c); /* NULL is fine */
/* Starts ccvm-clip; before this process is confined. A failure is a note. */
void clip_start(struct clip *c, const char *libexec, const struct hostenv *host);
/* Ends it; nothing is answered any more. */
void clip_stop(struct clip *c);
/* The user pressed Ctrl+V. Called for what clients send, never for what a guest does. */
void clip_grant(struct clip *c, uint32_t client);
/* A client's message for ccvm-term (proto/view.h), which may be that key. */
void clip_on_view(struct clip *c, uint32_t client, const unsigned char *bytes, size_t n);
/* What ask_terminal asked for. */
void clip_on_answer(struct clip *c, bool ok, const char *reason, const void *bytes, size_t n);
/* Of the guest's connections. */
void clip_on_forward_bytes(struct clip *c, unsigned id, const void *bytes, size_t n);
void clip_on_forward_end(struct clip *c, unsigned id);
/* Sends what is on its way, as far as it goes; true when something went. */
bool clip_pump(struct clip *c);
/* The connections are gone. */
void clip_forget_guests(struct clip *c);

#endif
