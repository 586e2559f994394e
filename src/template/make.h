/* make: boots a guest to its park point and saves it as its machine's template. */
#ifndef CCVM_TEMPLATE_MAKE_H
#define CCVM_TEMPLATE_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/machine.h"

struct make_request {
	const struct machine *machine;
	int64_t cache_max_bytes;
	/* A step was reached; text is ours or escaped. */
	void (*on_progress)(const char *text);
};

#define MAKE_NEVER_PARKED (-2)

/* Waits until it is done, some seconds to a minute. The caller holds template_lock. -1, or
 * MAKE_NEVER_PARKED: QEMU ran, but the guest did not come to its park point. */
int make_template(const struct make_request *r, struct err *e);

#endif
