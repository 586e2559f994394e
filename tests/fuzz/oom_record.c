/* areas: base
 * files: guest/report/oom.c src/proto/line.c src/proto/guest.c
 * A record of the guest's kernel log: names in it are chosen by any program. */
#include "fuzz/fuzz.h"

#include "report/oom.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oom_victim v;

	if (oom_parse((const char *)data, size, &v) &&
	    (v.pid <= 0 || strlen(v.process) >= sizeof(v.process)))
		abort();
	return 0;
}
