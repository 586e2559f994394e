/* paste: an image file whose path the user pasted goes into the guest, before the agent sees the
 * path.
 *
 * A client (client/paste.h) sends the bytes (WIRE_IMAGE_BYTES) and the path (WIRE_IMAGE), and waits
 * for WIRE_IMAGE_PLACED: the guest's path, or nothing where the paste is to stay as it is. Told as
 * a "clip" event, as an image of the clipboard. */
#ifndef CCVM_SESSION_PASTE_H
#define CCVM_SESSION_PASTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "clip/clip_request.h"

#define PASTE_MS 10000 /* for the guest, to fetch and keep an image */

struct event;
struct loop;
struct paste;

struct paste_callbacks {
	bool (*is_shared)(void *ctx, const char *path); /* the same file in the guest */
	const char *(*refusal)(void *ctx); /* why the session takes no images; NULL: it does */
	void (*to_guest)(void *ctx, const void *line, size_t n);
	/* To the client that waits: the guest's path, which may be empty. */
	void (*placed)(void *ctx, uint32_t client, const char *path, size_t n);
	void (*event)(void *ctx, const struct event *e);
};

struct paste *paste_new(struct loop *loop, const struct paste_callbacks *callbacks, void *ctx);
void paste_free(struct paste *p); /* NULL is fine */
/* Client frames. One image at a time: another client's is not placed. */
void paste_on_bytes(struct paste *p, uint32_t client, const void *bytes, size_t n);
void paste_on_image(struct paste *p, uint32_t client, const void *payload, size_t n);
void paste_forget_client(struct paste *p, uint32_t client);
/* A guest's question about a file: what to answer, valid until the next call, or NULL: there is no
 * such image. */
const struct buf *paste_on_guest(struct paste *p, const struct clip_request *r);

#endif
