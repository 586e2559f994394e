/* mounts: what is mounted below a directory (proc(5), /proc/PID/mountinfo). */
#ifndef CCVM_BASE_MOUNTS_H
#define CCVM_BASE_MOUNTS_H

#include "base/err.h"
#include "base/mem.h"

/* Adds the mount points below `dir` (absolute, as the kernel has it), without dir itself. */
int mounts_below(const char *dir, struct strv *out, struct err *e);

/* The same from the text of a mountinfo file. Pure. */
void mounts_parse(const char *text, const char *dir, struct strv *out);

#endif
