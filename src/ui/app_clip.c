/* app_clip: the clipboard of the terminal that ccvm-tui runs in (client/termclip.h), for a session that asks for it. The answer is taken out
 * of the input before libtermkey sees any of it. One session asks at a time; another one is told so. */
#include "ui/app_link.h"
#include "ui/app_state.h"
#include "ui/paint.h"

#include <stdio.h>
#include <string.h>

static void clip_send(void *ctx, enum wire_type type, const void *payload, size_t n)
{
	struct app *a = ctx;

	links_answer(a, a->clip_session, type, payload, n);
}

static void clip_show(void *ctx, const void *bytes, size_t n)
{
	(void)ctx;
	paint_question(bytes, n);
}

static void clip_on_timer(uv_timer_t *timer);

/* Waits as long for the next byte as what is asked, or half taken, is worth. */
static void clip_wait(struct app *a)
{
	const int ms = termclip_patience_ms(&a->termclip);

	if (ms >= 0)
		uv_timer_start(&a->clip_timer, clip_on_timer, (uint64_t)ms, 0);
	else
		uv_timer_stop(&a->clip_timer);
}

static void clip_on_timer(uv_timer_t *timer)
{
	struct app *a = timer->data;
	AUTO_BUF struct buf keys = {0};

	termclip_give_up(&a->termclip, &keys);
	app_on_typed(a, buf_data(&keys), buf_len(&keys));
	clip_wait(a);
}

void app_clip_init(struct app *a)
{
	a->termclip.cb = (struct termclip_callbacks){clip_send, clip_show, a};
	uv_timer_init(&a->loop, &a->clip_timer);
	a->clip_timer.data = a;
}

void app_clip_on_ask(struct app *a, const char *id, const void *payload, size_t n)
{
	static const char busy[] = "{\"ok\":false,\"reason\":\"the terminal is being asked for another session\"}";

	if (a->termclip.asked) {
		links_answer(a, id, WIRE_CLIP_DONE, busy, sizeof(busy) - 1);
		return;
	}
	snprintf(a->clip_session, sizeof(a->clip_session), "%s", id);
	termclip_on_ask(&a->termclip, payload, n);
	clip_wait(a);
}

void app_clip_filter(struct app *a, const void *bytes, size_t n, struct buf *keys)
{
	termclip_filter(&a->termclip, bytes, n, keys);
	clip_wait(a);
}

void app_clip_end(struct app *a)
{
	termclip_fini(&a->termclip);
}
