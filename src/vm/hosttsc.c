#include "vm/hosttsc.h"
#include "base/clock.h"

#include <poll.h>
#include <time.h>

#define HOSTTSC_SPAN_NS 20000000u

static uint64_t hosttsc_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

/* The two readings that lie closest together of a few, so that an interrupt between them does not
 * count. */
struct hosttsc_sample hosttsc_take(void)
{
	struct hosttsc_sample best = {0};
	uint64_t width = UINT64_MAX;

	for (int i = 0; i < 8; i++) {
		uint64_t before = (uint64_t)clock_mono_ns(), ticks = hosttsc_ticks(),
			 after = (uint64_t)clock_mono_ns();

		if (after - before < width) {
			width = after - before;
			best.ticks = ticks;
			best.ns = before + width / 2;
		}
	}
	return best;
}

unsigned hosttsc_khz_since(const struct hosttsc_sample *from)
{
	uint64_t elapsed = (uint64_t)clock_mono_ns() - from->ns;
	struct hosttsc_sample now;

	if (elapsed < HOSTTSC_SPAN_NS)
		poll(NULL, 0, (int)((HOSTTSC_SPAN_NS - elapsed) / 1000000u) + 1);
	now = hosttsc_take();
	return (unsigned)((double)(now.ticks - from->ticks) * 1e6 / (double)(now.ns - from->ns));
}
