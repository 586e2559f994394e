#include "clip/clip_hold.h"
#include "clip/clip_path.h"

#include <string.h>

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
	h->mark = 0;
}

const char *clip_hold_text(const struct clip_hold *h, size_t *n)
{
	*n = buf_len(&h->held) - h->mark - CLIP_HOLD_MARK;
	return (const char *)buf_data(&h->held) + h->mark;
}

/* Takes back the mark that out ends with. */
static void hold_begin(struct clip_hold *h, struct buf *out)
{
	static const char mark[CLIP_HOLD_MARK] = "\033[200~";
	const size_t n = buf_len(out);

	h->holding = true;
	if (n < sizeof(mark) || memcmp(buf_data(out) + n - sizeof(mark), mark, sizeof(mark)) != 0)
		return;
	buf_cut(out, n - sizeof(mark));
	buf_add(&h->held, mark, sizeof(mark));
	h->mark = sizeof(mark);
}

/* A byte inside of a paste that is held: enough of it is text. */
static void hold_byte(struct clip_hold *h, unsigned char byte, struct buf *out)
{
	const bool first = buf_len(&h->held) == h->mark;

	buf_add(&h->held, &byte, 1);
	h->whole = !h->typed.pasting;
	if (!h->whole && ((first && !clip_path_may_begin(byte)) ||
			  buf_len(&h->held) >= CLIP_PASTE_MAX + h->mark + CLIP_HOLD_MARK))
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
			if (!before && h->typed.pasting)
				hold_begin(h, out);
			continue;
		}
		hold_byte(h, p[i], out);
		if (h->whole)
			return i + 1;
	}
	return n;
}
