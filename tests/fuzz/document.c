/* areas: base proto
 * Any bytes as a document of ours: what is read is written as a document that is read in the
 * same way. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "proto/netctl.h"
#include "proto/outcome.h"
#include "proto/request.h"

#include <string.h>

static void check(const struct document_shape *shape, const void *data, size_t size)
{
	union {
		struct netctl_stats stats;
		struct outcome outcome;
		struct request request;
	} one, two;
	AUTO_BUF struct buf text = {0}, again = {0};

	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
	if (document_get(shape, data, size, &one) < 0)
		return;
	document_put(shape, &one, &text);
	MUST(document_get(shape, buf_data(&text), buf_len(&text), &two) == 0);
	document_put(shape, &two, &again);
	MUST(buf_len(&text) == buf_len(&again) &&
	     memcmp(buf_data(&text), buf_data(&again), buf_len(&text)) == 0);
	document_fini(shape, &one);
	document_fini(shape, &two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(&netctl_stats_shape, data, size);
	check(&outcome_shape, data, size);
	check(&request_shape, data, size);
	return 0;
}
