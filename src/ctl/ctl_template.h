/* ctl_template: what the image commands say and do about saved guests. */
#ifndef CCVM_CTL_TEMPLATE_H
#define CCVM_CTL_TEMPLATE_H

#include "base/buf.h"
#include "ctl/ctl_options.h"

ctl_run_fn template_warm; /* `image warm [--json]` */
void template_print(void);
/* Adds the list `templates`. */
void template_add_json(struct buf *line);

#endif
