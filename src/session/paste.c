/* Theory of operation. The bytes come from the user's own client, the questions from a guest
 * nobody trusts.
 *
 * 1. This process has given up its files; the client, which runs as the user, opens what the
 *    user named. What it sends is looked at again here: an image of a type claude takes, whole,
 *    20 MiB at most, or it is not passed on.
 * 2. A path inside of the workspace is the same file in the guest, and stays.
 * 3. The guest is told a token and a suffix and asks for the image over the forward (clip.c);
 *    the token is good for one fetch. Nothing of the host's path goes there.
 * 4. "STORED" ends it, and so do "FAILED", ten seconds, and the client's end. A guest that lies
 *    about it has the user's prompt name a file that is not there. */
#include "session/paste.h"
#include "base/mem.h"
#include "clip/clip_image.h"
#include "clip/clip_path.h"
#include "loop/timer.h"
#include "proto/guest.h"
#include "session/clip_event.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define PASTE_TYPES_END CLIP_BMP /* claude takes no file of this type or a later one */

struct paste {
	struct paste_callbacks cb;
	void *ctx;
	uint32_t client; /* whose image it is; 0: nobody's */
	struct buf bytes;
	bool too_large;
	bool offered; /* the guest was told, and may fetch it */
	bool fetched; /* which it has done */
	enum clip_type type;
	char token[CLIP_TOKEN + 1];
	struct timer *timer;
};

static void paste_clear(struct paste *p)
{
	timer_stop(p->timer);
	buf_fini(&p->bytes);
	p->bytes = (struct buf){0};
	p->client = 0;
	p->too_large = p->offered = p->fetched = false;
	secret_wipe(p->token, sizeof(p->token));
}

static void paste_answer(struct paste *p, const char *path)
{
	p->cb.placed(p->ctx, p->client, path, strlen(path));
	paste_clear(p);
}

static void paste_tell(struct paste *p, const struct clip_event *e)
{
	const struct event event = clip_event_make(e);

	p->cb.event(p->ctx, &event);
}

static void paste_refuse(struct paste *p, const char *reason)
{
	if (reason)
		paste_tell(p, &(struct clip_event){
				      .verdict = "refused", .type = p->type, .reason = reason});
	paste_answer(p, "");
}

static void paste_on_timeout(void *ctx)
{
	paste_refuse(ctx, "the guest did not take the image in time");
}

struct paste *paste_new(struct loop *loop, const struct paste_callbacks *callbacks, void *ctx)
{
	struct paste *p = mem_alloc(sizeof(*p));

	p->cb = *callbacks;
	p->ctx = ctx;
	p->timer = timer_new(loop, paste_on_timeout, p);
	return p;
}

void paste_free(struct paste *p)
{
	if (!p)
		return;
	paste_clear(p);
	timer_free(p->timer);
	free(p);
}

void paste_on_bytes(struct paste *p, uint32_t client, const void *bytes, size_t n)
{
	if ((p->client && p->client != client) || p->offered)
		return;
	p->client = client;
	p->too_large = p->too_large || buf_len(&p->bytes) + n > CLIP_IMAGE_MAX;
	if (!p->too_large)
		buf_add(&p->bytes, bytes, n);
}

static void paste_offer(struct paste *p)
{
	struct guest_order order = {.type = GUEST_ORDER_PASTE};
	AUTO_BUF struct buf line = {0};
	unsigned char random[CLIP_TOKEN / 2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		paste_refuse(p, "no random numbers on the host");
		return;
	}
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(p->token + 2 * i, 3, "%02x", random[i]);
	p->offered = true;
	snprintf(order.token, sizeof(order.token), "%s", p->token);
	snprintf(order.suffix, sizeof(order.suffix), "%s", clip_type_suffix(p->type));
	guest_order_put(&line, &order);
	p->cb.to_guest(p->ctx, buf_data(&line), buf_len(&line));
	timer_start(p->timer, PASTE_MS, 0);
}

/* NULL: it may go. Empty: it stays, and there is nothing to say about it. */
static const char *paste_why_not(struct paste *p, const char *path)
{
	const char *refusal;

	p->type = clip_image_type(buf_data(&p->bytes), buf_len(&p->bytes));
	if (p->cb.is_shared(p->ctx, path) || p->type >= PASTE_TYPES_END)
		return "";
	refusal = p->cb.refusal(p->ctx);
	if (refusal)
		return refusal;
	if (p->too_large)
		return "the image is larger than 20 MiB";
	if (!clip_image_is_whole(p->type, buf_data(&p->bytes), buf_len(&p->bytes)))
		return "the image is truncated";
	return NULL;
}

void paste_on_image(struct paste *p, uint32_t client, const void *payload, size_t n)
{
	AUTO_FREE char *path = mem_strndup(payload, n);
	const char *reason;

	if ((p->client && p->client != client) || p->offered) {
		p->cb.placed(p->ctx, client, NULL, 0);
		return;
	}
	p->client = client;
	reason = paste_why_not(p, path);
	if (reason)
		paste_refuse(p, reason[0] ? reason : NULL);
	else
		paste_offer(p);
}

void paste_forget_client(struct paste *p, uint32_t client)
{
	if (p->client == client)
		paste_clear(p);
}

static void paste_on_stored(struct paste *p)
{
	AUTO_FREE char *path = mem_format(CLIP_PASTE_PATH, p->token, clip_type_suffix(p->type));

	paste_tell(p, &(struct clip_event){
			      .verdict = "sent", .type = p->type, .bytes = buf_len(&p->bytes)});
	paste_answer(p, path);
}

const struct buf *paste_on_guest(struct paste *p, const struct clip_request *r)
{
	static const struct buf nothing;

	if (!p->offered || strcmp(p->token, r->token) != 0 ||
	    (p->fetched && r->file == CLIP_FILE_FETCH))
		return NULL;
	if (r->file == CLIP_FILE_FETCH) {
		p->fetched = true;
		return &p->bytes;
	}
	if (r->file == CLIP_FILE_STORED)
		paste_on_stored(p);
	else
		paste_refuse(p, "the guest could not keep the image");
	return &nothing;
}
