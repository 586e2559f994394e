/* areas: base
 * files: src/clip/clip_hold.c src/clip/clip_path.c src/clip/clip_typed.c
 * Any bytes as what a terminal sends, cut anywhere and given up on anywhere: they come out as
 * they went in, no more is held than the bound, and a whole paste ends with its mark. The first
 * byte says how they are cut. */
#include "fuzz/fuzz.h"

#include "clip/clip_hold.h"
#include "clip/clip_path.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_paste(const struct clip_hold *h)
{
	size_t n;
	const char *text = clip_hold_text(h, &n);

	if (n == 0 || n > CLIP_PASTE_MAX || memcmp(text + n, "\033[201~", CLIP_HOLD_MARK) != 0 ||
	    (h->mark && memcmp(text - h->mark, "\033[200~", CLIP_HOLD_MARK) != 0))
		abort();
}

static void feed(struct clip_hold *h, const uint8_t *data, size_t n, struct buf *out)
{
	while (n) {
		const size_t took = clip_hold_feed(h, data, n, out);

		if (took == 0 || took > n ||
		    buf_len(&h->held) > CLIP_PASTE_MAX + 2 * CLIP_HOLD_MARK)
			abort();
		if (h->whole) {
			check_paste(h);
			clip_hold_release(h, out);
		}
		data += took;
		n -= took;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clip_hold h = {0};
	AUTO_BUF struct buf out = {0};
	size_t step;

	if (size < 2)
		return 0;
	step = data[0] % 16 + 1u;
	for (size_t at = 1; at < size; at += step) {
		feed(&h, data + at, size - at < step ? size - at : step, &out);
		if (data[0] & 0x10 && at % 7 == 0)
			clip_hold_release(&h, &out);
	}
	clip_hold_release(&h, &out);
	if (buf_len(&out) != size - 1 || memcmp(buf_data(&out), data + 1, size - 1) != 0)
		abort();
	clip_hold_fini(&h);
	return 0;
}
