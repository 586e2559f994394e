/* areas: base
 * files: src/clip/clip_path.c
 * Any paste: what is counted as paths can be walked, in its order and within its bounds, and
 * every path is absolute and printable. */
#include "fuzz/fuzz.h"

#include "clip/clip_path.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(const struct clip_path *p, size_t size, size_t at)
{
	if (p->from < at || p->n == 0 || p->from + p->n > size || p->path[0] != '/' ||
	    strlen(p->path) >= CLIP_PATH_MAX)
		abort();
	for (const char *ch = p->path; *ch; ch++)
		if ((unsigned char)*ch < 0x20 || *ch == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct clip_path p;
	const char *paste = (const char *)data;
	const size_t count = clip_path_count(paste, size);
	size_t at = 0;

	if (count > CLIP_PATHS_MAX)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (!clip_path_next(paste, size, at, &p))
			abort();
		check(&p, size, at);
		at = p.from + p.n;
	}
	if (count && clip_path_next(paste, size, at, &p))
		abort();
	if (count && !clip_path_may_begin(data[0]))
		abort();
	if (clip_path_plain(paste, size, &p))
		check(&p, size, 0);
	return 0;
}
