#include "client/typed.h"

static void typed_send(void *ctx, enum wire_type type, const void *payload, size_t n)
{
	const struct typed *t = ctx;

	t->cb.send(t->cb.ctx, type, payload, n);
}

/* The paste as it is to be, between the marks that it came in. */
static void typed_on_done(void *ctx, const void *text, size_t n)
{
	struct typed *t = ctx;
	AUTO_BUF struct buf paste = {0};

	buf_add(&paste, buf_data(&t->hold.held), t->hold.mark);
	buf_add(&paste, text, n);
	buf_add(&paste, buf_data(&t->hold.held) + buf_len(&t->hold.held) - CLIP_HOLD_MARK,
		CLIP_HOLD_MARK);
	t->cb.pass(t->cb.ctx, buf_data(&paste), buf_len(&paste));
	clip_hold_done(&t->hold);
}

static void typed_go_on(struct typed *t)
{
	const struct picture_callbacks cb = {typed_send, typed_on_done, t};

	while (buf_len(&t->later) && !t->picture.waiting) {
		AUTO_BUF struct buf out = {0};
		const size_t n = clip_hold_feed(&t->hold, buf_data(&t->later), buf_len(&t->later),
						&out);
		const char *text;
		size_t length;

		buf_drop(&t->later, n);
		if (buf_len(&out))
			t->cb.pass(t->cb.ctx, buf_data(&out), buf_len(&out));
		if (!t->hold.whole)
			continue;
		text = clip_hold_text(&t->hold, &length);
		picture_begin(&t->picture, &cb, text, length);
	}
}

void typed_feed(struct typed *t, const void *bytes, size_t n)
{
	termclip_filter(&t->termclip, bytes, n, &t->later);
	typed_go_on(t);
}

static void typed_show(void *ctx, const void *bytes, size_t n)
{
	const struct typed *t = ctx;

	t->cb.show(t->cb.ctx, bytes, n);
}

void typed_on_ask(struct typed *t, const void *payload, size_t n)
{
	t->termclip.cb = (struct termclip_callbacks){typed_send, typed_show, t};
	termclip_on_ask(&t->termclip, payload, n);
}

bool typed_is_waiting(const struct typed *t)
{
	return t->picture.waiting;
}

static bool typed_is_holding(const struct typed *t)
{
	return t->hold.holding && !t->hold.whole;
}

int typed_patience_ms(const struct typed *t)
{
	const int terminal = termclip_patience_ms(&t->termclip);

	return terminal < 0 && typed_is_holding(t) ? CLIP_HOLD_MS : terminal;
}

void typed_give_up(struct typed *t)
{
	AUTO_BUF struct buf out = {0};

	if (termclip_patience_ms(&t->termclip) >= 0) {
		termclip_give_up(&t->termclip, &t->later);
		typed_go_on(t);
		return;
	}
	if (!typed_is_holding(t))
		return;
	clip_hold_release(&t->hold, &out);
	if (buf_len(&out))
		t->cb.pass(t->cb.ctx, buf_data(&out), buf_len(&out));
}

void typed_on_placed(struct typed *t, const void *path, size_t n)
{
	picture_on_placed(&t->picture, path, n);
	typed_go_on(t);
}

size_t typed_kept(const struct typed *t)
{
	return buf_len(&t->later) + buf_len(&t->hold.held);
}

void typed_fini(struct typed *t)
{
	clip_hold_fini(&t->hold);
	picture_fini(&t->picture);
	termclip_fini(&t->termclip);
	buf_fini(&t->later);
	t->later = (struct buf){0};
}
