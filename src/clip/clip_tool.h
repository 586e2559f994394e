/* clip_tool: runs one clipboard or conversion tool with a deadline and bounds. */
#ifndef CCVM_CLIP_TOOL_H
#define CCVM_CLIP_TOOL_H

#include "base/buf.h"
#include "proto/clip.h"

struct clip_tool {
	const char *const *argv; /* ends with NULL; argv[0] is found along the PATH of envp */
	char *const *envp;
	const void *in; /* for its stdin */
	size_t in_size;
	size_t out_max;
	int timeout_ms;
};

/* Appends what it wrote. Returns its exit code, or -1 with a reason (printable, nothing of the
 * tool's own words): not there, not done in time, too much, killed. The tool and what it started
 * in its session is gone either way. */
int clip_tool_run(const struct clip_tool *t, struct buf *out, char reason[CLIP_REASON_MAX]);

#endif
