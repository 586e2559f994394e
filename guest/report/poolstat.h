/* poolstat: how full the encrypted disk is. */
#ifndef CCVM_GUEST_POOLSTAT_H
#define CCVM_GUEST_POOLSTAT_H

#include <stdint.h>

struct poolstat {
	int64_t total_kib;
	int64_t used_kib;
};

/* 0, or -1 where there is none. */
int poolstat_read(struct poolstat *p);

/* A line on stdout when the figures have changed; -1: stdout has no reader any more. */
int poolstat_tell(struct poolstat *last);

#endif
