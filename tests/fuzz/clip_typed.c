/* areas: base
 * files: src/clip/clip_typed.c
 * Any bytes as what a terminal sends: the same verdict however they are cut, and none for what
 * is one bracketed paste. */
#include "fuzz/fuzz.h"

#include "clip/clip_typed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char begin[] = "\033[200~";
	struct clip_typed whole = {0}, parts = {0}, paste = {0};
	bool by_parts = false;

	for (size_t i = 0; i < size; i++)
		by_parts = clip_typed_feed(&parts, data + i, 1) || by_parts;
	if (clip_typed_feed(&whole, data, size) != by_parts)
		abort();
	(void)clip_typed_feed(&paste, begin, sizeof(begin) - 1);
	if (!memmem(data, size, "201~", 4) && clip_typed_feed(&paste, data, size))
		abort();
	return 0;
}
