/* areas: base
 * files: src/net/net_reach.c src/net/net_address.c
 * An answer of rtnetlink: the first byte is the low one of the question's number. */
#include "fuzz/fuzz.h"

#include "net/net_reach.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int said;

	if (!size)
		return 0;
	said = net_reach_parse(data + 1, size - 1, data[0]);
	if (said < -1 || said > 1 || said != net_reach_parse(data + 1, size - 1, data[0]))
		abort();
	return 0;
}
