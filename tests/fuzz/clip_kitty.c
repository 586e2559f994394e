/* areas: base
 * files: src/clip/clip_kitty.c src/clip/clip_request.c
 * Any bytes behind a question to the terminal: the same comes out and is understood however they
 * are cut; nothing more comes out than went in; a list holds our names alone. The first byte
 * says what was asked. */
#include "fuzz/fuzz.h"

#include "clip/clip_kitty.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_list(const struct clip_kitty *k)
{
	const char *text = (const char *)buf_data(&k->data);

	for (size_t n = buf_len(&k->data), at = 0; at < n;) {
		const char *end = memchr(text + at, '\n', n - at);

		if (!end || clip_type_of(text + at, (size_t)(end - text) - at) >= CLIP_BMP)
			abort();
		at = (size_t)(end - text) + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clip_kitty whole = {0}, parts = {0};
	AUTO_BUF struct buf question = {0}, out = {0}, out_parts = {0};

	if (size < 1)
		return 0;
	clip_kitty_ask(&whole, (enum clip_type)(data[0] % (CLIP_NO_TYPE + 1)), &question);
	clip_kitty_ask(&parts, whole.wanted, &question);
	clip_kitty_feed(&whole, data + 1, size - 1, &out);
	for (size_t i = 1; i < size; i++)
		clip_kitty_feed(&parts, data + i, 1, &out_parts);
	if (buf_len(&out) > size - 1 || buf_len(&out) != buf_len(&out_parts) ||
	    whole.result != parts.result ||
	    memcmp(buf_data(&out), buf_data(&out_parts), buf_len(&out)) != 0 ||
	    buf_len(&whole.data) != buf_len(&parts.data) ||
	    buf_len(&whole.string) > CLIP_KITTY_STRING)
		abort();
	if (whole.wanted == CLIP_NO_TYPE)
		check_list(&whole);
	clip_kitty_fini(&whole);
	clip_kitty_fini(&parts);
	return 0;
}
