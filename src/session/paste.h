/* paste: an image file whose path the user pasted goes into the guest, before the agent sees the path.
 *
 * A client (client/paste.h) sends the bytes (WIRE_IMAGE_BYTES) and the path (WIRE_IMAGE), and waits for WIRE_IMAGE_PLACED: the
 * guest's path, or nothing where the paste is to stay as it is. Told as a "clip" event, as an image of the clipboard. */
#ifndef CCVM_SESSION_PASTE_H
#define CCVM_SESSION_PASTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "clip/clip_request.h"

#define PASTE_MS 10000 /* for the guest, to fetch and keep an image */

struct session;

struct paste {
	uint32_t client; /* whose image it is; 0: nobody's */
	struct buf bytes;
	bool too_large;
	bool offered; /* the guest was told, and may fetch it */
	bool fetched; /* which it has done */
	enum clip_type type;
	char token[CLIP_TOKEN + 1];
	uv_timer_t timer;
};

void paste_init(struct session *s);
void paste_end(struct session *s);
/* Client frames. One image at a time: another client's is not placed. */
void paste_on_bytes(struct session *s, uint32_t client, const void *bytes, size_t n);
void paste_on_image(struct session *s, uint32_t client, const void *payload, size_t n);
void paste_forget_client(struct session *s, uint32_t client);
/* A guest's question about a file: what to answer, valid until the next call, or NULL: there is no such image. */
const struct buf *paste_on_guest(struct session *s, const struct clip_request *r);

#endif
