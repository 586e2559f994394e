/* areas: base
 * files: src/proto/message.c src/proto/view.c src/proto/links.c
 * A frame as a viewer reads it from a ccvm-term that a guest took over: refused, or a screen
 * that holds together. */
#include "fuzz/fuzz.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "proto/view.h"

static void check(const struct view_screen *v)
{
	AUTO_BUF struct buf text = {0};

	for (uint16_t row = 0; row < v->rows; row++) {
		const struct view_cell *c = view_row(v, row);

		for (uint16_t col = 0; col < v->cols; col++) {
			if (c[col].ch && !text_is_cell(c[col].ch))
				abort();
			if ((c[col].attr & VIEW_WIDE) &&
			    (col + 1 == v->cols || !(c[col + 1].attr & VIEW_TAIL)))
				abort();
		}
		view_row_ansi(&text, c, v->cols, &v->links);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view_screen v = {0}, h = {0};
	const size_t half = size / 2;

	if (view_take_frame(&v, data, half) == 0)
		check(&v);
	if (view_take_frame(&v, data + half, size - half) == 0)
		check(&v);
	if (view_take_history(&h, 80, 10, data, size) == 0)
		check(&h);
	view_screen_fini(&v);
	view_screen_fini(&h);
	return 0;
}
