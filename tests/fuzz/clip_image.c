/* areas: base
 * files: src/clip/clip_image.c src/clip/clip_request.c
 * Any bytes as an image: of one type at most, and whole only as that one. */
#include "fuzz/fuzz.h"

#include "clip/clip_image.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const enum clip_type type = clip_image_type(data, size);

	for (int t = CLIP_PNG; t <= CLIP_NO_TYPE; t++)
		if (clip_image_is_whole((enum clip_type)t, data, size) &&
		    (t != (int)type || t == CLIP_NO_TYPE))
			abort();
	return 0;
}
