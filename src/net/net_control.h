/* net_control: the line to ccvm-session. One JSON object a line, both ways, 4 KiB a line at most.
 *
 * The other side is trusted, so bounds here are against mistakes: a reader that stalls costs
 * events, not memory. */
#ifndef CCVM_NET_CONTROL_H
#define CCVM_NET_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/netctl.h"

#define NET_CONTROL_LINE_MAX 4096 /* the line's end included */
#define NET_CONTROL_OUT_MAX  (64 * 1024)

/* Called with one line, NUL-terminated, without its newline; valid during the call. May hold NUL
 * bytes. */
typedef void net_control_line_fn(void *ctx, const char *line, size_t len);

/* Cuts a byte stream into lines. Lines that are too long are skipped whole and counted. */
struct net_control_lines {
	char line[NET_CONTROL_LINE_MAX];
	size_t len;
	bool skipping;
	uint64_t skipped;
};
void net_control_split(struct net_control_lines *l, const char *bytes, size_t n,
		       net_control_line_fn *on_line, void *ctx);

struct net_control {
	int fd; /* borrowed */
	struct net_control_lines in;
	struct buf out;
	uint64_t dropped; /* events dropped because the reader was too slow */
};
void net_control_init(struct net_control *c, int fd);
void net_control_fini(struct net_control *c);

/* Queue one line. Dropped and counted when the queue is full. */
void net_control_report(struct net_control *c, const struct netctl_report *r);
void net_control_stats(struct net_control *c, const struct netctl_stats *s);

bool net_control_has_output(const struct net_control *c);

/* Sends what the socket takes. 0, or -1 when the session is gone. */
int net_control_flush(struct net_control *c, struct err *e);

/* Reads once. 1: fine · 0: the session has closed its end · -1: failed. */
int net_control_read(struct net_control *c, net_control_line_fn *on_line, void *ctx, struct err *e);

#endif
