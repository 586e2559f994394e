/* hosttsc: how fast this machine's time stamp counter runs.
 *
 * An emulated guest (TCG) reads the host's counter, but microvm gives its kernel nothing to
 * calibrate it against: without a stated frequency the guest's boot hangs, with a wrong one its
 * clock drifts. */
#ifndef CCVM_VM_HOSTTSC_H
#define CCVM_VM_HOSTTSC_H

#include <stdint.h>

struct hosttsc_sample {
	uint64_t ticks;
	uint64_t ns;
};

struct hosttsc_sample hosttsc_take(void);

/* kHz, measured from an earlier sample to now; waits until they are far enough apart (20 ms) to be
 * within about 50 ppm. 0 on machines without such a counter. */
unsigned hosttsc_khz_since(const struct hosttsc_sample *from);

#endif
