/* Theory of operation. Asked is the client that sent the key of the open lease, and nobody else: it
 * shows the question to the terminal that its user sits at. What comes back is bounded, and an
 * image is looked at here as a file's would be. */
#include "session/termclip.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "clip/clip_image.h"
#include "loop/timer.h"
#include "proto/wire.h"

#define TERMCLIP_LIST_MS  2300	/* claude waits 3 seconds */
#define TERMCLIP_IMAGE_MS 25000 /* the terminal may ask its user */

struct termclip {
	struct termclip_callbacks cb;
	void *ctx;
	uint32_t client; /* who is asked; 0: nobody */
	enum clip_type what;
	struct buf bytes;
	struct timer *timer;
};

static void termclip_reset(struct termclip *t)
{
	timer_stop(t->timer);
	t->client = 0;
	buf_fini(&t->bytes);
	t->bytes = (struct buf){0};
}

static void termclip_finish(struct termclip *t, bool ok, const char *reason)
{
	AUTO_BUF struct buf bytes = t->bytes;

	t->bytes = (struct buf){0};
	termclip_reset(t);
	t->cb.on_answer(t->ctx, ok, reason, buf_data(&bytes), buf_len(&bytes));
}

static void termclip_on_timeout(void *ctx)
{
	termclip_finish(ctx, false, "the host has no display, and the terminal did not answer");
}

struct termclip *termclip_new(struct loop *loop, const struct termclip_callbacks *callbacks,
			      void *ctx)
{
	struct termclip *t = mem_alloc(sizeof(*t));

	t->cb = *callbacks;
	t->ctx = ctx;
	t->timer = timer_new(loop, termclip_on_timeout, t);
	return t;
}

void termclip_free(struct termclip *t)
{
	if (!t)
		return;
	termclip_reset(t);
	timer_free(t->timer);
	free(t);
}

bool termclip_ask(struct termclip *t, uint32_t client, enum clip_type what)
{
	AUTO_BUF struct buf ask = {0};

	termclip_reset(t);
	wire_fill_ask(&ask, (struct wire_ask){(uint8_t)what});
	if (!t->cb.ask(t->ctx, client, buf_data(&ask), buf_len(&ask)))
		return false;
	t->client = client;
	t->what = what;
	timer_start(t->timer, what == CLIP_NO_TYPE ? TERMCLIP_LIST_MS : TERMCLIP_IMAGE_MS, 0);
	return true;
}

void termclip_on_bytes(struct termclip *t, uint32_t client, const void *bytes, size_t n)
{
	if (client == t->client && buf_len(&t->bytes) + n <= CLIP_IMAGE_MAX)
		buf_add(&t->bytes, bytes, n);
}

void termclip_on_done(struct termclip *t, uint32_t client, const void *json, size_t n)
{
	static struct json_line l;

	if (client != t->client)
		return;
	if (json_parse_line(json, n, &l) < 0)
		termclip_finish(t, false, "the client sent a malformed answer");
	else if (t->what != CLIP_NO_TYPE && json_get_bool(&l, "ok", false) &&
		 !clip_image_is_whole(t->what, buf_data(&t->bytes), buf_len(&t->bytes)))
		termclip_finish(
			t, false,
			"the image of the terminal is not of its stated type, or truncated");
	else
		termclip_finish(t, json_get_bool(&l, "ok", false),
				json_get_string(&l, "reason") ? json_get_string(&l, "reason") : "");
}

void termclip_forget_client(struct termclip *t, uint32_t client)
{
	if (t->client == client)
		termclip_finish(t, false, "the terminal is gone");
}
