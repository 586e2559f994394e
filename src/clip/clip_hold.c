#include "clip/clip_hold.h"
#include "clip/clip_path.h"

void clip_hold_fini(struct clip_hold *h)
{
	buf_fini(&h->held);
	*h = (struct clip_hold){0};
}

void clip_hold_release(struct clip_hold *h, struct buf *out)
{
	buf_add(out, buf_data(&h->held), buf_len(&h->held));
	clip_hold_done(h);
}

void clip_hold_done(struct clip_hold *h)
{
	buf_drop(&h->held, buf_len(&h->held));
	h->holding = h->whole = false;
}

/* A byte inside of a paste that is held: enough of it is text. */
static void hold_byte(struct clip_hold *h, unsigned char byte, struct buf *out)
{
	const bool first = !buf_len(&h->held);

	buf_add(&h->held, &byte, 1);
	h->whole = !h->typed.pasting;
	if (!h->whole && ((first && !clip_path_may_begin(byte)) || buf_len(&h->held) >= CLIP_PASTE_MAX + CLIP_HOLD_END))
		clip_hold_release(h, out);
}

size_t clip_hold_feed(struct clip_hold *h, const void *bytes, size_t n, struct buf *out)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++) {
		const bool before = h->typed.pasting;

		(void)clip_typed_feed(&h->typed, p + i, 1);
		if (!h->holding) {
			buf_add(out, p + i, 1);
			h->holding = !before && h->typed.pasting;
			continue;
		}
		hold_byte(h, p[i], out);
		if (h->whole)
			return i + 1;
	}
	return n;
}
