/* oom: processes that the guest's kernel ended because memory ran out, read from its log
 * (/dev/kmsg). */
#ifndef CCVM_GUEST_OOM_H
#define CCVM_GUEST_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oom_victim {
	int64_t pid;
	int64_t kib;	  /* of memory it had; 0: not said */
	char process[17]; /* as the process calls itself: any bytes */
};

/* Reads one record of the kernel's log (Documentation/ABI/testing/dev-kmsg); false when it is about
 * something else. A process's name may look like the rest of the line: it is taken to end at the
 * last thing that can follow it. Pure. */
bool oom_parse(const char *record, size_t n, struct oom_victim *v);

/* The log from now on, non-blocking; -1: it cannot be read. */
int oom_open(void);

/* A line on stdout for each victim since the last call; -1: stdout has no reader any more. */
int oom_tell(int fd);

#endif
