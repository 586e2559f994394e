#include "proto/fsctl.h"

#include <string.h>

#define SHOWN(member, help) LINE_TEXT_FIELD(fsctl_report, #member, member, LINE_SHOWN, help)

const struct line_shape fsctl_reports[FSCTL_REPORTS] = {
	[FSCTL_REFUSED] = {"refused",
			   LINE_FIELDS(SHOWN(path, "what, from the shared directory on"),
				       SHOWN(option, "by which option"), SHOWN(reason, "why"),
				       LINE_NUMBER_FIELD(fsctl_report, "count", count, LINE_NUMBER,
							 1, INT32_MAX,
							 "refusals since the last such report")),
			   "the guest may not do what it tried"},
};

void fsctl_report_put(struct buf *out, const struct fsctl_report *r)
{
	line_put(&fsctl_reports[r->type], r, out);
}

void fsctl_report_parse(struct fsctl_report *r, const char *line, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->type = (enum fsctl_report_type)line_parse(fsctl_reports, FSCTL_REPORTS, line, n, r);
}
