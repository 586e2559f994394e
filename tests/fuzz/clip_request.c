/* areas: base
 * files: src/clip/clip_request.c
 * Any bytes as a guest's question: what is taken is one line of the closed list, exactly. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "clip/clip_request.h"
#include "proto/clip.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = {"", CLIP_FETCH, CLIP_STORED, CLIP_FAILED};
	struct clip_request r;
	const int rc = clip_request_parse(data, size, &r);
	AUTO_FREE char *line = NULL;

	if (rc == 0 && (size > CLIP_LINE_MAX || memchr(data, '\n', size)))
		abort(); /* it would be waited for, for ever */
	if (rc != 1)
		return 0;
	line = r.file ? mem_format("%s%s\n", words[r.file], r.token)
		      : mem_format("%s\n", r.list ? CLIP_LIST : clip_type_mime(r.type));
	if (strlen(line) != size || memcmp(line, data, size) != 0 ||
	    (!r.list && !r.file && r.type >= CLIP_TIFF))
		abort();
	return 0;
}
