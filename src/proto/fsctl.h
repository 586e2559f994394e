/* fsctl: the messages of ccvm-fs to the session, one JSON object a line. docs/protocols has the fields,
 * from the table in fsctl.c. Unknown messages are from a newer program and are ignored. */
#ifndef CCVM_PROTO_FSCTL_H
#define CCVM_PROTO_FSCTL_H

#include <stddef.h>
#include <stdint.h>

#include "proto/line.h"

enum fsctl_report_type {
	FSCTL_NOTHING,
	FSCTL_REFUSED,
};
#define FSCTL_REPORTS (FSCTL_REFUSED + 1)

struct fsctl_report {
	enum fsctl_report_type type;
	char path[400], option[32], reason[200];
	int64_t count;
};

void fsctl_report_put(struct buf *out, const struct fsctl_report *r);
/* Pure. ccvm-fs reads what a guest sends and may be taken over by it: texts are escaped, numbers
 * bounded. */
void fsctl_report_parse(struct fsctl_report *r, const char *line, size_t n);

/* By type; the first row is no message. */
extern const struct line_shape fsctl_reports[FSCTL_REPORTS];

#endif
