/* areas: base
 * Any bytes as a pack: refused, or entries that lie within it and make the same bytes again. */
#include "fuzz/fuzz.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pack.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE uint8_t *bytes = mem_alloc(size ? size : 1); /* exactly as long, for ASan */
	AUTO_BUF struct buf again = {0};
	struct pack_entry entry;
	struct err e;
	size_t at = 0;
	int rc;

	if (size)
		memcpy(bytes, data, size);
	while ((rc = pack_next(bytes, size, &at, &entry, &e)) > 0) {
		check(at <= size && entry.bytes + entry.n == bytes + at);
		check(entry.name[0] != '.' && !strchr(entry.name, '/'));
		check(pack_add(&again, entry.name, entry.bytes, entry.n, &e) == 0);
	}
	check(buf_len(&again) == at && (at == 0 || memcmp(buf_data(&again), bytes, at) == 0));
	check(rc < 0 || at == size);
	return 0;
}
