/* areas: base term
 * files: src/proto/message.c src/proto/view.c src/proto/links.c src/proto/wire.c src/proto/request.c src/proto/hostenv.c src/proto/outcome.c src/proto/document.c
 * A guest's output, cut anywhere, with resizes in between. Whatever it is, each frame that comes
 * out is well-formed, and a viewer that follows sees what one sees that comes new. */
#include "fuzz/fuzz.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "term/emu.h"

/* Answers are of a closed alphabet: no letter of a shell command can be among them but those of
 * the sequences. */
static void on_answer(void *ctx, const void *bytes, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		if (!strchr("\033[]?;$yRncutP>|cvm\\!+=/:rgb qaedf", ((const char *)bytes)[i]) &&
		    (((const char *)bytes)[i] < '0' || ((const char *)bytes)[i] > '9'))
			abort();
}

static void follow(struct emu *e, struct view_screen *v)
{
	AUTO_BUF struct buf frame = {0};

	emu_put_frame(e, &frame, v->s.gen);
	if (view_take_frame(v, buf_data(&frame), buf_len(&frame)) < 0)
		abort();
}

/* fresh is kept from one time to the next: its pages would be cleared anew each time. */
static void compare(struct emu *e, struct view_screen *v)
{
	static struct view_screen fresh;

	follow(e, v);
	fresh.s.gen = 0;
	links_fini(&fresh.links);
	follow(e, &fresh);
	if (fresh.cols != v->cols || fresh.rows != v->rows ||
	    memcmp(fresh.cells, v->cells, (size_t)v->cols * v->rows * sizeof(*v->cells)) != 0)
		abort();
	for (size_t i = 0; i < (size_t)v->cols * v->rows; i++)
		if (!links_uri(&fresh.links, fresh.cells[i].link) !=
			    !links_uri(&v->links, v->cells[i].link) &&
		    links_uri(&fresh.links, fresh.cells[i].link))
			abort(); /* one that a viewer who was there all the time has not */
}

/* The largest screen is small, since a comparison costs as much as it has cells:
 * term_hostile_test has large ones. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct emu *e = emu_new(20, 6, 50, 1, &(struct emu_callbacks){on_answer, NULL});
	struct view_screen v = {0};
	size_t at = 0;

	follow(e, &v);
	while (at < size) {
		size_t n = data[at++] & 0x3f;

		if (n == 0x3f && size - at >= 2) {
			emu_resize(e, data[at] % 50, data[at + 1] % 20);
			at += 2;
			continue;
		}
		n = n < size - at ? n : size - at;
		emu_feed(e, data + at, n);
		at += n;
		if (n % 4 == 1)
			compare(e, &v);
	}
	compare(e, &v);
	emu_free(e);
	view_screen_fini(&v);
	return 0;
}
