#include "ui/clip.h"
#include "base/mem.h"
#include "client/termclip.h"
#include "loop/timer.h"

#include <stdio.h>
#include <stdlib.h>

struct ui_clip {
	struct ui_clip_callbacks cb;
	struct termclip termclip;
	struct timer *timer;
	char session[16]; /* who asked */
};

static void ui_clip_send(void *ctx, enum wire_type type, const void *payload, size_t n)
{
	struct ui_clip *c = ctx;

	c->cb.answer(c->cb.ctx, c->session, type, payload, n);
}

static void ui_clip_show(void *ctx, const void *bytes, size_t n)
{
	struct ui_clip *c = ctx;

	c->cb.show(c->cb.ctx, bytes, n);
}

/* Waits as long for the next byte as what is asked, or half taken, is worth. */
static void ui_clip_wait(struct ui_clip *c)
{
	const int ms = termclip_patience_ms(&c->termclip);

	if (ms >= 0)
		timer_start(c->timer, (unsigned)ms, 0);
	else
		timer_stop(c->timer);
}

static void ui_clip_on_timer(void *clip)
{
	struct ui_clip *c = clip;
	AUTO_BUF struct buf keys = {0};

	termclip_give_up(&c->termclip, &keys);
	c->cb.typed(c->cb.ctx, buf_data(&keys), buf_len(&keys));
	ui_clip_wait(c);
}

struct ui_clip *ui_clip_new(struct loop *loop, const struct ui_clip_callbacks *cb)
{
	struct ui_clip *c = mem_alloc(sizeof(*c));

	c->cb = *cb;
	c->termclip.cb = (struct termclip_callbacks){ui_clip_send, ui_clip_show, c};
	c->timer = timer_new(loop, ui_clip_on_timer, c);
	return c;
}

void ui_clip_free(struct ui_clip *c)
{
	termclip_fini(&c->termclip);
	timer_free(c->timer);
	free(c);
}

void ui_clip_on_ask(struct ui_clip *c, const char *id, const void *payload, size_t n)
{
	static const char busy[] =
		"{\"ok\":false,\"reason\":\"the terminal is being asked for another session\"}";

	if (c->termclip.asked) {
		c->cb.answer(c->cb.ctx, id, WIRE_CLIP_DONE, busy, sizeof(busy) - 1);
		return;
	}
	snprintf(c->session, sizeof(c->session), "%s", id);
	termclip_on_ask(&c->termclip, payload, n);
	ui_clip_wait(c);
}

void ui_clip_filter(struct ui_clip *c, const void *bytes, size_t n, struct buf *keys)
{
	termclip_filter(&c->termclip, bytes, n, keys);
	ui_clip_wait(c);
}
