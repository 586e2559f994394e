#include "vm/hosttsc.h"

#include <poll.h>
#include <time.h>

#define HOSTTSC_SPAN_NS 20000000u

static uint64_t hosttsc_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t hosttsc_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

/* The two readings that lie closest together of a few, so that an interrupt between them does not count. */
struct hosttsc_sample hosttsc_take(void)
{
	struct hosttsc_sample best = {0};
	uint64_t width = UINT64_MAX;

	for (int i = 0; i < 8; i++) {
		uint64_t before = hosttsc_now_ns(), ticks = hosttsc_ticks(), after = hosttsc_now_ns();

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
	uint64_t elapsed = hosttsc_now_ns() - from->ns;
	struct hosttsc_sample now;

	if (elapsed < HOSTTSC_SPAN_NS)
		poll(NULL, 0, (int)((HOSTTSC_SPAN_NS - elapsed) / 1000000u) + 1);
	now = hosttsc_take();
	return (unsigned)((double)(now.ticks - from->ticks) * 1e6 / (double)(now.ns - from->ns));
}
