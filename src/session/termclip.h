/* termclip: the clipboard of a client's terminal answers for the host's, where the host has no
 * display (client/termclip.h). */
#ifndef CCVM_SESSION_TERMCLIP_H
#define CCVM_SESSION_TERMCLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clip/clip_request.h"

struct loop;
struct termclip;

struct termclip_callbacks {
	/* Sends the question (WIRE_CLIP_ASK); false: that client is gone. */
	bool (*ask)(void *ctx, uint32_t client, const void *payload, size_t n);
	/* Once for each question. The bytes are the terminal's, of the type asked for. */
	void (*on_answer)(void *ctx, bool ok, const char *reason, const void *bytes, size_t n);
};

struct termclip *termclip_new(struct loop *loop, const struct termclip_callbacks *callbacks,
			      void *ctx);
void termclip_free(struct termclip *t); /* NULL is fine */
/* Asks the client for the list (CLIP_NO_TYPE), or for an image. False: it is gone. */
bool termclip_ask(struct termclip *t, uint32_t client, enum clip_type what);
/* Its frames; anybody else's are dropped. */
void termclip_on_bytes(struct termclip *t, uint32_t client, const void *bytes, size_t n);
void termclip_on_done(struct termclip *t, uint32_t client, const void *json, size_t n);
void termclip_forget_client(struct termclip *t, uint32_t client);

#endif
