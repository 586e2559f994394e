/* areas: base
 * files: src/proto/message.c src/proto/view.c src/proto/links.c src/client/keyname.c src/ui/input.c src/ui/command.c src/ui/command_copy.c src/ui/command_form.c src/ui/model.c src/ui/views.c src/ui/canvas.c
 * What a user's terminal sends, cut anywhere: keys with names of ours, pastes of bounded size,
 * and a model that can be drawn. */
#include "fuzz/fuzz.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "ui/command.h"
#include "ui/input.h"
#include "ui/views.h"

static void on_key(void *ctx, const struct key *k)
{
	if (k->code < VIEW_KEY_BASE ? !text_is_cell(k->code) : k->code >= VIEW_KEY_END_OF_LIST)
		abort();
	(void)command_key(ctx, k);
}

static void on_paste(void *ctx, const char *text, size_t n, bool whole)
{
	if (n > INPUT_PASTE_MAX || (!whole && n) || text[n])
		abort();
	(void)command_paste(ctx, text, n);
}

static void on_mouse(void *ctx, unsigned mods, unsigned button, unsigned kind, int row, int col)
{
	int r, c;

	(void)mods;
	if (row < 0 || col < 0 || kind > 2 || button > 65)
		abort();
	(void)views_pane_at(ctx, 80, 24, row, col, &r, &c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model m;
	const struct input_callbacks cb = {on_key, on_paste, on_mouse, &m};
	struct input *in = input_new("xterm-256color", &cb);
	struct canvas c;

	if (!in)
		abort();
	model_init(&m, 0);
	for (size_t at = 0; at < size;) {
		size_t n = data[at++] & 0x1f;

		n = n < size - at ? n : size - at;
		input_feed(in, (const char *)data + at, n);
		at += n;
		if (n == 0)
			input_settle(in);
	}
	input_settle(in);
	canvas_init(&c, 80, 24);
	views_draw(&m, &c);
	canvas_fini(&c);
	model_fini(&m);
	input_free(in);
	return 0;
}
